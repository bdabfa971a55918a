"""The envelope as models, for OpenAPI and for bodies made of models; plain answers are written without them."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from shared.errors import ErrorCode

T = TypeVar("T")


class ErrorBody(BaseModel):
    """The `error` member of a failed answer."""

    code: ErrorCode
    message: str
    remediation: str
    trace_id: str
    details: list[dict[str, Any]]


class ResponseMetadata(BaseModel):
    """About the answer itself; `timestamp` is RFC 3339 in UTC."""

    timestamp: str
    request_id: str
    version: str
    trace_id: str


class APIResponse(BaseModel, Generic[T]):  # noqa: UP046 - Pydantic names schemas after the type variable
    """The envelope as OpenAPI describes it."""

    success: bool
    data: T | None
    error: ErrorBody | None
    metadata: ResponseMetadata
