"""Which columns a Vega-Lite chart uses, and which ones its transforms make."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.dashboards.yaml.reading import YamlData

# Aggregates that count rows or pick one, whatever the type of the column.
_ANY_TYPE_AGGREGATES = frozenset({"count", "distinct", "missing", "valid", "values"})
# Names a transform gives its output when `as` is absent: https://vega.github.io/vega-lite/docs/transform.html
_DEFAULT_OUTPUTS = {"fold": ("key", "value"), "density": ("value", "density"), "quantile": ("prob", "value")}
# Transforms whose rows are others than those they were given.
_REPLACING = frozenset({"aggregate", "density", "loess", "quantile", "regression"})
# A step into a column: `['b']`, `["b"]`, `[0]` or `.b`.
_STEP = re.compile(
    r"""\[(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^\]]*))\]|\.((?:\\.|[^.\[\\])+)""", re.DOTALL
)


@dataclass(frozen=True)
class FieldUse:
    """A `field` in an encoding: the column, where it stands in the chart and how it is used.

    `type` is Vega-Lite's, or "" when the chart leaves it to Vega-Lite. `path` is the part of the column that is used
    (`b` of `a.b`), empty for the whole of it; `counts_only` means that its type does not matter.
    """

    name: str
    location: tuple[str | int, ...]
    type: str
    path: tuple[str, ...]
    counts_only: bool


def list_field_uses(chart: dict[str, YamlData]) -> list[FieldUse]:
    """The fields of a chart's encoding, conditions and sorts included, in the order of the file."""
    return list(_walk(chart.get("encoding"), ("encoding",)))


def list_derived_fields(transforms: YamlData) -> set[str] | None:
    """The columns transforms make, by name; None when they depend on the data (pivot)."""
    names: set[str] = set()
    for transform in transforms if isinstance(transforms, list) else []:
        if not isinstance(transform, dict):
            continue
        if "pivot" in transform:
            return None
        names.update(_list_outputs(transform))
        if "bin" in transform or "timeUnit" in transform:
            names.update({f"{name}_end" for name in _list_outputs(transform)})
        names.update(_list_unnamed(transform))
        for key, outputs in _DEFAULT_OUTPUTS.items():
            names.update(outputs if key in transform and "as" not in transform else ())
    return names


def list_kept_fields(transform: YamlData) -> list[str] | None:
    """What of the fields before it is left behind a transform that groups rows; None for all of them."""
    if isinstance(transform, dict) and any(key in transform for key in _REPLACING):
        groups = transform.get("groupby")
        return (
            [read_column_name(name) for name in groups if isinstance(name, str)]
            if isinstance(groups, list)
            else []
        )
    return None


def _list_unnamed(transform: dict[str, YamlData]) -> Iterator[str]:
    """What a lookup brings, and what a flattening or a regression leaves, under the name it had."""
    source = transform.get("from")
    for value in (
        source.get("fields") if isinstance(source, dict) else None,
        transform.get("flatten"),
        [
            transform.get(key)
            for key in ("regression", "loess", "on")
            if "regression" in transform or "loess" in transform
        ],
    ):
        if "as" not in transform:
            yield from (
                read_column_name(name)
                for name in (value if isinstance(value, list) else [])
                if isinstance(name, str)
            )


def _list_outputs(value: YamlData) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _list_outputs(item)
    elif isinstance(value, dict):
        output = value.get("as")
        if isinstance(output, str):
            yield output
        elif isinstance(output, list):
            yield from (item for item in output if isinstance(item, str))
        for part in value.values():
            yield from _list_outputs(part)


def _walk(value: YamlData, location: tuple[str | int, ...]) -> Iterator[FieldUse]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*location, index))
    elif isinstance(value, dict):
        field = value.get("field")
        if isinstance(field, str):
            yield _make_use(value, field, (*location, "field"))
        for key, part in value.items():
            yield from _walk(part, (*location, key))


def _make_use(definition: dict[str, YamlData], field: str, location: tuple[str | int, ...]) -> FieldUse:
    name, rest = _split_field(field)
    path = tuple(_unescape(part) for found in _STEP.findall(rest) for part in found if part)
    kind = definition.get("type")
    aggregate = definition.get("aggregate", definition.get("op"))
    counts_only = isinstance(aggregate, dict) or aggregate in _ANY_TYPE_AGGREGATES
    return FieldUse(name, location, kind if isinstance(kind, str) else "", path, counts_only)


def read_column_name(field: str) -> str:
    """The column that a field of Vega-Lite names: the whole of it or, in `a.b` and `a[0]`, its beginning."""
    return _split_field(field)[0]


def _split_field(field: str) -> tuple[str, str]:
    r"""The column of `a.b`, `a[0]` or `a\.b` (which is the column "a.b"), and what follows it."""
    match = re.match(r"((?:\\.|[^.\[\\])*)(.*)", field, re.DOTALL)
    name, rest = match.groups() if match else (field, "")
    return _unescape(name), rest


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
