"""The answers nginx gives without a function, in the envelope of the API."""

import json
from dataclasses import dataclass

from shared.api.http_status import HTTP_STATUS
from shared.errors import ErrorCode

_METADATA = {
    "timestamp": "$time_iso8601",
    "request_id": "$exchange_id",
    "version": "$service_version",
    "trace_id": "$trace_id",
}


@dataclass(frozen=True)
class ErrorPage:
    """What nginx says in place of its own status codes `statuses`."""

    statuses: tuple[int, ...]
    code: ErrorCode
    message: str
    remediation: str


# 494 is nginx's internal code for headers that are too large, 501 what it says of a Transfer-Encoding that it does not
# know. A function that cannot be reached is a 502 to
# nginx; callers get the status of the error's code, from the same table as everywhere else.
ERROR_PAGES = (
    ErrorPage(
        (400, 414, 494, 501), ErrorCode.INVALID_REQUEST, "The request line or its headers cannot be read.",
        "Shorten the URL and the headers, and check that they are valid HTTP.",
    ),
    ErrorPage(
        (404,), ErrorCode.NOT_FOUND, "There is nothing at this path.",
        "The paths of the API are in /openapi.json.",
    ),
    ErrorPage(
        (405,), ErrorCode.METHOD_NOT_ALLOWED, "This method is not accepted here.",
        "The methods of each path are in /openapi.json.",
    ),
    ErrorPage(
        (413,), ErrorCode.PAYLOAD_TOO_LARGE, "The request body is too large.",
        "Send fewer items at once; MAX_BODY_BYTES is the bound.",
    ),
    ErrorPage(
        (500,), ErrorCode.INTERNAL_ERROR, "The request could not be forwarded.",
        "Report it with the trace id.",
    ),
    ErrorPage(
        (502, 503), ErrorCode.DEPENDENCY_UNAVAILABLE, "The function behind this path cannot be reached.",
        "It is starting or restarting; try again in a moment.",
    ),
    ErrorPage(
        (504,), ErrorCode.WAREHOUSE_TIMEOUT,
        "The function did not answer in time; its work may still finish.",
        "Try again in a moment; for a long refresh name fewer slugs at once.",
    ),
)  # fmt: skip


def render_error_pages() -> str:
    """The error_page directives and the internal locations they lead to."""
    directives = []
    locations = []
    for page in ERROR_PAGES:
        status = int(HTTP_STATUS[page.code])
        location = f"/_error/{status}"
        directives.append(f"error_page {' '.join(map(str, page.statuses))} ={status} {location};")
        locations.append(
            f"location = {location} {{\n"
            f"    internal;\n"
            f"    default_type application/json;\n"
            f"    return {status} '{_build_error_body(page)}';\n"
            f"}}"
        )
    return "\n".join(directives) + "\n\n" + "\n\n".join(locations)


def render_health() -> str:
    """The location that says nginx itself is up."""
    envelope = {"success": True, "data": {"status": "ok"}, "error": None, "metadata": _METADATA}
    body = json.dumps(envelope, separators=(",", ":"))
    return (
        f"location = /healthz {{\n"
        f"    access_log off;\n"
        f"    default_type application/json;\n"
        f"    return 200 '{body}';\n"
        f"}}"
    )


def _build_error_body(page: ErrorPage) -> str:
    error = {
        "code": page.code,
        "message": page.message,
        "remediation": page.remediation,
        "trace_id": "$trace_id",
        "details": [],
    }
    envelope = {"success": False, "data": None, "error": error, "metadata": _METADATA}
    return json.dumps(envelope, separators=(",", ":"))
