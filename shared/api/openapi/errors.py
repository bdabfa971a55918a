"""The failures of a call as OpenAPI responses, grouped by the status their codes answer with."""

from collections.abc import Sequence
from http import HTTPStatus

from shared.api.http_status import HTTP_STATUS
from shared.api.openapi.media import EVERY_ANSWER, JsonObject
from shared.errors import AlmanacError, ErrorCode

_MAY_SAY_WHEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def list_error_codes(
    *, signed_in: bool, reads_body: bool, reads_query: bool, reads_path: bool, more: Sequence[ErrorCode]
) -> list[ErrorCode]:
    """The codes a call can answer, in the order of the enum."""
    codes = {ErrorCode.INTERNAL_ERROR, *more}
    if signed_in:
        codes |= {ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.DEPENDENCY_UNAVAILABLE}
    if reads_body or reads_query:
        codes.add(ErrorCode.INVALID_REQUEST)
    if reads_path:
        # A proxy refuses a path with a zero byte, and takes an encoded slash for one.
        codes |= {ErrorCode.INVALID_REQUEST, ErrorCode.NOT_FOUND}
    if reads_body:
        codes |= {ErrorCode.REQUEST_TIMEOUT, ErrorCode.PAYLOAD_TOO_LARGE}
    return [code for code in ErrorCode if code in codes]


def build_error_responses(codes: Sequence[ErrorCode]) -> dict[str, JsonObject]:
    """One response per status, with an example per code."""
    by_status: dict[HTTPStatus, list[ErrorCode]] = {}
    for code in codes:
        by_status.setdefault(HTTP_STATUS[code], []).append(code)
    return {str(status.value): _build_response(status, group) for status, group in by_status.items()}


def build_error_examples() -> dict[str, JsonObject]:
    """An envelope for each error class, with the class's own remediation."""
    metadata = {
        "timestamp": "2013-07-04T12:00:00.000Z",
        "request_id": "6f1c8b1e-4c0f-4f0e-9a61-0d9b1f0a7c55",
        "version": "1.0.0",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    return {
        kind.code.value: {
            "summary": _first_line(kind),
            "value": {
                "success": False,
                "data": None,
                "error": {
                    "code": kind.code.value,
                    "message": _first_line(kind),
                    "remediation": kind.remediation,
                    "trace_id": metadata["trace_id"],
                    "details": [],
                },
                "metadata": metadata,
            },
        }
        for kind in list_error_classes()
    }


def list_error_classes() -> list[type[AlmanacError]]:
    """The error classes of `shared.errors`, in the order of their codes: one each."""
    classes: dict[ErrorCode, type[AlmanacError]] = {}
    waiting: list[type[AlmanacError]] = [AlmanacError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind is not AlmanacError and kind.__module__ == AlmanacError.__module__:
            classes[kind.code] = kind
    return [classes[code] for code in ErrorCode]


def _build_response(status: HTTPStatus, codes: Sequence[ErrorCode]) -> JsonObject:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in EVERY_ANSWER}
    if status in _MAY_SAY_WHEN:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    examples = {code.value: {"$ref": f"#/components/examples/{code.value}"} for code in codes}
    return {
        "description": f"{status.phrase}: {', '.join(code.value for code in codes)}",
        "headers": headers,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/ErrorEnvelope"},
                "examples": examples,
            }
        },
    }


def _first_line(kind: type[AlmanacError]) -> str:
    return (kind.__doc__ or kind.__name__).partition("\n")[0]
