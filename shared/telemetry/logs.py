"""Logs as JSON lines on standard output, in the fields Cloud Logging reads.

The fields: https://cloud.google.com/logging/docs/structured-logging. Error Reporting finds a stack trace in
the message: https://cloud.google.com/error-reporting/docs/formatting-error-messages.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from opentelemetry import trace

from shared.settings import Settings

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "http_request"}
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode
_SEVERITIES = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    logging.WARNING: "WARNING",
    logging.ERROR: "ERROR",
    logging.CRITICAL: "CRITICAL",
}


def configure_logging(settings: Settings) -> None:
    """Send all logs of LOG_LEVEL and above to standard output as JSON.

    Calling it again changes only the level. Raises ValueError when LOG_LEVEL is no level.
    """
    root = logging.getLogger()
    level = logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None:
        raise ValueError(
            f"LOG_LEVEL is {settings.log_level!r}; accepted are DEBUG, INFO, WARNING, ERROR, CRITICAL"
        )
    if root.level != level:
        root.setLevel(level)
    if any(isinstance(handler, StdoutHandler) for handler in root.handlers):
        return
    for handler in list(root.handlers):
        # A handler that a framework put there with basicConfig() would print every line twice.
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    handler = StdoutHandler()
    handler.setFormatter(CloudLoggingFormatter(settings.google_cloud_project))
    root.addHandler(handler)


class StdoutHandler(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stdout` is at the moment, not to what it was at the start."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard output now."""
        return sys.stdout


class CloudLoggingFormatter(logging.Formatter):
    """A record as one line of JSON.

    `extra={"http_request": {...}}` becomes `httpRequest` (with Cloud Logging's keys: `requestMethod`,
    `status`…); any other extra becomes a field of its own name.
    """

    def __init__(self, project: str) -> None:
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        extras = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        line: dict[str, object] = {
            **extras,
            "severity": _find_severity(record.levelno),
            "message": self._format_message(record),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            "logging.googleapis.com/sourceLocation": {
                "file": record.pathname,
                "line": str(record.lineno),
                "function": record.funcName,
            },
            **self._describe_span(),
        }
        if request := getattr(record, "http_request", None):
            line["httpRequest"] = request
        return _encode(line)

    def _format_message(self, record: logging.LogRecord) -> str:
        parts = [record.getMessage()]
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return "\n".join(parts)

    def _describe_span(self) -> dict[str, object]:
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {
            "logging.googleapis.com/trace": f"projects/{self._project}/traces/{context.trace_id:032x}",
            "logging.googleapis.com/spanId": f"{context.span_id:016x}",
            "logging.googleapis.com/trace_sampled": context.trace_flags.sampled,
        }


def _find_severity(level: int) -> str:
    return next((name for bound, name in reversed(_SEVERITIES.items()) if level >= bound), "DEFAULT")
