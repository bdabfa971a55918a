"""The columns of its query that a Vega-Lite chart draws, its transforms and expressions resolved."""

import re
from collections.abc import Iterator

from shared.dashboards.definition.document import VegaChart
from shared.dashboards.validators.chart_fields import list_derived_fields, read_column_name
from shared.dashboards.yaml.reading import YamlData

# Keys whose value names a field: anywhere, and in transforms, where `stack: zero` of an encoding would be one.
_ONE_NAME = frozenset({"argmax", "argmin", "field"})
_ONE_NAME_OF_TRANSFORM = _ONE_NAME | {
    "density", "extent", "impute", "key", "loess", "lookup", "on", "pivot", "quantile", "regression", "stack",
}  # fmt: skip
_MANY_NAMES = frozenset({"fields", "flatten", "fold", "groupby"})
# The other side of a lookup, and guides, whose expressions see a tick or an entry instead of a row.
_PASSED_OVER = frozenset({"axis", "from", "header", "legend"})
_EXPRESSIONS = frozenset({"calculate", "expr", "filter", "test"})

# A string that is no subscript is matched too, so that the word `datum` in it is passed over.
_DATUM = re.compile(
    r"""(?<![\w$.])(?P<datum>datum)\b
        (?: \s*\.\s*(?P<name>[A-Za-z_$][\w$]*)
          | \s*\[\s*(?P<quote>['"])(?P<key>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\s*\] )?
      | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" """,
    re.VERBOSE | re.DOTALL,
)


def list_drawn_columns(chart: VegaChart) -> tuple[str, ...] | None:
    """The columns a chart reads, in the order of its steps; None when only the data can tell.

    That is so after a pivot, and when an expression takes a row as a whole or a column by a computed name.
    What a transform made is not a column, even when it took the name of one.
    """
    columns: dict[str, None] = {}
    derived: set[str] = set()
    drawn: list[YamlData] = [chart.encoding, chart.mark, *chart.params]
    steps: list[tuple[YamlData, frozenset[str]]] = [
        *((step, _ONE_NAME_OF_TRANSFORM) for step in chart.transform),
        (drawn, _ONE_NAME),
    ]
    for step, keys in steps:
        read, made = list(_list_read(step, keys)), list_derived_fields([step])
        if None in read or made is None:
            return None
        columns.update((name, None) for name in read if name is not None and name not in derived)
        derived |= made
    return tuple(columns)


def list_expression_columns(
    value: YamlData, location: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where in a chart's transforms an expression reads `datum.name`, and the name; computed names are left out."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from list_expression_columns(item, (*location, index))
    elif isinstance(value, dict):
        for key, part in value.items():
            if key in _EXPRESSIONS and isinstance(part, str):
                yield from (((*location, key), name) for name in _list_datum_names(part) if name is not None)
            elif key not in _PASSED_OVER:
                yield from list_expression_columns(part, (*location, key))


def _list_read(value: YamlData, keys: frozenset[str]) -> Iterator[str | None]:
    """Every name; None where an expression does not say which column it reads."""
    if isinstance(value, list):
        for item in value:
            yield from _list_read(item, keys)
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, str):
                if key in _EXPRESSIONS:
                    yield from _list_datum_names(part)
                elif key in keys:
                    yield read_column_name(part)
            elif key in _MANY_NAMES and isinstance(part, list):
                yield from (read_column_name(item) for item in part if isinstance(item, str))
            elif key not in _PASSED_OVER:
                yield from _list_read(part, keys)


def _list_datum_names(expression: str) -> Iterator[str | None]:
    for found in _DATUM.finditer(expression):
        if found["datum"]:
            key = found["key"]
            yield found["name"] or (None if key is None else re.sub(r"\\(.)", r"\1", key))
