"""Small dashboards for tests."""

from collections.abc import Mapping

from shared.dashboards.definition.limits import DEFAULT_LIMITS, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from shared.dashboards.validation import ValidationResult, parse_dashboard, validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource, ParsedDashboard

MINIMAL = """\
version: 1
slug: sales
title: Sales
queries:
  daily: {sql: "SELECT day, total FROM sales"}
charts:
  - {id: trend, title: Trend, query: daily, type: table}
"""


def make_source(text: str | bytes, files: Mapping[str, str] | None = None) -> DashboardSource:
    """A source at dashboards/sales.yaml."""
    return DashboardSource("dashboards/sales.yaml", text, files or {})


def validate(
    text: str | bytes, files: Mapping[str, str] | None = None, limits: ValidationLimits = DEFAULT_LIMITS
) -> ValidationResult:
    """The verdict on one file."""
    return validate_dashboards([make_source(text, files)], limits)[0]


def parse(text: str, files: Mapping[str, str] | None = None) -> ParsedDashboard:
    """One file, read."""
    return parse_dashboard(make_source(text, files))


def list_codes(result: ValidationResult) -> list[DiagnosticCode]:
    """The codes found, in order."""
    return [diagnostic.code for diagnostic in result.diagnostics]


def marked_text(text: str, result: ValidationResult, code: DiagnosticCode) -> str:
    """What the only diagnostic of `code` underlines."""
    (found,) = [diagnostic for diagnostic in result.diagnostics if diagnostic.code is code]
    lines = text.splitlines()
    assert found.line == found.end_line
    return lines[found.line - 1][found.column - 1 : found.end_column - 1]
