"""Where in a Vega-Lite chart expressions stand, and what each of them sees."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from shared.dashboards.yaml.reading import YamlData

type Location = tuple[str | int, ...]

# Guides, whose expressions see a tick or an entry of their own instead of a row.
GUIDES = frozenset({"axis", "header", "legend"})
# Event streams of a selection: https://vega.github.io/vega-lite/docs/selection.html
_STREAMS = frozenset({"on", "clear", "toggle", "translate", "zoom"})
_LOGIC = frozenset({"and", "or", "not"})


class Scope(Enum):
    """What `datum` is in an expression."""

    TRANSFORM = "a row, as the transforms before it made it"
    MARK = "a row that is drawn, which may stand for several rows"
    GUIDE = "a tick of an axis, or an entry of a legend"
    EVENT = "what lies under the pointer"
    PARAMETER = "nothing"


@dataclass(frozen=True)
class ExpressionPlace:
    """An expression of a chart; `step` is the transform it belongs to, None outside of them."""

    text: str
    location: Location
    scope: Scope
    step: int | None = None


@dataclass(frozen=True)
class SelectorPlace:
    """The name of an event stream."""

    text: str
    location: Location


def list_expressions(chart: dict[str, YamlData]) -> Iterator[ExpressionPlace]:
    """Every expression of a chart, in the order of the steps that use them."""
    transforms = chart.get("transform")
    for index, step in enumerate(transforms if isinstance(transforms, list) else []):
        for found in walk_expressions(step, ("transform", index), Scope.TRANSFORM):
            yield ExpressionPlace(found.text, found.location, found.scope, index)
    for key in ("encoding", "mark"):
        yield from walk_expressions(chart.get(key), (key,), Scope.MARK)
    yield from walk_expressions(chart.get("params"), ("params",), Scope.PARAMETER)


def list_selectors(chart: dict[str, YamlData]) -> Iterator[SelectorPlace]:
    """Every name of an event stream in a chart's selections."""
    params = chart.get("params")
    for index, param in enumerate(params if isinstance(params, list) else []):
        select = param.get("select") if isinstance(param, dict) else None
        for key, value in (select if isinstance(select, dict) else {}).items():
            # `toggle` is an expression, or true and false.
            if key in _STREAMS - {"toggle"} and isinstance(value, str):
                yield SelectorPlace(value, ("params", index, "select", key))


def walk_expressions(value: YamlData, location: Location, scope: Scope) -> Iterator[ExpressionPlace]:
    """Every expression of a part of a chart; `scope` is that of the part."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk_expressions(item, (*location, index), scope)
    elif isinstance(value, dict):
        for key, part in value.items():
            place = (*location, key)
            inner = _find_scope(key, scope)
            if key in ("test", "filter"):
                yield from _walk_logic(part, place, inner)
            elif key in ("calculate", "expr", "labelExpr") or (key == "toggle" and inner is Scope.EVENT):
                if isinstance(part, str):
                    yield ExpressionPlace(part, place, inner)
            else:
                yield from walk_expressions(part, place, inner)


def _find_scope(key: str, scope: Scope) -> Scope:
    if key in GUIDES or key == "labelExpr":
        return Scope.GUIDE
    if key in _STREAMS and scope is Scope.PARAMETER:
        return Scope.EVENT
    return scope


def _walk_logic(value: YamlData, location: Location, scope: Scope) -> Iterator[ExpressionPlace]:
    """A predicate: an expression, or others joined by and, or, not."""
    if isinstance(value, str):
        yield ExpressionPlace(value, location, scope)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk_logic(item, (*location, index), scope)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key in _LOGIC:
                yield from _walk_logic(part, (*location, key), scope)
            else:
                yield from walk_expressions({key: part}, location, scope)
