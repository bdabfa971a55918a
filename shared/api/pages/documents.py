"""Documents that need no sign-in: the pages' shells, the file format's JSON Schema, the API's description."""

from functools import cache
from pathlib import Path
from urllib.parse import quote

import flask

from shared.api.call import Call
from shared.api.pages.assets import build_asset, build_icon, build_page
from shared.api.pages.messages import build_missing_page, build_signed_out_page
from shared.api.routes import get_routes
from shared.api.routing import Router
from shared.errors import AlmanacError, NotFoundError

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "schemas" / "dashboard.schema.json"


def build_document(call: Call) -> flask.Response:
    """Whatever lies at the path of the call. Raises NotFoundError for an asset that does not exist."""
    if "name" in call.path_parameters:
        return build_asset(call.path_text("name"), call.request.accept_encodings.quality("gzip") > 0)
    match call.route:
        case "/view/{slug}":
            return build_page("view")
        case "/view/{slug}/lineage":
            return build_page("lineage")
        case "/edit/{slug}":
            return build_page("edit")
        case "/schema/dashboard.json":
            return build_schema_response(call)
        case "/openapi.json":
            return build_openapi_response(call)
        case "/icon.svg":
            return build_icon()
        case "/docs":
            # Swagger UI writes Markdown of our own document as HTML, after cleaning it.
            return build_page("docs", trusted_types=False)
        case "/sessions":
            return build_page("sessions")
        case "/signed-out":
            return build_signed_out_page()
        case _:
            return build_page("list")


def explain_refusal(request: flask.Request, error: AlmanacError) -> flask.Response | None:
    """What a person sees in place of an error's JSON; None for a program.

    Who wrote a slash too many is sent to the page, who looks for what does not exist gets one that says so.
    """
    if request.method not in {"GET", "HEAD"} or "text/html" not in request.headers.get("Accept", ""):
        return None
    if not isinstance(error, NotFoundError):
        return None
    return _redirect_to_bare(request) or build_missing_page()


def _redirect_to_bare(request: flask.Request) -> flask.Response | None:
    path = request.path.rstrip("/")
    if path == request.path:
        return None
    try:
        # Only to what is a route of ours: `//elsewhere.test/` would lead away.
        Router(get_routes("viewer")).match("GET", path)
    except NotFoundError:
        return None
    query = request.query_string.decode("latin-1")
    location = quote(path) + (f"?{query}" if query else "")
    return flask.Response(status=308, headers={"Location": location, "Cache-Control": "no-cache"})


def build_schema_response(call: Call) -> flask.Response:
    """The JSON Schema of dashboard files, for editors."""
    headers = {"Cache-Control": "public, max-age=300"}
    return flask.Response(_read_schema(), headers=headers, content_type="application/schema+json")


def build_openapi_response(call: Call) -> flask.Response:
    """OpenAPI 3.1 of every call in the manifest."""
    from shared.api.openapi.document import render_openapi

    headers = {"Cache-Control": "public, max-age=300"}
    return flask.Response(
        render_openapi(call.settings.service_version), headers=headers, content_type="application/json"
    )


@cache
def _read_schema() -> bytes:
    return SCHEMA_PATH.read_bytes()
