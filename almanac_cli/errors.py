"""What ends a command, and with which exit code."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from shared.dashboards.validation import ValidationResult


class ExitCode(IntEnum):
    """0 fine; 1 the answer is no (invalid, refused, drift); 2 wrong usage; 3 the service cannot be asked.

    4: the program itself failed, or the machine it runs on. The last two are a shell's own numbers.
    """

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    FAILED = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CliError(Exception):
    """Something a person has to change; shaped like the API's errors so that both are shown alike."""

    exit_code = ExitCode.REFUSED
    details_shown = False
    """A command has shown the details in a better way."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "INVALID_REQUEST",
        remediation: str = "",
        details: Sequence[Mapping[str, Any]] = (),
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remediation = remediation
        self.details = [dict(detail) for detail in details]
        self.trace_id = trace_id

    def to_dict(self) -> dict[str, Any]:
        """The error as the API's envelope has it."""
        return {
            "code": self.code,
            "message": self.message,
            "remediation": self.remediation,
            "trace_id": self.trace_id,
            "details": self.details,
        }


class UsageError(CliError):
    """The command was called in a way that cannot work."""

    exit_code = ExitCode.USAGE


class InvalidFilesError(CliError):
    """Dashboard files are not valid; `results` are shown with the lines they are about."""

    def __init__(
        self, message: str, results: Sequence[ValidationResult], trace_id: str | None = None
    ) -> None:
        super().__init__(
            message,
            code="VALIDATION_FAILED",
            remediation="Correct what is shown above, then try again.",
            details=[item.to_dict() for result in results for item in result.diagnostics],
            trace_id=trace_id,
        )
        self.results = tuple(results)
        self.details_shown = True


class ServiceError(CliError):
    """The service answered with an error."""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "ServiceError":
        """From the `error` member of an answer."""
        error = cls(
            str(body.get("message", "")),
            code=str(body.get("code", "INTERNAL_ERROR")),
            remediation=str(body.get("remediation", "")),
            details=body.get("details") or (),
            trace_id=body.get("trace_id"),
        )
        if error.code in _UNAVAILABLE:
            error.exit_code = ExitCode.UNAVAILABLE
        return error


class ServiceUnreachableError(CliError):
    """There is no service at the address, or it is not ours."""

    exit_code = ExitCode.UNAVAILABLE


_UNAVAILABLE = frozenset(
    {
        "UNAUTHENTICATED",
        "DEPENDENCY_UNAVAILABLE",
        "WAREHOUSE_UNAVAILABLE",
        "WAREHOUSE_TIMEOUT",
        "RATE_LIMITED",
        "INTERNAL_ERROR",
    }
)
