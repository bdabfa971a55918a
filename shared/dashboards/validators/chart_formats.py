"""Formats of numbers and times in charts: d3 throws at some that are none, and writes others as they stand."""

import re
from collections.abc import Iterable, Iterator, Mapping

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.definition.field_types import NUMBER_FORMAT_PATTERN
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

NUMBER, TIME = "number", "time"
_NUMBER_FORMAT = re.compile(NUMBER_FORMAT_PATTERN)
# A directive is %, perhaps a padding, and one of these letters: https://d3js.org/d3-time-format#locale_format.
_DIRECTIVE = re.compile(r"%(?:[-_0]?[aAbBcdefgGHIjLmMpqQsSuUVwWxXyYZ%])?")
# Where a channel has its formats: https://vega.github.io/vega-lite/docs/format.html.
_PARTS = ("axis", "legend", "header")
_REMEDIES = {
    NUMBER: "Write for example ',d', '.1%' or '$,.2f'; see https://d3js.org/d3-format.",
    TIME: "Write for example '%Y-%m-%d', '%b %Y' or '%H:%M'; see https://d3js.org/d3-time-format.",
}


class ChartFormatValidator:
    """The `format` of every channel, axis, legend and header of a chart."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per format that is none of its kind."""
        for pointer, chart in document.charts():
            encoding = chart.get("encoding")
            if chart_kind(chart) == "vega" and isinstance(encoding, dict):
                for at, kind, written in _list_formats(encoding, join_pointer(pointer, "encoding")):
                    if not is_format(kind, written):
                        yield report(
                            document, DiagnosticCode.INVALID_VALUE, *explain_format(kind, written), at,
                            received=written[:200],
                        )  # fmt: skip


def is_format(kind: str, written: str) -> bool:
    """Whether d3 reads `written` as a format of numbers (NUMBER) or times (TIME). An empty one is its default."""
    if kind == NUMBER:
        return _NUMBER_FORMAT.fullmatch(written) is not None
    return "%" not in _DIRECTIVE.sub(lambda found: "" if len(found[0]) > 1 else "%", written)


def explain_format(kind: str, written: str) -> tuple[str, str]:
    """What is wrong with it, and what to do."""
    return f"{written[:80]!r} is not a d3-format of a {kind}", _REMEDIES[kind]


def _list_formats(encoding: Mapping[str, YamlData], pointer: str) -> Iterator[tuple[str, str, str]]:
    for channel, value in encoding.items():
        place = join_pointer(pointer, channel)
        definitions = value if isinstance(value, list) else [value]
        for index, definition in enumerate(definitions):
            if isinstance(definition, dict):
                at = join_pointer(place, index) if isinstance(value, list) else place
                yield from _list_own(definition, at)


def _list_own(definition: Mapping[str, YamlData], pointer: str) -> Iterator[tuple[str, str, str]]:
    for part in (None, *_PARTS):
        holder = definition if part is None else definition.get(part)
        place = pointer if part is None else join_pointer(pointer, part)
        if not isinstance(holder, dict):
            continue
        written, kind = holder.get("format"), _find_kind(holder.get("formatType"), definition)
        if isinstance(written, str) and kind:
            yield join_pointer(place, "format"), kind, written


def _find_kind(named: YamlData, definition: Mapping[str, YamlData]) -> str | None:
    """Whether numbers or times are formatted; None where that hangs on the data, or something else formats."""
    if named is not None:
        return named if named in (NUMBER, TIME) and isinstance(named, str) else None
    if definition.get("timeUnit") or definition.get("type") == "temporal":
        return TIME
    is_counted = definition.get("aggregate") == "count" and "type" not in definition
    return NUMBER if is_counted or definition.get("type") == "quantitative" else None
