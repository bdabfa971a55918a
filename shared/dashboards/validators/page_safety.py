"""Charts that would leave their cell, or take the time of the page that shows them."""

from collections.abc import Iterable, Iterator

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

MOST_ITEMS = 10_000
"""As many items as the page makes for a chart: `MOST_ITEMS` of vega_bounds.ts."""

_COUNTS = frozenset({"count", "maxbins", "maxsteps", "minsteps", "steps", "tickCount"})


class PageSafetyValidator:
    """What the page stops anyway is an error before anybody pays for it."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per binding outside the cell, and per count or pattern that has no bound."""
        for pointer, chart in document.charts():
            if chart_kind(chart) == "vega":
                for key in ("mark", "encoding", "transform", "params"):
                    yield from _walk(document, join_pointer(pointer, key), chart.get(key))


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
