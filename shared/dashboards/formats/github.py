"""Workflow commands that GitHub Actions turns into annotations.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from collections.abc import Sequence

from shared.dashboards.diagnostics.diagnostic import Diagnostic, Severity
from shared.dashboards.validation import ValidationResult

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def to_github(results: Sequence[ValidationResult]) -> str:
    """One line per diagnostic, each ended by a line feed."""
    return "".join(f"{_annotate(item)}\n" for result in results for item in result.diagnostics)


def _annotate(diagnostic: Diagnostic) -> str:
    properties = {
        "file": diagnostic.path,
        "line": diagnostic.line,
        "endLine": diagnostic.end_line,
        "col": diagnostic.column,
        "endColumn": diagnostic.end_column,
        "title": diagnostic.code.value,
    }
    written = ",".join(f"{name}={_escape_property(str(value))}" for name, value in properties.items())
    text = _escape(f"{diagnostic.message}. {diagnostic.remediation}")
    return f"::{_COMMANDS[diagnostic.severity]} {written}::{text}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
