"""OpenAPI 3.1 of the whole service: the manifest's routes, the models of the API, the table of errors.

Only the function that serves the document imports this: it loads every schema module.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus

from shared.api.manifest import FunctionEntry, Manifest, get_manifest
from shared.api.openapi.errors import build_error_examples, build_error_responses, list_error_codes
from shared.api.openapi.media import (
    EVERY_ANSWER,
    HEADERS,
    PATH_PARAMETERS,
    SHARED_PARAMETERS,
    JsonObject,
    Media,
)
from shared.api.openapi.operations import OPERATIONS, Operation
from shared.api.openapi.schemas import SchemaCollection
from shared.api.routes import Route, RouteAuth
from shared.auth.session_tokens import CSRF_HEADER_NAME, SESSION_COOKIE_NAME

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_SAFE_METHODS = frozenset({"GET"})
_DESCRIPTION = """\
Dashboards as code on BigQuery: validated, planned, precomputed, served.

Every JSON answer has the same envelope: `success`, `data`, `error`, `metadata`. Byte counts are integers,
money is a decimal string, times are RFC 3339 in UTC. Calls that change something want the header `X-CSRF-Token`
(from `GET /auth/session`) beside the session cookie, or a bearer token alone. GET routes answer HEAD too.
"""
_TAGS = {
    "Dashboards": "Dashboard files and their versions.",
    "Queries": "Single queries, under guard and budget.",
    "Data": "Answers computed ahead.",
    "Costs": "What was billed, and what is left of the budgets.",
    "Lineage": "What feeds what.",
    "Sign-in": "OpenID Connect sessions.",
    "Documents": "What anybody may read.",
}
_WHO = {
    RouteAuth.PUBLIC: "Anybody may call it.",
    RouteAuth.SESSION: "Needs the role `{role}`.",
    RouteAuth.SCHEDULER: "Needs the role `{role}`, or a service account of SERVICE_ACCOUNT_EMAILS.",
    RouteAuth.ADMIN: "Needs the role `admin`.",
}


@cache
def render_openapi(version: str) -> bytes:
    """The document for this checkout's manifest, as JSON; `version` is the service's."""
    return json.dumps(
        build_openapi(get_manifest(), version), ensure_ascii=False, separators=(",", ":")
    ).encode()


def build_openapi(manifest: Manifest, version: str) -> JsonObject:
    """The document. Raises LookupError when a route has no entry in OPERATIONS."""
    schemas = _collect_schemas()
    paths: dict[str, dict[str, JsonObject]] = {}
    for entry, route, method in list_routes(manifest):
        operation = _find_operation(entry, route, method)
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[method.lower()] = _describe(entry, route, method, operation, schemas)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Almanac",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": _build_components(schemas),
    }


def list_routes(manifest: Manifest) -> Iterator[tuple[FunctionEntry, Route, str]]:
    """Every (function, route, method) of the manifest, in its order."""
    for entry in manifest.functions:
        for route in entry.routes:
            for method in route.methods:
                yield entry, route, method


def _find_operation(entry: FunctionEntry, route: Route, method: str) -> Operation:
    operation = OPERATIONS.get((entry.name, route.path, method))
    if operation is None:
        raise LookupError(f"{method} {route.path} of {entry.name} has no entry in OPERATIONS")
    return operation


def _collect_schemas() -> SchemaCollection:
    operations = OPERATIONS.values()
    media = [one for operation in operations for one in operation.media]
    return SchemaCollection(
        requests=[operation.body for operation in operations if operation.body],
        queries=[operation.query for operation in operations if operation.query],
        answers=[operation.answer for operation in operations if operation.answer],
        bare=[one.schema for one in media if isinstance(one.schema, type)],
        refused=[
            operation.answer for operation in operations if operation.answer and operation.invalid_answer
        ],
    )


def _build_components(schemas: SchemaCollection) -> JsonObject:
    cookie = {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE_NAME,
        "description": "Set by /auth/callback.",
    }
    csrf = {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER_NAME,
        "description": "The `csrf_token` of GET /auth/session.",
    }
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An ID token of the identity provider, issued for this service.",
    }
    return {
        "schemas": schemas.schemas,
        "parameters": dict(SHARED_PARAMETERS),
        "headers": {
            name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
        },
        "examples": build_error_examples(),
        "securitySchemes": {"session": cookie, "csrf": csrf, "bearer": bearer},
    }


def _describe(
    entry: FunctionEntry, route: Route, method: str, operation: Operation, schemas: SchemaCollection
) -> JsonObject:
    who = _WHO[route.auth].format(role=route.role)
    described: JsonObject = {
        "operationId": f"{entry.name}_{operation.action}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description} {who}".strip(),
        "parameters": _list_parameters(route, operation, schemas),
        "responses": _build_responses(route, operation, schemas),
        "security": _list_security(route, method),
    }
    if operation.body:
        described["requestBody"] = _build_request_body(operation, schemas)
    return described


def _list_parameters(route: Route, operation: Operation, schemas: SchemaCollection) -> list[JsonObject]:
    return [
        *(PATH_PARAMETERS[name] for name in _PARAMETER.findall(route.path)),
        *(schemas.list_query_parameters(operation.query) if operation.query else ()),
        *operation.parameters,
        *({"$ref": f"#/components/parameters/{name}"} for name in SHARED_PARAMETERS),
    ]


def _list_security(route: Route, method: str) -> list[JsonObject]:
    if route.auth is RouteAuth.PUBLIC:
        return []
    session: JsonObject = {"session": []} if method in _SAFE_METHODS else {"session": [], "csrf": []}
    return [session, {"bearer": []}]


def _build_request_body(operation: Operation, schemas: SchemaCollection) -> JsonObject:
    assert operation.body is not None  # noqa: S101 - the caller asked
    examples = {name: {"value": value} for name, value in (operation.body_examples or {}).items()}
    content: JsonObject = {
        "application/json": {"schema": schemas.refer_to(operation.body), "examples": examples},
        **_describe_media(operation.body_media, schemas),
    }
    return {"required": True, "content": content}


def _build_responses(route: Route, operation: Operation, schemas: SchemaCollection) -> JsonObject:
    headers = _refer_to_headers((*EVERY_ANSWER, *operation.headers))
    status = HTTPStatus(operation.status)
    answer: JsonObject = {"description": status.phrase, "headers": headers}
    content = _describe_media(operation.media, schemas)
    if operation.answer:
        content = {"application/json": {"schema": schemas.refer_to_envelope(operation.answer)}, **content}
    if content:
        answer["content"] = content
    responses: dict[str, JsonObject] = {str(status.value): answer}
    if operation.not_modified:
        responses["304"] = {"description": HTTPStatus.NOT_MODIFIED.phrase, "headers": headers}
    codes = list_error_codes(
        signed_in=route.auth is not RouteAuth.PUBLIC,
        reads_body=operation.body is not None,
        reads_query=operation.query is not None,
        reads_path=bool(_PARAMETER.search(route.path)),
        more=operation.errors,
    )
    responses |= build_error_responses(codes)
    if operation.invalid_answer and operation.answer:
        refusal = {"application/json": {"schema": schemas.refer_to_refusal(operation.answer)}}
        responses["422"] = {**answer, "description": "One of the dashboards is invalid.", "content": refusal}
    return dict(sorted(responses.items()))


def _describe_media(media: tuple[Media, ...], schemas: SchemaCollection) -> JsonObject:
    described: JsonObject = {}
    for one in media:
        schema = schemas.refer_to(one.schema) if isinstance(one.schema, type) else one.schema
        described[one.media_type] = {"schema": schema} | ({"example": one.example} if one.example else {})
    return described


def _refer_to_headers(names: tuple[str, ...]) -> Mapping[str, JsonObject]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
