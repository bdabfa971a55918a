"""What is wrong with the keys and values of the format itself, told as an author would want to hear it."""

import re
from collections.abc import Callable

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import (
    quote_value,
    replace_plain,
    report,
    report_unknown_name,
    show_value,
)
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.schema.findings import Finding, FindingKind
from shared.dashboards.validators.schema.words import (
    describe_bound,
    describe_parameter_type,
    describe_pattern,
    name_place,
)
from shared.dashboards.yaml.positions import make_pointer

_EXPECTED = {
    "string": "text", "integer": "a whole number", "boolean": "true or false", "array": "a list",
    "object": "a mapping",
}  # fmt: skip
_UNQUOTED = {"a whole number": re.compile(r"-?[0-9]{1,18}"), "true or false": re.compile("true|false")}
_ALTERNATIVES = {
    "queries": (
        DiagnosticCode.QUERY_SOURCE,
        "a query needs either sql or file",
        "Write the SELECT under sql, or name a file under file.",
    ),
    "parameters": (
        DiagnosticCode.PARAMETER_WITHOUT_DEFAULT,
        "a parameter needs a default or values",
        "Add 'default: …', or 'values: […]' whose first is the default.",
    ),
}


def describe_finding(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    """The diagnostic of a finding outside of what goes to Vega-Lite."""
    return _DESCRIBERS[finding.kind](document, finding)


def _describe_unknown_key(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    key, pointer = str(finding.received), make_pointer(finding.location)
    if " " in key and _is_written_without_value(document, pointer):
        return _describe_cut_text(document, key, pointer)
    return report_unknown_name(
        document, DiagnosticCode.UNKNOWN_KEY, "unknown key", key, finding.allowed, pointer, is_key=True
    )


def _is_written_without_value(document: ParsedDashboard, pointer: str) -> bool:
    node = document.positions.nodes.get(pointer)
    return node is not None and node.start == node.end and node.key_end == node.start


def _describe_cut_text(document: ParsedDashboard, key: str, pointer: str) -> Diagnostic:
    """`{sql: SELECT a, b}` is the most common slip in short mappings: the comma ends the value."""
    return report(
        document,
        DiagnosticCode.UNKNOWN_KEY,
        f"{key[:80]!r} is read as a key: inside {{ }} a comma ends a value",
        "Put the text before and after the comma in quotes together, or write it under '|'.",
        pointer,
        span=document.positions.key(pointer),
        received=key[:200],
    )


def _describe_missing_key(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    (key,) = finding.allowed
    words = finding.schema["properties"][key].get("description", "")
    place = name_place(finding.location) if finding.location else "this file"
    return report(
        document,
        DiagnosticCode.MISSING_KEY,
        f"{place} needs the key {key!r}",
        f"Add '{key}: …'. {words}".strip(),
        make_pointer(finding.location),
        allowed=[key],
    )


def _describe_alternatives(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    code, message, remedy = _ALTERNATIVES[str(finding.location[0])]
    pointer = make_pointer(finding.location)
    return report(document, code, message, remedy, pointer, received=show_value(finding.received))


def _describe_type(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    expected = " or ".join(_EXPECTED[name] for name in finding.allowed if name != "null")
    received, pointer = finding.received, make_pointer(finding.location)
    remedy, edit = f"Write {expected}.", None
    if expected == "text" and isinstance(received, int | float):
        remedy, edit = "Put it in quotes.", quote_value(document, pointer)
    elif isinstance(received, str) and expected in _UNQUOTED and _UNQUOTED[expected].fullmatch(received):
        remedy, edit = "Write it without quotes.", replace_plain(document, pointer, received)
    return report(
        document,
        DiagnosticCode.WRONG_TYPE,
        f"{name_place(finding.location)} takes {expected}, not {_show_kind(received)}",
        remedy,
        pointer,
        received=show_value(received),
        allowed=[expected],
        edit=edit,
    )


def _show_kind(value: object) -> str:
    """A value of the file; text that looks like a number, true or false keeps its quotes."""
    looks_other = isinstance(value, str) and any(pattern.fullmatch(value) for pattern in _UNQUOTED.values())
    return f"the text '{value}'" if looks_other else show_value(value)


def _describe_word(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    match finding.location:
        case ("version",):
            return _describe_version(document, finding)
        case ("parameters", _, "type"):
            return describe_parameter_type(document, finding)
        case ("charts", _, "type"):
            return _describe_chart_kind(document, finding)
    return _describe_other_word(document, finding)


def _describe_version(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    received = show_value(finding.received)
    (version,) = finding.allowed
    return report(
        document,
        DiagnosticCode.UNSUPPORTED_VERSION,
        f"version {received} of the format is not read here",
        f"Write 'version: {version}'.",
        "/version",
        received=received,
        allowed=finding.allowed,
        edit=replace_plain(document, "/version", version),
    )


def _describe_chart_kind(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    # What Vega-Lite draws needs no type.
    kinds = [kind for kind in finding.allowed if kind != "vega"]
    received, pointer = show_value(finding.received), make_pointer(finding.location)
    return report_unknown_name(
        document, DiagnosticCode.INVALID_VALUE, "unknown chart type", received, kinds, pointer
    )


def _describe_other_word(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    what, received = f"{name_place(finding.location)} does not take", show_value(finding.received)
    pointer = make_pointer(finding.location)
    return report_unknown_name(
        document, DiagnosticCode.INVALID_VALUE, what, received, finding.allowed, pointer
    )


_DESCRIBERS: dict[FindingKind, Callable[[ParsedDashboard, Finding], Diagnostic]] = {
    FindingKind.UNKNOWN_PROPERTY: _describe_unknown_key,
    FindingKind.MISSING_PROPERTY: _describe_missing_key,
    FindingKind.MISSING_ALTERNATIVE: _describe_alternatives,
    FindingKind.WRONG_TYPE: _describe_type,
    FindingKind.WRONG_PATTERN: describe_pattern,
    FindingKind.NOT_ALLOWED: _describe_word,
    FindingKind.OUT_OF_RANGE: describe_bound,
}
