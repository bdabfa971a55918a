"""Names, types and bounds of the format in words, with a repair where one can be guessed."""

import re

from shared.dashboards.definition.field_types import (
    CHART_ID_PATTERN,
    DATASET_PATTERN,
    NAME_PATTERN,
    NUMBER_FORMAT_PATTERN,
    SLUG_PATTERN,
    TAG_PATTERN,
)
from shared.dashboards.definition.parameter_values import PARAMETER_TYPES
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, suggest_name
from shared.dashboards.validators.base import replace_text, report, show_value
from shared.dashboards.validators.chart_formats import NUMBER, explain_format
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.schema.findings import Finding
from shared.dashboards.validators.schema.verdict import Location
from shared.dashboards.yaml.positions import make_pointer

# What people write who come from other dialects, and what BigQuery calls it.
_TYPE_ALIASES = {
    "INT": "INT64", "INTEGER": "INT64", "BIGINT": "INT64", "FLOAT": "FLOAT64", "DOUBLE": "FLOAT64",
    "TEXT": "STRING",
    "VARCHAR": "STRING", "STR": "STRING", "BOOLEAN": "BOOL", "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC",
}  # fmt: skip
_NAME_RULES = {
    SLUG_PATTERN: "2 to 63 of a-z, 0-9 and -, beginning with a letter",
    NAME_PATTERN: "up to 63 of a-z, 0-9 and _, beginning with a letter",
    CHART_ID_PATTERN: "up to 63 of a-z, 0-9, _ and -, beginning with a letter",
    DATASET_PATTERN: "letters, digits and _",
    TAG_PATTERN: "up to 63 of a-z, 0-9, _ and -",
}
_BOUNDS = {
    "minimum": "at least {}", "maximum": "at most {}",
    "maxLength": "at most {} characters", "minLength": "some text",
    "maxItems": "at most {} items", "minItems": "at least {} item",
    "maxProperties": "at most {} items", "minProperties": "at least {} item",
}  # fmt: skip


def name_place(location: Location) -> str:
    """The place as people write it: `charts[0].title`."""
    if not location:
        return "the file"
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:120]


def describe_pattern(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    """A name that is none, or the number format of a metric."""
    (pattern,) = finding.allowed
    received, pointer = str(finding.received), make_pointer(finding.location)
    if pattern == NUMBER_FORMAT_PATTERN:
        return _describe_number_format(document, show_value(received), pointer)
    rule, suggestion = _NAME_RULES[pattern], _repair_name(received, pattern)
    return report(
        document,
        DiagnosticCode.INVALID_NAME,
        f"{received[:80]!r} is not a name for {name_place(finding.location)}",
        f"Use {rule}." + (f" For example {suggestion!r}." if suggestion else ""),
        pointer,
        span=document.positions.key(pointer) if finding.is_key else None,
        received=received[:200],
        allowed=[rule],
        suggestion=suggestion,
        edit=replace_text(document, pointer, suggestion, is_key=finding.is_key) if suggestion else None,
    )


def _describe_number_format(document: ParsedDashboard, received: str, pointer: str) -> Diagnostic:
    return report(
        document,
        DiagnosticCode.INVALID_VALUE,
        *explain_format(NUMBER, received),
        pointer,
        received=received,
    )


def describe_bound(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    """A number, text, list or mapping beyond what the key takes."""
    bound = _BOUNDS[finding.keyword].format(finding.schema[finding.keyword])
    return report(
        document,
        DiagnosticCode.INVALID_VALUE,
        f"{name_place(finding.location)} takes {bound}",
        f"Write {bound}.",
        make_pointer(finding.location),
        received=show_value(finding.received),
        allowed=[bound],
    )


def describe_parameter_type(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    """A type of another dialect, misspelt, or one that a parameter cannot have."""
    received, pointer = str(finding.received), make_pointer(finding.location)
    suggestion = _suggest_type(received)
    return report(
        document,
        DiagnosticCode.INVALID_PARAMETER_TYPE,
        f"{received[:80]!r} is not a parameter type",
        f"Did you mean {suggestion}?" if suggestion else f"Use one of: {', '.join(PARAMETER_TYPES)}.",
        pointer,
        received=received[:200],
        allowed=PARAMETER_TYPES,
        suggestion=suggestion,
        edit=replace_text(document, pointer, suggestion) if suggestion else None,
    )


def _suggest_type(received: str) -> str | None:
    name = received.upper().replace(" ", "")
    inner = re.fullmatch(r"ARRAY<(\w+)>?", name)
    if inner:
        element = _TYPE_ALIASES.get(inner.group(1), inner.group(1))
        return suggest_name(f"ARRAY<{element}>", PARAMETER_TYPES)
    return _TYPE_ALIASES.get(name) or suggest_name(name, PARAMETER_TYPES)


def _repair_name(received: str, pattern: str) -> str | None:
    """A name like `received` that is accepted: lower case, other characters turned into a separator."""
    separator = "-" if pattern == SLUG_PATTERN else "_"
    repaired = re.sub(r"[^a-z0-9]+", separator, received.lower()[:200]).strip(separator)[:63]
    return repaired if repaired and re.search(pattern, repaired) else None
