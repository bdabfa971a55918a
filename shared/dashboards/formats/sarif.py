"""SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from collections.abc import Sequence
from urllib.parse import quote

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Edit, Severity, Span
from shared.dashboards.validation import ValidationResult

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_TOOL_NAME = "almanac"


def to_sarif(results: Sequence[ValidationResult], version: str = "dev") -> dict[str, object]:
    """One SARIF log with one run; every diagnostic is a result, every code a rule."""
    codes = list(DiagnosticCode)
    rules = [_make_rule(code) for code in codes]
    found = [diagnostic for result in results for diagnostic in result.diagnostics]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": _TOOL_NAME, "version": version, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_make_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in found],
            }
        ],
    }


def _make_rule(code: DiagnosticCode) -> dict[str, object]:
    # Not helpUri, which has to be absolute: the page is a file of the project, and nothing serves it.
    page = f"docs/diagnostics.md#{code.value.lower()}"
    example = f"A file that gives {code.value}, and what is said about it:"
    return {
        "id": code.value,
        "shortDescription": {"text": code.explanation},
        "help": {
            "text": f"{code.explanation} {example} {page}",
            "markdown": f"{code.explanation} {example} `{page}`",
        },
    }


def _make_result(diagnostic: Diagnostic, rule_index: int) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": diagnostic.code.value,
        "ruleIndex": rule_index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": f"{diagnostic.message}. {diagnostic.remediation}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _locate_file(diagnostic.path),
                    "region": _make_region(diagnostic.span),
                },
                "logicalLocations": [{"fullyQualifiedName": diagnostic.pointer or "/"}],
            }
        ],
    }
    if diagnostic.edit is not None:
        result["fixes"] = [_make_fix(diagnostic, diagnostic.edit)]
    return result


def _make_fix(diagnostic: Diagnostic, edit: Edit) -> dict[str, object]:
    region = _make_region(Span(edit.line, edit.column, edit.end_line, edit.end_column))
    replacement = {"deletedRegion": region, "insertedContent": {"text": edit.new_text}}
    return {
        "description": {"text": diagnostic.remediation},
        "artifactChanges": [
            {"artifactLocation": _locate_file(diagnostic.path), "replacements": [replacement]},
        ],
    }


def _locate_file(path: str) -> dict[str, object]:
    return {"uri": quote(path.encode("utf-8", "replace"), safe="/")}


def _make_region(span: Span) -> dict[str, object]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
