"""The columns of its query that a Vega-Lite chart draws, its transforms and expressions resolved."""

from collections.abc import Iterator

from shared.dashboards.definition.document import VegaChart
from shared.dashboards.validators.chart_fields import list_derived_fields, read_column_name
from shared.dashboards.validators.expression_places import GUIDES, Scope, walk_expressions
from shared.dashboards.vega.expressions import read_expression
from shared.dashboards.yaml.reading import YamlData

# Keys whose value names a field: anywhere, and in transforms, where `stack: zero` of an encoding would be one.
_ONE_NAME = frozenset({"argmax", "argmin", "field"})
_ONE_NAME_OF_TRANSFORM = _ONE_NAME | {
    "density", "extent", "impute", "key", "loess", "lookup", "on", "pivot", "quantile", "regression", "stack",
}  # fmt: skip
_MANY_NAMES = frozenset({"fields", "flatten", "fold", "groupby"})
# The other side of a lookup, and guides, which show what is drawn already.
_PASSED_OVER = GUIDES | {"from"}


def list_drawn_columns(chart: VegaChart) -> tuple[str, ...] | None:
    """The columns a chart reads, in the order of its steps; None when only the data can tell.

    That is so after a pivot, and when an expression takes a row as a whole or a column by a computed name.
    What a transform made is not a column, even when it took the name of one.
    """
    columns: dict[str, None] = {}
    derived: set[str] = set()
    steps: list[tuple[YamlData, frozenset[str]]] = [
        *((step, _ONE_NAME_OF_TRANSFORM) for step in chart.transform),
        *((part, _ONE_NAME) for part in (chart.encoding, chart.mark, *chart.params)),
    ]
    for step, keys in steps:
        read = [*_list_read(step, keys), *_list_expressed(step)]
        made = list_derived_fields([step])
        if None in read or made is None:
            return None
        columns.update((name, None) for name in read if name is not None and name not in derived)
        derived |= made
    return tuple(columns)


def _list_read(value: YamlData, keys: frozenset[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _list_read(item, keys)
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, str):
                if key in keys:
                    yield read_column_name(part)
            elif key in _MANY_NAMES and isinstance(part, list):
                yield from (read_column_name(item) for item in part if isinstance(item, str))
            elif key not in _PASSED_OVER:
                yield from _list_read(part, keys)


def _list_expressed(step: YamlData) -> Iterator[str | None]:
    """Every name in an expression that sees rows; None where it does not say which column it reads."""
    for place in walk_expressions(step, (), Scope.MARK):
        if place.scope is Scope.MARK:
            reading = read_expression(place.text)
            yield from (field.name for field in reading.fields)
            if reading.error:
                yield None
