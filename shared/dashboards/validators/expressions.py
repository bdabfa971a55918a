"""Vega expressions: what does not parse, what they call and name that is not there, and what has no bound."""

from collections.abc import Iterable, Iterator, Sequence

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Edit, Span, suggest_name
from shared.dashboards.validators.base import replace_span, report
from shared.dashboards.validators.chart_formats import explain_format, is_format
from shared.dashboards.validators.chart_parameters import explain_owner, find_owners, list_parameters
from shared.dashboards.validators.expression_places import (
    ExpressionPlace,
    Scope,
    list_expressions,
    list_selectors,
)
from shared.dashboards.validators.page_safety import EVENT_SOURCES, MOST_ITEMS, explain_source
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import locate_within
from shared.dashboards.vega.expressions import (
    ExpressionReading,
    FoundPattern,
    explain_slow,
    list_functions,
    read_expression,
    read_selector,
)
from shared.dashboards.yaml.positions import join_pointer

# Signals that every compiled chart has: https://vega.github.io/vega/docs/specification/#top-level
_OWN_SIGNALS = frozenset(
    {
        "autosize",
        "background",
        "child_height",
        "child_width",
        "height",
        "padding",
        "width",
        "x_step",
        "y_step",
    }
)
# What only the handler of an event has: https://vega.github.io/vega/docs/expressions/#event-functions
_EVENT_FUNCTIONS = frozenset({"group", "item", "view", "x", "xy", "y"})


class ExpressionValidator:
    """Every expression of every chart, read by Vega's own grammar."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per expression that does not parse; else per unknown function and parameter, and per excess."""
        owners = find_owners(document)
        for pointer, chart in document.charts():
            if chart_kind(chart) != "vega":
                continue
            for place in list_expressions(chart):
                text = ExpressionText(document, join_pointer(pointer, *place.location), place.text)
                yield from _check(text, place, list_parameters(chart), owners)
            for selector in list_selectors(chart):
                text = ExpressionText(document, join_pointer(pointer, *selector.location), selector.text)
                yield from _check_events(text)


class ExpressionText:
    """An expression in its file, which says where each part of it stands."""

    def __init__(self, document: ParsedDashboard, pointer: str, text: str) -> None:
        self.document = document
        self.pointer = pointer
        self.text = text

    @property
    def reading(self) -> ExpressionReading:
        """What it says."""
        return read_expression(self.text)

    def find(self, start: int, end: int) -> Span | None:
        """The place of a part of it; None where the writing of the whole cannot be followed."""
        return locate_within(self.document, self.pointer, self.text, start, end)

    def report(
        self, code: DiagnosticCode, message: str, remedy: str, start: int = 0, end: int | None = None
    ) -> Diagnostic:
        """A diagnostic at offsets `start` to `end`."""
        span = self.find(start, len(self.text) if end is None else end)
        return report(self.document, code, message, remedy, self.pointer, span=span)

    def report_unknown(
        self,
        code: DiagnosticCode,
        message: str,
        name: str,
        start: int,
        end: int,
        allowed: Sequence[str],
        remedy: str,
    ) -> Diagnostic:
        """A diagnostic for a name at offsets `start` to `end` that is none of `allowed`, with the likely one."""
        suggestion = suggest_name(name, allowed)
        span = self.find(start, end)
        return report(
            self.document,
            code,
            message,
            f"Did you mean {suggestion!r}?" if suggestion else remedy,
            self.pointer,
            span=span,
            received=name,
            allowed=allowed[:60],
            suggestion=suggestion,
            edit=self._replace(span, name, suggestion),
        )

    def _replace(self, span: Span | None, name: str, suggestion: str | None) -> Edit | None:
        """The edit of a name that stands there as it is, by one that needs no quotes either."""
        if span is None or suggestion is None or not suggestion.isidentifier():
            return None
        lines = self.document.positions.lines
        start, end = lines.offset(span.line, span.column), lines.offset(span.end_line, span.end_column)
        return replace_span(span, suggestion) if self.document.positions.text[start:end] == name else None


def _check(
    text: ExpressionText, place: ExpressionPlace, names: list[str], owners: dict[str, str]
) -> Iterator[Diagnostic]:
    reading = text.reading
    if reading.error:
        error = reading.error
        remedy = "See https://vega.github.io/vega/docs/expressions/."
        message = f"Vega does not read this expression: {_quote(error.name)}"
        yield text.report(DiagnosticCode.EXPRESSION_SYNTAX, message, remedy, error.start, error.end)
        return
    yield from _check_functions(text, place)
    yield from _check_signals(text, names, owners)
    for count in reading.counts:
        if count.count > MOST_ITEMS:
            message = f"{count.name}() makes more than {MOST_ITEMS} items"
            remedy = "Make it less, or compute it in the query's SQL."
            yield text.report(DiagnosticCode.UNSAFE_CHART, message, remedy, count.start, count.end)
    for pattern in reading.patterns:
        if found := _judge_pattern(pattern):
            yield text.report(DiagnosticCode.UNSAFE_CHART, *found, pattern.start, pattern.end)
    for one in reading.formats:
        if not is_format(one.kind, one.format):
            wrong = explain_format(one.kind, one.format)
            yield text.report(DiagnosticCode.INVALID_VALUE, *wrong, one.start, one.end)


def _judge_pattern(found: FoundPattern) -> tuple[str, str] | None:
    """What is wrong with a pattern and what to do; None for one that ends soon on any text."""
    if found.pattern is None:
        return (
            "a pattern that is put together as the chart is drawn may take longer than anybody waits",
            "Write the pattern as text; to look for what a reader types, use "
            "indexof(lower(datum.name), lower(search)) >= 0.",
        )
    if why := explain_slow(found.pattern, found.flags):
        return (
            f"the pattern {found.pattern[:80]} may take longer than anybody waits: {why}",
            "Write it so that each character belongs to one repetition only, or use REGEXP_CONTAINS in the query's "
            "SQL.",
        )
    return None


def _check_events(text: ExpressionText) -> Iterator[Diagnostic]:
    reading = read_selector(text.text)
    if reading.error:
        message = f"Vega does not read this name of events: {_quote(reading.error)}"
        remedy = "Write it as in click, or pointermove[event.shiftKey]."
        yield text.report(DiagnosticCode.EXPRESSION_SYNTAX, message, remedy)
    for source in reading.sources:
        if source not in EVENT_SOURCES:
            yield text.report(DiagnosticCode.UNSAFE_CHART, *explain_source(source))


def _check_functions(text: ExpressionText, place: ExpressionPlace) -> Iterator[Diagnostic]:
    known = list_functions()
    for call in text.reading.calls:
        code = DiagnosticCode.UNKNOWN_FUNCTION
        if call.name not in known:
            plain = [name for name in known if not name.startswith(("_", "vl"))]
            message = f"Vega has no function {call.name[:80]}()"
            remedy = "See https://vega.github.io/vega/docs/expressions/, or compute it in the query's SQL."
            yield text.report_unknown(code, message, call.name, call.start, call.end, plain, remedy)
        elif call.name in _EVENT_FUNCTIONS and place.scope is not Scope.EVENT:
            message = f"{call.name}() is there in the filter of an event only"
            yield text.report(code, message, "Read a field of datum instead.", call.start, call.end)


def _check_signals(text: ExpressionText, names: list[str], owners: dict[str, str]) -> Iterator[Diagnostic]:
    made = tuple(f"{name}_" for name in names)
    for signal in text.reading.signals:
        name = signal.name
        if name in names or name in _OWN_SIGNALS or (made and name.startswith(made)):
            continue
        remedy = (
            f"For a column, write datum[{name!r}] or datum.{name}; for a parameter, declare it in params."
        )
        code = DiagnosticCode.UNKNOWN_CHART_PARAMETER
        message = f"{explain_owner(name, owners)} {name!r}"
        yield text.report_unknown(code, message, name, signal.start, signal.end, names, remedy)


def _quote(reason: str) -> str:
    """Vega's words, bounded, as they repeat what was written."""
    return reason if len(reason) <= 200 else f"{reason[:200]}…"
