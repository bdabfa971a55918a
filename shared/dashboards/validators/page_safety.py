"""Charts that would leave their cell, or take the time of the page that shows them."""

import re
from collections.abc import Iterable, Iterator

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report, report_unknown_name
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

MOST_ITEMS = 10_000
"""As many items as the page makes for a chart: `MOST_ITEMS` of vega_bounds.ts."""

_COUNTS = frozenset({"count", "maxbins", "maxsteps", "minsteps", "steps", "tickCount"})
_EXPRESSIONS = frozenset({"calculate", "expr", "filter", "labelExpr", "test", "update"})
_SEQUENCE = re.compile(r"\b(?P<name>sequence|pad)\s*\((?P<arguments>[^()]*)")
_NUMBER = re.compile(r"(?<![\w.])-?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?")
# A group that is repeated and has a repetition or a choice inside: each character may double the time it takes.
_COSTLY = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*|]|\{[0-9]*,)(?:[^()\\]|\\.)*\)\s*(?:[+*]|\{)")
_LITERALS = re.compile(
    r"/(?P<regex>(?:\\.|[^/\\\n])+)/|'(?P<single>(?:\\.|[^'\\])*)'|\"(?P<double>(?:\\.|[^\"\\])*)\""
)
_PATTERN_FUNCTION = re.compile(r"\b(regexp|test|replace|split)\s*\(")


class PageSafetyValidator:
    """What the page stops anyway is an error before anybody pays for it."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per binding outside the cell, and per count or pattern that has no bound."""
        for pointer, chart in document.charts():
            if chart_kind(chart) == "vega":
                for key in ("mark", "encoding", "transform", "params"):
                    yield from _walk(document, join_pointer(pointer, key), chart.get(key))


class ChartParameterValidator:
    """Parameters that a chart's conditions and filters name and it does not have."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per name."""
        for pointer, chart in document.charts():
            params = chart.get("params")
            names = [
                name
                for item in (params if isinstance(params, list) else [])
                if isinstance(item, dict) and isinstance(name := item.get("name"), str)
            ]
            for key in ("encoding", "transform"):
                yield from _check_names(document, join_pointer(pointer, key), chart.get(key), names)


def _walk(document: ParsedDashboard, pointer: str, value: YamlData) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(document, join_pointer(pointer, index), item)
    elif isinstance(value, dict):
        for key, part in value.items():
            place = join_pointer(pointer, key)
            if key == "bind" and isinstance(part, dict) and "element" in part:
                yield _report_element(document, join_pointer(place, "element"))
            if key in _COUNTS and _is_many(part):
                yield _report(
                    document, place, f"{key} asks for {part} items; a page makes at most {MOST_ITEMS}"
                )
            if key in _EXPRESSIONS and isinstance(part, str):
                yield from _check_expression(document, place, part)
            yield from _walk(document, place, part)


def _report_element(document: ParsedDashboard, pointer: str) -> Diagnostic:
    message = "an input must not be put into an element of the page"
    remedy = "Leave out element: the input stands below its chart."
    return report(
        document, DiagnosticCode.UNSAFE_CHART, message, remedy, pointer, span=document.positions.key(pointer)
    )


def _report(document: ParsedDashboard, pointer: str, message: str) -> Diagnostic:
    remedy = "Make it less, or compute it in the query's SQL."
    return report(document, DiagnosticCode.UNSAFE_CHART, message, remedy, pointer)


def _is_many(value: YamlData) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > MOST_ITEMS


def _check_expression(document: ParsedDashboard, pointer: str, expression: str) -> Iterator[Diagnostic]:
    for call in _SEQUENCE.finditer(expression):
        if any(abs(float(number)) > MOST_ITEMS for number in _NUMBER.findall(call["arguments"])):
            message = f"{call['name']}() makes more than {MOST_ITEMS} items"
            yield _report(document, pointer, message)
    has_patterns = _PATTERN_FUNCTION.search(expression) is not None
    for literal in _LITERALS.finditer(expression):
        pattern = literal["regex"] or (has_patterns and (literal["single"] or literal["double"])) or ""
        if _COSTLY.search(pattern):
            message = f"the pattern {pattern[:80]} repeats a group that repeats or chooses inside"
            yield _report(document, pointer, f"{message}: it may take longer than anybody waits")


def _check_names(
    document: ParsedDashboard, pointer: str, value: YamlData, names: list[str]
) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check_names(document, join_pointer(pointer, index), item, names)
    elif isinstance(value, dict):
        for key, part in value.items():
            place = join_pointer(pointer, key)
            if key == "param" and isinstance(part, str) and part not in names:
                code = DiagnosticCode.UNKNOWN_CHART_PARAMETER
                yield report_unknown_name(document, code, "the chart has no parameter", part, names, place)
            yield from _check_names(document, place, part, names)
