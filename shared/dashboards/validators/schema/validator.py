"""The shape of a file, as the published schema decides it, in diagnostics."""

from collections.abc import Sequence

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import drop_explained, report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.schema.findings import Finding, FindingKind, explain_errors
from shared.dashboards.validators.schema.own_keys import describe_finding
from shared.dashboards.validators.schema.vega_lite import belongs_to_vega_lite, describe_vega_lite
from shared.dashboards.validators.schema.verdict import find_errors, is_valid


def judge_shape(document: ParsedDashboard) -> list[Diagnostic]:
    """What the published schema has against the file's data; empty when it takes it."""
    if is_valid(document.data):
        return []
    found = explain_errors(find_errors(document.data))
    if not found:
        return [_report_unexplained(document)]
    told = [finding for finding in found if not _is_told_elsewhere(finding, found)]
    return drop_explained([_describe(document, finding) for finding in told])


def _report_unexplained(document: ParsedDashboard) -> Diagnostic:
    """What is left to say where only one of the two validators refuses the file: its verdict holds all the same."""
    message, remedy = "this file does not fit the published schema", "Compare it with /schema/dashboard.json."
    return report(document, DiagnosticCode.INVALID_VALUE, message, remedy, "")


def _describe(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    describe = describe_vega_lite if belongs_to_vega_lite(finding) else describe_finding
    return describe(document, finding)


def _is_told_elsewhere(finding: Finding, found: Sequence[Finding]) -> bool:
    """True for a value whose own reader knows why it cannot be read, and for what an unknown key was meant to be."""
    if finding.kind is FindingKind.MISSING_ALTERNATIVE:
        unknown = [one.location[:-1] for one in found if one.kind is FindingKind.UNKNOWN_PROPERTY]
        return finding.location in unknown
    match finding.location:
        case ("refresh", "schedule"):
            return finding.kind is FindingKind.WRONG_PATTERN
        case ("refresh", "max_age" | "max_stale") | ("budget", _):
            return finding.kind is not FindingKind.UNKNOWN_PROPERTY
        case ("parameters", _, "default", *_) | ("parameters", _, "values", _, *_):
            return True
    return False
