"""The error codes of the API and the one tree of exceptions behind them.

::

    AlmanacError
    ├── InvalidRequestError          INVALID_REQUEST
    ├── UnauthenticatedError         UNAUTHENTICATED
    ├── ForbiddenError               FORBIDDEN
    ├── NotFoundError                NOT_FOUND
    │   └── PayloadNotReadyError     PAYLOAD_NOT_READY
    ├── MethodNotAllowedError        METHOD_NOT_ALLOWED
    ├── ConflictError                CONFLICT
    ├── RequestTimeoutError          REQUEST_TIMEOUT
    ├── PayloadTooLargeError         PAYLOAD_TOO_LARGE
    ├── ValidationFailedError        VALIDATION_FAILED
    ├── SqlNotAllowedError           SQL_NOT_ALLOWED
    ├── SqlInvalidError              SQL_INVALID
    ├── TableNotAllowedError         TABLE_NOT_ALLOWED
    ├── BytesLimitExceededError      BYTES_LIMIT_EXCEEDED
    ├── BudgetExceededError          BUDGET_EXCEEDED
    ├── RateLimitedError             RATE_LIMITED
    ├── WarehouseTimeoutError        WAREHOUSE_TIMEOUT
    │   └── LateAnswerError
    ├── WarehouseUnavailableError    WAREHOUSE_UNAVAILABLE
    ├── DependencyUnavailableError   DEPENDENCY_UNAVAILABLE
    └── InternalError                INTERNAL_ERROR

Which HTTP status a code answers with is decided in one place, `shared.api.http_status`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code an answer may carry in `error.code`."""

    INVALID_REQUEST = "INVALID_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    CONFLICT = "CONFLICT"
    PAYLOAD_NOT_READY = "PAYLOAD_NOT_READY"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    SQL_NOT_ALLOWED = "SQL_NOT_ALLOWED"
    SQL_INVALID = "SQL_INVALID"
    TABLE_NOT_ALLOWED = "TABLE_NOT_ALLOWED"
    BYTES_LIMIT_EXCEEDED = "BYTES_LIMIT_EXCEEDED"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    WAREHOUSE_TIMEOUT = "WAREHOUSE_TIMEOUT"
    WAREHOUSE_UNAVAILABLE = "WAREHOUSE_UNAVAILABLE"
    DEPENDENCY_UNAVAILABLE = "DEPENDENCY_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


@dataclass(frozen=True)
class FailedJob:
    """What a query that failed has cost, in bytes: a job that is cancelled may be billed in full.

    `bytes_pending` stay reserved for it while nobody can say what it billed. Where BigQuery never tells,
    `bytes_billed` is None and the budget is charged `bytes_settled`.
    """

    job_id: str
    bytes_estimated: int | None
    bytes_billed: int | None
    bytes_pending: int
    bytes_settled: int


class AlmanacError(Exception):
    """Base of every error the service raises on purpose.

    `message` says what was wrong and what is accepted; `remediation` says what to do next (each class
    brings a default); `details` are JSON objects, for example diagnostics or both sides of a conflict.
    `retry_after_seconds`, when set, becomes the `Retry-After` header. `failed_job` is set when BigQuery had
    been sent a job.
    """

    code: ErrorCode = ErrorCode.INTERNAL_ERROR
    remediation: str = ""

    def __init__(
        self,
        message: str,
        *,
        remediation: str | None = None,
        details: Sequence[Mapping[str, object]] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if remediation is not None:
            self.remediation = remediation
        self.details = [dict(detail) for detail in details]
        self.retry_after_seconds = retry_after_seconds
        self.failed_job: FailedJob | None = None


class InvalidRequestError(AlmanacError):
    """The request itself cannot be read: malformed JSON, wrong content type, unknown field."""

    code = ErrorCode.INVALID_REQUEST
    remediation = "Correct the request and send it again; the API is described at /openapi.json."


class UnauthenticatedError(AlmanacError):
    """No session or token, or one that is expired, revoked or not meant for this service."""

    code = ErrorCode.UNAUTHENTICATED
    remediation = "Sign in at /auth/login, or send 'Authorization: Bearer <Google ID token>'."


class ForbiddenError(AlmanacError):
    """The caller is known and may not do this."""

    code = ErrorCode.FORBIDDEN
    remediation = "Ask an administrator of this service for a role that may do this."


class NotFoundError(AlmanacError):
    """The path or the thing it names does not exist."""

    code = ErrorCode.NOT_FOUND
    remediation = "Check the spelling."


class PayloadNotReadyError(NotFoundError):
    """The dashboard exists and this variant of it was never computed, or is older than `max_stale`."""

    code = ErrorCode.PAYLOAD_NOT_READY
    remediation = 'Run it: POST /precompute {"slugs": ["<slug>"]}.'


class MethodNotAllowedError(AlmanacError):
    """The path exists and does not take this method."""

    code = ErrorCode.METHOD_NOT_ALLOWED
    remediation = "Use one of the methods in the Allow header."

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        accepted = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not accepted here; accepted: {accepted}.")
        self.allowed = tuple(sorted(allowed))


class ConflictError(AlmanacError):
    """Somebody else changed the thing first."""

    code = ErrorCode.CONFLICT
    remediation = "Read the current version, merge your change into it and save with its version number."


class RequestTimeoutError(AlmanacError):
    """The request's body did not arrive in time."""

    code = ErrorCode.REQUEST_TIMEOUT
    remediation = (
        "Send it again, over a faster connection or in smaller parts; BODY_TIMEOUT_SECONDS is the bound."
    )


class PayloadTooLargeError(AlmanacError):
    """A request body, or a result, is over its bound."""

    code = ErrorCode.PAYLOAD_TOO_LARGE
    remediation = "Make it smaller: aggregate in SQL, lower max_rows, or send fewer items at once."


class ValidationFailedError(AlmanacError):
    """A dashboard is not valid; `details` holds the diagnostics."""

    code = ErrorCode.VALIDATION_FAILED
    remediation = "Correct the diagnostics in details and send it again."


class SqlNotAllowedError(AlmanacError):
    """The statement is not a single SELECT, or uses something this service never runs."""

    code = ErrorCode.SQL_NOT_ALLOWED
    remediation = "Send exactly one SELECT (WITH is fine) that only reads."


class SqlInvalidError(AlmanacError):
    """The SQL cannot be parsed or BigQuery refuses it."""

    code = ErrorCode.SQL_INVALID
    remediation = "Correct the SQL at the position named."


class TableNotAllowedError(AlmanacError):
    """The query reads a table outside ALLOWED_DATASETS."""

    code = ErrorCode.TABLE_NOT_ALLOWED
    remediation = "Read only tables of the datasets in ALLOWED_DATASETS, or ask for the dataset to be added."


class BytesLimitExceededError(AlmanacError):
    """The query would bill more bytes than its cap; nothing was billed."""

    code = ErrorCode.BYTES_LIMIT_EXCEEDED
    remediation = "Name fewer columns, or raise the cap."


class BudgetExceededError(AlmanacError):
    """The budget of a user, a dashboard or the environment has no room for this query."""

    code = ErrorCode.BUDGET_EXCEEDED
    remediation = "Wait for the reset, or ask for a larger budget."


class RateLimitedError(AlmanacError):
    """Too many requests, here or at BigQuery."""

    code = ErrorCode.RATE_LIMITED
    remediation = "Wait for the time in Retry-After and try again."


class WarehouseTimeoutError(AlmanacError):
    """BigQuery did not finish within the deadline; the job was cancelled."""

    code = ErrorCode.WAREHOUSE_TIMEOUT
    remediation = "Make the query cheaper, or raise the timeout."


class LateAnswerError(WarehouseTimeoutError):
    """BigQuery answers, and was too slow about this one call: nothing is wrong with it, and it may be made again."""

    remediation = "Nothing was lost. Try again."


class WarehouseUnavailableError(AlmanacError):
    """BigQuery cannot be reached or answers with errors that are not about the query."""

    code = ErrorCode.WAREHOUSE_UNAVAILABLE
    remediation = "Nothing was lost. Try again in a moment."


class DependencyUnavailableError(AlmanacError):
    """PostgreSQL, Redis or the blob store cannot be reached."""

    code = ErrorCode.DEPENDENCY_UNAVAILABLE
    remediation = "Nothing was lost. Try again in a moment."


class InternalError(AlmanacError):
    """A fault of ours; the log has the stack trace under this trace id."""

    code = ErrorCode.INTERNAL_ERROR
    remediation = "Report it with the trace id."
