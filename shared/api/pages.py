"""Documents that need no sign-in: the pages' shells, the file format's JSON Schema, the API's description."""

from functools import cache
from pathlib import Path

import flask

from shared.api.call import Call
from shared.api.page_assets import build_asset, build_page
from shared.api.page_messages import build_signed_out_page

SCHEMA_PATH = Path(__file__).resolve().parents[1] / "schemas" / "dashboard.schema.json"


def build_document(call: Call) -> flask.Response:
    """Whatever lies at the path of the call. Raises NotFoundError for an asset that does not exist."""
    path = call.request.path
    if "name" in call.path_parameters:
        return build_asset(call.path_text("name"), call.request.accept_encodings.quality("gzip") > 0)
    if "slug" in call.path_parameters:
        return build_page(_name_dashboard_page(path))
    match path:
        case "/schema/dashboard.json":
            return build_schema_response(call)
        case "/openapi.json":
            return build_openapi_response(call)
        case "/docs":
            # Swagger UI writes Markdown of our own document as HTML, after cleaning it.
            return build_page("docs", trusted_types=False)
        case "/sessions":
            return build_page("sessions")
        case "/signed-out":
            return build_signed_out_page()
        case _:
            return build_page("list")


def _name_dashboard_page(path: str) -> str:
    if path.startswith("/edit/"):
        return "edit"
    return "lineage" if path.endswith("/lineage") else "view"


def build_schema_response(call: Call) -> flask.Response:
    """The JSON Schema of dashboard files, for editors."""
    headers = {"Cache-Control": "public, max-age=300"}
    return flask.Response(_read_schema(), headers=headers, content_type="application/schema+json")


def build_openapi_response(call: Call) -> flask.Response:
    """OpenAPI 3.1 of every call in the manifest."""
    from shared.api.openapi import render_openapi

    headers = {"Cache-Control": "public, max-age=300"}
    return flask.Response(
        render_openapi(call.settings.service_version), headers=headers, content_type="application/json"
    )


@cache
def _read_schema() -> bytes:
    return SCHEMA_PATH.read_bytes()
