"""The shape of the file: Pydantic's errors, told as an author would want to hear them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.dashboards.definition.charts import CHART_MODELS
from shared.dashboards.definition.document import FORMAT_VERSION
from shared.dashboards.definition.field_types import (
    CHART_ID_PATTERN,
    DATASET_PATTERN,
    NAME_PATTERN,
    SLUG_PATTERN,
    TAG_PATTERN,
)
from shared.dashboards.definition.parameter_values import PARAMETER_TYPES
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, suggest_name
from shared.dashboards.validators.base import (
    drop_explained,
    quote_value,
    replace_plain,
    replace_text,
    report,
    report_unknown_name,
    show_value,
)
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.shape import Location, clean_location, describe_keys, list_keys, name_place
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
_EXPECTED = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number",
    "bool_type": "true or false", "list_type": "a list", "dict_type": "a mapping", "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}  # fmt: skip
_UNQUOTED = {"a whole number": re.compile(r"-?[0-9]{1,18}"), "true or false": re.compile("true|false")}
_BOUNDS = {
    "greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}",
    "string_too_long": "at most {max_length} characters", "string_too_short": "some text",
    "too_long": "at most {max_length} items", "too_short": "at least {min_length} item",
}  # fmt: skip


def describe_errors(document: ParsedDashboard, error: ValidationError) -> list[Diagnostic]:
    """The diagnostics of `error`, which came from validating the data of `document`."""
    found = []
    for details in error.errors(include_url=False):
        location = clean_location(details["loc"])
        found.append(_DESCRIBERS.get(details["type"], _describe_other)(document, location, details))
    return drop_explained(found)


def _describe_unknown_key(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    accepted = list_keys(document, location[:-1])
    pointer = make_pointer(location)
    if details["input"] is None and " " in str(location[-1]) and _is_written_without_value(document, pointer):
        return _describe_cut_text(document, str(location[-1]), pointer)
    return report_unknown_name(
        document, DiagnosticCode.UNKNOWN_KEY, "unknown key", str(location[-1]), accepted, pointer, is_key=True
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


def _describe_missing_key(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    key = str(location[-1])
    field = describe_keys(document, location[:-1]).get(key, "")
    place = "this file" if len(location) == 1 else name_place(location[:-1])
    return report(
        document,
        DiagnosticCode.MISSING_KEY,
        f"{place} needs the key {key!r}",
        f"Add '{key}: …'. {field}".strip(),
        make_pointer(location[:-1]),
        allowed=[key],
    )


def _describe_type(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    expected = _EXPECTED[details["type"]]
    received = details["input"]
    pointer = make_pointer(location)
    remedy, edit = f"Write {expected}.", None
    if expected == "text" and isinstance(received, int | float):
        remedy, edit = "Put it in quotes.", quote_value(document, pointer)
    elif isinstance(received, str) and expected in _UNQUOTED and _UNQUOTED[expected].fullmatch(received):
        remedy, edit = "Write it without quotes.", replace_plain(document, pointer, received)
    return report(
        document,
        DiagnosticCode.WRONG_TYPE,
        f"{name_place(location)} takes {expected}, not {_show_kind(received)}",
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


def _describe_pattern(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    rule = _NAME_RULES.get(details["ctx"]["pattern"], details["ctx"]["pattern"])
    received = str(details["input"])
    pointer = make_pointer(location)
    is_key = details["loc"][-1] == "[key]"
    suggestion = _repair_name(received, details["ctx"]["pattern"])
    return report(
        document,
        DiagnosticCode.INVALID_NAME,
        f"{received[:80]!r} is not a name for {name_place(location)}",
        f"Use {rule}." + (f" For example {suggestion!r}." if suggestion else ""),
        pointer,
        span=document.positions.key(pointer) if is_key else None,
        received=received[:200],
        allowed=[rule],
        suggestion=suggestion,
        edit=replace_text(document, pointer, suggestion, is_key=is_key) if suggestion else None,
    )


def _describe_bound(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    bound = _BOUNDS[details["type"]].format(**details.get("ctx", {}))
    return report(
        document,
        DiagnosticCode.INVALID_VALUE,
        f"{name_place(location)} takes {bound}",
        f"Write {bound}.",
        make_pointer(location),
        received=show_value(details["input"]),
        allowed=[bound],
    )


def _describe_version(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    return report(
        document,
        DiagnosticCode.UNSUPPORTED_VERSION,
        f"version {show_value(details['input'])} of the format is not read here",
        f"Write 'version: {FORMAT_VERSION}'.",
        make_pointer(location),
        received=show_value(details["input"]),
        allowed=[str(FORMAT_VERSION)],
        edit=replace_plain(document, "/version", str(FORMAT_VERSION)),
    )


def _describe_chart_kind(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    pointer = make_pointer((*location, "type"))
    kinds = [kind for kind in CHART_MODELS if kind != "vega"]
    received = show_value(details["ctx"]["tag"] if "ctx" in details else details["input"])
    return report_unknown_name(
        document, DiagnosticCode.INVALID_VALUE, "unknown chart type", received, kinds, pointer
    )


def _describe_parameter_type(
    document: ParsedDashboard, location: Location, details: ErrorDetails
) -> Diagnostic:
    received = str(details["input"])
    suggestion = _suggest_type(received)
    pointer = make_pointer(location)
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


def _describe_parameter_value(
    document: ParsedDashboard, location: Location, details: ErrorDetails
) -> Diagnostic:
    context: Mapping[str, Any] = details["ctx"]
    pointer = make_pointer((*location, *context["path"]))
    return report(
        document,
        DiagnosticCode.INVALID_PARAMETER_VALUE,
        f"this is not a value of type {context['type']}: {context['reason']}",
        "Correct the value, or the type of the parameter.",
        pointer,
        received=show_value(details["input"]),
        allowed=[context["type"]],
    )


def _describe_as(code: DiagnosticCode, remediation: str) -> "Describer":
    def describe(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
        received = show_value(details["input"])
        message = details["msg"].partition(";")[0]
        return report(document, code, message, remediation, make_pointer(location), received=received)

    return describe


def _describe_other(document: ParsedDashboard, location: Location, details: ErrorDetails) -> Diagnostic:
    if details["type"].startswith(("union", "literal")) or "type" in details["type"]:
        message = f"{name_place(location)} does not take {show_value(details['input'])}"
    else:
        message = f"{name_place(location)}: {details['msg']}"
    return report(
        document,
        DiagnosticCode.INVALID_VALUE,
        message,
        "Compare with the examples of the JSON Schema.",
        make_pointer(location),
        received=show_value(details["input"]),
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


type Describer = Callable[[ParsedDashboard, Location, ErrorDetails], Diagnostic]
_DESCRIBERS: dict[str, Describer] = {
    "extra_forbidden": _describe_unknown_key,
    "missing": _describe_missing_key,
    "string_pattern_mismatch": _describe_pattern,
    "format_version": _describe_version,
    "union_tag_invalid": _describe_chart_kind,
    "parameter_type": _describe_parameter_type,
    "parameter_value": _describe_parameter_value,
    "parameter_without_default": _describe_as(
        DiagnosticCode.PARAMETER_WITHOUT_DEFAULT,
        "Add 'default: …', or 'values: […]' whose first is the default.",
    ),
    "duration": _describe_as(DiagnosticCode.INVALID_DURATION, "Write for example 30m, 24h, 7d or 1h30m."),
    "size": _describe_as(DiagnosticCode.INVALID_SIZE, "Write for example 500 MB, 1 GB or 1000000000."),
    "query_source": _describe_as(
        DiagnosticCode.QUERY_SOURCE, "Write the SELECT under sql, or name a file under file."
    ),
    **dict.fromkeys(_EXPECTED, _describe_type),
    **dict.fromkeys(_BOUNDS, _describe_bound),
}
