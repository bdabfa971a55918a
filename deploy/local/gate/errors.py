"""Errors in the form of BigQuery's REST API."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    409: "ALREADY_EXISTS",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class GateError(Exception):
    """An answer the gate gives itself: HTTP `status`, BigQuery's `reason`, and a message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def answer_fault(request: Request, error: Exception) -> Response:
    """The JSON answer for a fault of the gate's own; the server logs it."""
    return answer_error(request, GateError(500, "internalError", f"The metering gate failed: {error!r}"))


def answer_error(_request: Request, error: Exception) -> Response:
    """The JSON answer for a GateError (Starlette's exception handler)."""
    if not isinstance(error, GateError):
        raise error
    detail = {"message": error.message, "domain": "global", "reason": error.reason}
    body = {
        "code": error.status,
        "message": error.message,
        "errors": [detail],
        "status": _STATUS_NAMES.get(error.status, "UNKNOWN"),
    }
    return JSONResponse({"error": body}, error.status)
