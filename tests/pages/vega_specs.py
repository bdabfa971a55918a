"""Vega-Lite charts made at random from the schema: whatever it allows, with values that have caused trouble."""

import json
import random
from functools import cache
from typing import Any

from shared.dashboards.vega.schema_subset import SUBSET_PATH

COLUMNS = {"day": "temporal", "n": "quantitative", "kind": "nominal", "x": "quantitative"}
_MARKS = ("arc", "area", "bar", "circle", "line", "point", "rect", "rule", "square", "text", "tick", "trail")
_NUMBERS = (0, 1, -1, 2, 3, 10, 0.5, 60, 100, 1e-9, -1e-9, 1e4, 1e6, 1e9, -1e9, 1e300, 2**53, 1e-300)
_ADDRESSES = (
    "https://almanac.invalid/a.png",
    "//almanac.invalid/a",
    "javascript:alert(1)",
    "/view/other",
    "file:///a",
)
_TEXTS = (
    "",
    "a",
    "body",
    "#top",
    "window:pointermove",
    "click",
    "timer",
    "%Y",
    ".2f",
    "99999999d",
    "url(https://almanac.invalid/a.png)",
    "<img src=https://almanac.invalid/a.png onerror=alert(1)>",
    "constructor",
    "__proto__",
    "ordinal",
    *_ADDRESSES,
)
_EXPRESSIONS = (
    "datum.n > 1",
    "datum.x * 1e9",
    "sequence(datum.n * 3000)",
    "sequence(1e9)",
    "pad('a', 1e9, 'b')",
    "now()",
    "random() < 0.5",
    "test(/^(a+)+$/, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!')",
    "test(regexp('(x+x+)' + '+y'), 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')",
    "utcSequence('milliseconds', 0, 1e13)",
    "data('query')",
    "length(data('query'))",
    "width * height",
    "containerSize()[0]",
    "replace(datum.kind, /(.*)*z/, 'b')",
    "merge(datum, {n: 1e9})",
    "'/view/' + datum.kind",
    "warn(datum)",
    "bad(((",
    "foo(1)",
    "datum.missing.deeper",
    "isValid(datum.kind)",
    "format(datum.n, '9999999d')",
    "[1, 2, 3]",
    "p0",
    "_",
    "screen().width",
    "datum",
)
_EXPRESSION_KEYS = frozenset({"calculate", "expr", "filter", "labelExpr", "test"})
_NAME_KEYS = frozenset(
    {
        "argmax",
        "argmin",
        "density",
        "field",
        "flatten",
        "fold",
        "groupby",
        "impute",
        "key",
        "loess",
        "lookup",
        "on",
        "pivot",
        "quantile",
        "regression",
        "stack",
    }
)
_DEEPEST = 9
# How often a mark or a channel is whatever the schema allows.
_WILD = 0.15


@cache
def _read_definitions() -> dict[str, Any]:
    definitions: dict[str, Any] = json.loads(SUBSET_PATH.read_text())["definitions"]
    return definitions


class SpecMaker:
    """Charts, always the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def make(self) -> dict[str, object]:
        """A chart with a mark, some channels, and perhaps transforms and parameters."""
        channels = _read_definitions()["FacetedEncoding"]["properties"]
        names = ["x", "y", *self._random.sample(sorted(channels), self._random.randint(0, 3))]
        spec: dict[str, object] = {
            "mark": self._make_mark(),
            "encoding": {name: self._make_channel(name, channels[name]) for name in dict.fromkeys(names)},
        }
        for key, root, most in (("transform", "Transform", 3), ("params", "TopLevelParameter", 2)):
            count = self._random.randint(0, most) if self._random.random() < 0.6 else 0
            if count:
                made = [self._make({"$ref": f"#/definitions/{root}"}, key, 0) for _ in range(count)]
                spec[key] = [
                    one | {"name": f"p{at}"} if key == "params" else one for at, one in enumerate(made)
                ]
        return spec

    def _make_mark(self) -> Any:
        """Mostly one that needs nothing of its channels: the others say at once what they lack."""
        if self._random.random() < _WILD:
            return self._make({"$ref": "#/definitions/AnyMark"}, "mark", 0)
        return self._make({"$ref": "#/definitions/MarkDef"}, "mark", 0) | {
            "type": self._random.choice(_MARKS)
        }

    def _make_channel(self, name: str, schema: dict[str, Any]) -> Any:
        """Mostly one that draws a column, so that what else it says comes to matter."""
        made = self._make(schema, name, 0)
        if self._random.random() < _WILD or not isinstance(made, dict) or {"value", "datum"} & made.keys():
            return made
        column = self._random.choice(list(COLUMNS))
        return made | {"field": column, "type": COLUMNS[column]}

    def _make(self, schema: dict[str, Any], key: str, depth: int) -> Any:
        while "$ref" in schema:
            schema = _read_definitions()[schema["$ref"].removeprefix("#/definitions/")]
        if "anyOf" in schema:
            return self._make(self._choose_branch(schema["anyOf"], depth), key, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kind = schema.get("type")
        return self._make_kind(
            self._random.choice(kind) if isinstance(kind, list) else kind, schema, key, depth
        )

    def _choose_branch(self, branches: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        """Any; deep inside a flat one where there is one."""
        flat = [branch for branch in branches if not {"$ref", "anyOf", "properties"} & set(branch)]
        return self._random.choice(flat if flat and depth > _DEEPEST - 3 else branches)

    def _make_kind(self, kind: str | None, schema: dict[str, Any], key: str, depth: int) -> Any:
        if kind == "object" or "properties" in schema:
            return self._make_object(schema, depth)
        if kind == "array":
            items = schema.get("items", {"type": "number"})
            few = self._random.randint(schema.get("minItems", 0), min(schema.get("maxItems", 3), 3))
            return (
                []
                if depth > _DEEPEST
                else [self._make_item(items, index, key, depth) for index in range(few)]
            )
        if kind == "string":
            return self._make_text(key)
        if kind in ("number", "integer"):
            return self._random.choice(_NUMBERS)
        return None if kind == "null" else self._random.random() < 0.5

    def _make_item(self, items: Any, index: int, key: str, depth: int) -> Any:
        schema = items[min(index, len(items) - 1)] if isinstance(items, list) else items
        return self._make(schema, key, depth + 1)

    def _make_object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        free = sorted(set(properties) - set(required))
        chosen = (
            self._random.sample(free, min(len(free), self._random.randint(0, 3))) if depth < _DEEPEST else []
        )
        return {
            name: self._make(properties[name], name, depth + 1)
            for name in (*required, *chosen)
            if name in properties
        }

    def _make_text(self, key: str) -> str:
        if key in _EXPRESSION_KEYS:
            return self._random.choice(_EXPRESSIONS)
        if key in _NAME_KEYS or self._random.random() < 0.3:
            return self._random.choice(list(COLUMNS))
        return "p0" if key in ("name", "param") else self._random.choice(_TEXTS)
