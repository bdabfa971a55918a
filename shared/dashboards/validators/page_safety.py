"""Charts that would leave their cell, or take the time of the page that shows them."""

import re
from collections.abc import Iterable, Iterator
from typing import TypeIs

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

MOST_ITEMS = 10_000
"""As many items as the page makes for a chart: `MOST_ITEMS` of vega_bounds.ts."""

EVENT_SOURCES = frozenset({"scope", "timer", "view", "window"})
"""Where events may come from: `SOURCES` of vega_bounds.ts. Any other is an element of the page."""

_COUNTS = frozenset({"count", "maxbins", "maxsteps", "minsteps", "steps", "tickCount"})
_DASHES = frozenset({"domainDash", "gridDash", "strokeDash", "tickDash"})
# The bounds of what is stepped through, by the key that holds them: `keyvals` of impute, `bins` of a scale, `bin`.
_STEPPED = frozenset({"bin", "bins", "keyvals"})
# Patterns of numbers say how wide a number is, and blanks fill it up.
_WIDE = re.compile(r"\d{4}")
# A path of this site, which no second / makes the name of another, or a page elsewhere that is sent encrypted.
_ADDRESS = re.compile(r"/(?![/\\])|https://|[?#]", re.IGNORECASE)
_SHORTEST_DASHES = 0.1
_HIGHEST_ORDER = 100


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
            if key == "source" and isinstance(part, str) and part not in EVENT_SOURCES and "type" in value:
                message, remedy = explain_source(part)
                yield report(document, DiagnosticCode.UNSAFE_CHART, message, remedy, place)
            if key == "href":
                yield from _check_address(document, place, part)
            if reason := _find_excess(key, part, value):
                yield _report(document, place, reason)
            yield from _walk(document, place, part)


def _check_address(document: ParsedDashboard, pointer: str, href: YamlData) -> Iterator[Diagnostic]:
    """Where marks lead, if that is written: a mark's `href`, or the values of the channel and of its conditions."""
    if isinstance(href, str) and not _ADDRESS.match(href):
        message = f"a mark leads to paths of this site and over https alone, not to {href[:80]!r}"
        remedy = "Write a path that begins with one /, such as /view/sales, or an address that begins with https://."
        yield report(document, DiagnosticCode.UNSAFE_CHART, message, remedy, pointer)
    elif isinstance(href, list):
        for index, item in enumerate(href):
            yield from _check_address(document, join_pointer(pointer, index), item)
    elif isinstance(href, dict):
        for key in ("value", "condition"):
            yield from _check_address(document, join_pointer(pointer, key), href.get(key))


def explain_source(source: str) -> tuple[str, str]:
    """What is wrong with events of an element of the page, and what to do."""
    message = f"events of {source[:80]!r} are not those of the chart"
    return message, "Leave out the part before the colon: the events are then those of the chart itself."


def _find_excess(key: str, value: YamlData, owner: dict[str, YamlData]) -> str | None:
    """What a part of a chart asks for and no page makes; None where it is within the bounds."""
    if key in _COUNTS and _is_many(value):
        return f"{key} asks for {value} items; a page makes at most {MOST_ITEMS}"
    if key in _STEPPED and isinstance(value, dict) and _is_many(_count_steps(value)):
        return f"{key} asks for more than {MOST_ITEMS} steps"
    if key == "step" and "quantile" in owner and _is_number(value) and abs(value) * MOST_ITEMS < 1:
        return f"step asks for more than {MOST_ITEMS} quantiles"
    if key == "order" and "regression" in owner and _is_number(value) and value > _HIGHEST_ORDER:
        return f"order asks for a polynomial of degree {value}; a page computes at most {_HIGHEST_ORDER}"
    if key in _DASHES and isinstance(value, list) and _sum_dashes(value) < _SHORTEST_DASHES:
        return f"{key} asks for dashes that nobody sees and a page draws one by one"
    if key in ("format", "labelFormat") and isinstance(value, str) and _WIDE.search(value):
        return "format asks for a number of a thousand characters or more"
    return None


def _count_steps(bounds: dict[str, YamlData]) -> float | None:
    """How many steps lie between bounds that are written; None where the data decides."""
    extent = bounds.get("extent")
    start, stop = (
        extent
        if isinstance(extent, list) and len(extent) == 2
        else (bounds.get("start", 0), bounds.get("stop"))
    )
    step = bounds.get("step", 1)
    if not (_is_number(start) and _is_number(stop) and _is_number(step)):
        return None
    return abs(stop - start) / abs(step) if step else float("inf")


def _sum_dashes(lengths: list[YamlData]) -> float:
    """Infinite for no dashes at all, and for what is no list of numbers."""
    numbers = [length for length in lengths if _is_number(length)]
    return sum(numbers) if numbers and len(numbers) == len(lengths) else float("inf")


def _is_number(value: YamlData) -> TypeIs[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
    return _is_number(value) and value > MOST_ITEMS
