"""The API's description: valid, complete, and true about the models behind it."""

import json
import re
from dataclasses import replace
from http import HTTPStatus

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from shared.api.http_status import HTTP_STATUS
from shared.api.manifest import get_manifest
from shared.api.openapi.document import build_openapi, list_routes, render_openapi
from shared.api.openapi.examples import DASHBOARD_YAML
from shared.api.openapi.operations import OPERATIONS
from shared.api.responses import Reply, ResponseFactory
from shared.api.routes import RouteAuth
from shared.dashboards.validation import ValidationService
from shared.dashboards.validators.parsed import DashboardSource
from shared.errors import ConflictError, ErrorCode
from shared.lineage.model import split_table_name
from shared.precompute.payload.encoding import close_fragment
from shared.schemas.data import QueryDataModel
from shared.schemas.paging import PageQuery
from shared.schemas.sql import SqlRunRequest
from shared.settings import Settings

MANIFEST = get_manifest()
ROUTES = [(entry.name, route.path, method) for entry, route, method in list_routes(MANIFEST)]
ENVELOPE = ["data", "error", "metadata", "success"]


@pytest.fixture(scope="module")
def document():
    return json.loads(render_openapi("1.2.3"))


def list_operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def find_operation(document, route):
    _, path, method = route
    return document["paths"][re.sub(r":int\}", "}", path)][method.lower()]


def validate(document, schema_name, value):
    """Check a value against one of the document's own schemas."""
    resource = DRAFT202012.create_resource(document)
    registry = Registry().with_resource("urn:openapi", resource)
    schema = {"$ref": f"urn:openapi#/components/schemas/{schema_name}"}
    Draft202012Validator(schema, registry=registry).validate(value)


def test_every_tag_that_is_used_is_described_and_the_other_way_round(document):
    declared = [tag["name"] for tag in document["tags"]]
    used = {tag for _, operation in list_operations(document) for tag in operation["tags"]}
    assert len(declared) == len(set(declared))
    assert set(declared) == used


def test_the_document_is_valid_openapi_3_1(document):
    assert document["openapi"] == "3.1.1"
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_of_the_manifest_has_an_entry_and_no_entry_is_left_over():
    assert sorted(ROUTES) == sorted(OPERATIONS)


def test_a_route_without_an_entry_is_refused():
    entry = MANIFEST.functions[0]
    stray = entry.model_copy(update={"routes": (replace(entry.routes[0], path="/dashboards/stray"),)})
    with pytest.raises(LookupError, match=r"^POST /dashboards/stray of dashboards_validate has no entry"):
        build_openapi(MANIFEST.model_copy(update={"functions": (stray,)}), "1")


def test_operation_ids_are_the_function_and_its_action_and_unique(document):
    ids = [operation["operationId"] for _, operation in list_operations(document)]
    assert len(set(ids)) == len(ids) == len(ROUTES)
    for route in ROUTES:
        assert find_operation(document, route)["operationId"] == f"{route[0]}_{OPERATIONS[route].action}"
    assert {"dashboards_save_run", "dashboards_read_list_versions", "data_get", "auth_login"} <= set(ids)


def test_the_version_is_the_services(document):
    assert document["info"]["version"] == "1.2.3"


def test_rendering_twice_gives_the_same_bytes():
    assert render_openapi("1.2.3") is render_openapi("1.2.3")
    first, second = (json.dumps(build_openapi(MANIFEST, "1.2.3")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_security_follows_the_manifest(document, route):
    rule = next(r for e, r, m in list_routes(MANIFEST) if (e.name, r.path, m) == route)
    security = find_operation(document, route)["security"]
    if rule.auth is RouteAuth.PUBLIC:
        assert security == []
    elif route[2] == "GET":
        assert security == [{"session": []}, {"bearer": []}]
    else:
        assert security == [{"session": [], "csrf": []}, {"bearer": []}]


def test_the_security_schemes_are_the_cookie_the_header_and_the_bearer_token(document):
    schemes = document["components"]["securitySchemes"]
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "__Host-almanac-session")
    assert (schemes["csrf"]["in"], schemes["csrf"]["name"]) == ("header", "X-CSRF-Token")
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")


def test_every_path_parameter_is_described(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            declared = {p["name"] for p in operation["parameters"] if p.get("in") == "path"}
            assert declared == set(re.findall(r"\{(\w+)\}", path))


def test_a_query_model_becomes_parameters(document):
    operation = find_operation(document, ("dashboards_read", "/dashboards/{slug}/versions", "GET"))
    query = {p["name"]: p for p in operation["parameters"] if p.get("in") == "query"}
    assert set(query) == set(PageQuery.model_fields)
    assert query["page"]["schema"] == {"type": "integer", "default": 1, "minimum": 1, "maximum": 1_000_000}


def test_a_parameter_that_may_be_left_out_is_never_null(document):
    operation = find_operation(document, ("lineage", "/lineage/{slug}", "GET"))
    depth = next(p for p in operation["parameters"] if p.get("name") == "depth")
    assert depth["schema"] == {"type": "integer", "minimum": 1, "maximum": 20}
    assert depth["required"] is False


def test_every_answer_carries_the_headers_of_the_wrapper(document):
    for name, operation in list_operations(document):
        for status, response in operation["responses"].items():
            assert {"X-Request-Id", "traceparent", "Server-Timing"} <= set(response["headers"]), (
                name,
                status,
            )


def test_etag_and_retry_after_are_where_they_occur(document):
    data = find_operation(document, ("data", "/data/{slug}", "GET"))
    assert "ETag" in data["responses"]["200"]["headers"]
    assert "ETag" in data["responses"]["304"]["headers"]
    run = find_operation(document, ("sql_run", "/sql/run", "POST"))
    assert {s for s, r in run["responses"].items() if "Retry-After" in r["headers"]} == {"429", "503"}


@pytest.mark.parametrize(
    ("route", "side", "media_type"),
    [
        (("dashboards_validate", "/dashboards/validate", "POST"), "request", "application/yaml"),
        (("dashboards_compile", "/dashboards/compile", "POST"), "request", "application/yaml"),
        (("dashboards_save", "/dashboards/save", "POST"), "request", "application/yaml"),
        (("dashboards_validate", "/dashboards/validate", "POST"), "answer", "application/sarif+json"),
        (("precompute", "/precompute", "POST"), "answer", "application/x-ndjson"),
        (("lineage", "/lineage/{slug}", "GET"), "answer", "application/vnd.openlineage+json"),
    ],
)
def test_the_other_formats_stand_beside_json(document, route, side, media_type):
    operation = find_operation(document, route)
    place = operation["requestBody"] if side == "request" else operation["responses"]["200"]
    assert {"application/json", media_type} <= set(place["content"])


def test_failures_stand_under_the_status_of_their_code(document):
    for name, operation in list_operations(document):
        for status, response in operation["responses"].items():
            examples = response.get("content", {}).get("application/json", {}).get("examples", {})
            for code in examples:
                assert HTTP_STATUS[ErrorCode(code)] == int(status), name


def test_whoever_must_sign_in_can_be_refused(document):
    for name, operation in list_operations(document):
        expected = {"401", "403", "503"} if operation["security"] else set()
        assert expected <= set(operation["responses"]), name
        assert str(HTTPStatus.INTERNAL_SERVER_ERROR.value) in operation["responses"], name


def test_each_error_example_is_an_error_envelope(document):
    examples = document["components"]["examples"]
    assert set(examples) == {code.value for code in ErrorCode}
    for example in examples.values():
        validate(document, "ErrorEnvelope", example["value"])


def test_every_json_answer_is_the_envelope(document):
    documents = {"/", "/openapi.json", "/schema/dashboard.json"}
    for name, operation in list_operations(document):
        if name.split()[1] in documents:
            continue
        for response in operation["responses"].values():
            schema = response.get("content", {}).get("application/json", {}).get("schema")
            if schema:
                envelope = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                assert sorted(envelope["properties"]) == sorted(envelope["required"]) == ENVELOPE


def test_real_answers_match_their_schemas(document):
    factory = ResponseFactory("request-1", "0" * 32, "1.2.3")
    validate(document, "ErrorEnvelope", factory.build_error(ConflictError("Taken.")).get_json())
    page = b'{"page":1,"page_size":50,"total":0,"results":[],"tags":[],"owners":[]}'
    answer = factory.build_success(Reply(page)).get_json()
    name = OPERATIONS["dashboards_read", "/dashboards", "GET"].answer.__name__
    validate(document, f"SuccessEnvelope_{name}_", answer)


@pytest.mark.parametrize(
    "fragment",
    [
        b'{"columns":[{"name":"a","type":"INT64"}],"rows":2,"values":[[1,null]],"truncated":false',
        b'{"columns":[{"name":"a","type":"STRING"}],"rows":2,'
        b'"values":[{"dictionary":["x"],"codes":[0,null]}],"truncated":true',
    ],
)
@pytest.mark.parametrize("refresh_error", [None, {"code": "SQL_INVALID", "message": "No."}])
def test_the_encoded_result_of_a_query_is_what_the_model_says(document, fragment, refresh_error):
    member = json.loads(close_fragment(fragment, "2013-07-04T12:00:00.000Z", refresh_error))
    validate(document, QueryDataModel.__name__, member)


REQUEST_EXAMPLES = [
    pytest.param(operation.body, value, id=f"{route[0]}-{name}")
    for route, operation in OPERATIONS.items()
    for name, value in (operation.body_examples or {}).items()
]


@pytest.mark.parametrize(("model", "example"), REQUEST_EXAMPLES)
def test_each_request_example_is_accepted_by_model_and_schema(document, model, example):
    model.model_validate_json(json.dumps(example))
    validate(document, model.__name__, example)


def test_every_call_with_a_json_body_has_an_example():
    assert all(operation.body_examples for operation in OPERATIONS.values() if operation.body)


def test_the_yaml_example_is_a_valid_dashboard():
    source = DashboardSource("dashboards/nyc-departures.yaml", DASHBOARD_YAML, {})
    (result,) = ValidationService(Settings()).validate_dashboards([source])
    assert result.valid, result.diagnostics
    assert [d.code for d in result.diagnostics if d.severity == "error"] == []


@pytest.mark.parametrize("size", ["1 GB", "1.5 GiB", "500", 1000, "10mb"])
def test_the_schema_takes_the_sizes_the_model_takes(document, size):
    body = {"sql": "SELECT 1", "max_bytes_billed": size}
    SqlRunRequest.model_validate_json(json.dumps(body))
    validate(document, "SqlRunRequest", body)


@pytest.mark.parametrize("size", ["ten", "", "-1 GB", "1 XB", 0, -1, True, 1.5])
def test_the_schema_refuses_the_sizes_the_model_refuses(document, size):
    body = {"sql": "SELECT 1", "max_bytes_billed": size}
    with pytest.raises(ValueError, match="max_bytes_billed"):
        SqlRunRequest.model_validate_json(json.dumps(body))
    with pytest.raises(Exception, match="is not valid under any of the given schemas"):
        validate(document, "SqlRunRequest", body)


CHOICES = {
    "CompileRequest": (
        [
            {"slugs": ["a"]},
            {"dashboards": [{"yaml": "x"}]},
            {"slugs": ["a"], "dashboards": [], "variants": "all"},
        ],
        [
            {},
            {"slugs": []},
            {"slugs": ["a"], "dashboards": [{"yaml": "x"}]},
            {"variants": "all"},
            {"slugs": ["a"], "b": 1},
        ],
    ),
    "PrecomputeRequest": (
        [
            {"slugs": ["a"]},
            {"all": True},
            {"due": True, "slugs": [], "all": False},
            {"all": True, "force": True},
        ],
        [{}, {"all": False}, {"slugs": []}, {"all": True, "due": True}, {"slugs": ["a"], "all": True}],
    ),
}


@pytest.mark.parametrize(("name", "choices"), CHOICES.items(), ids=CHOICES)
def test_either_or_is_said_by_the_schema_as_the_service_has_it(document, name, choices):
    models = {operation.body.__name__: operation.body for operation in OPERATIONS.values() if operation.body}
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    validator = Draft202012Validator(schema)
    accepted, refused = choices
    for body in accepted:
        assert validator.is_valid(body), body
        models[name].model_validate(body)
    for body in refused:
        assert not validator.is_valid(body), body
        with pytest.raises(ValueError, match="validation error"):
            models[name].model_validate(body)


@pytest.mark.parametrize(
    ("table", "is_full"),
    [("local.nyc.flights", True), ("example.com:p.nyc.flights", True), ("nyc.flights", False), ("a..b", False),
     ("p.d.", False), (".d.t", False), ("", False), ("p.d.events_*", True)],
)  # fmt: skip
def test_the_name_of_a_table_is_said_by_the_schema_as_the_service_has_it(document, table, is_full):
    operation = find_operation(document, ("lineage", "/lineage", "GET"))
    (parameter,) = [one for one in operation["parameters"] if one.get("name") == "table"]
    assert Draft202012Validator(parameter["schema"]).is_valid(table) == is_full
    if is_full:
        split_table_name(table)
    else:
        with pytest.raises(ValueError, match="not a full table name"):
            split_table_name(table)
