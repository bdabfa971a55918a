"""A check of values against a JSON Schema that names the one thing an author got wrong.

General validators answer a wrong word inside `anyOf` with hundreds of failures. This one picks the branch the
author most likely meant and explains only that. It knows the keywords Vega-Lite's schema uses: $ref, anyOf,
type, enum, const, properties, required, additionalProperties, items, minItems, maxItems, minProperties,
minimum, maximum, minLength, maxLength.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

type Schema = Mapping[str, Any]


class FindingKind(StrEnum):
    """What is wrong with a value."""

    UNKNOWN_PROPERTY = "unknown_property"
    MISSING_PROPERTY = "missing_property"
    NOT_ALLOWED = "not_allowed"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True)
class Finding:
    """One thing wrong at `location` (keys and indexes below the checked value).

    `allowed` holds accepted names, words, types or bounds, as text.
    """

    kind: FindingKind
    location: tuple[str | int, ...]
    received: object
    allowed: tuple[str, ...] = ()


class SchemaCheck:
    """Checks values against the definitions of one JSON Schema document; safe to share between threads."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self.definitions = definitions

    def find_problems(self, definition: str, value: object) -> list[Finding]:
        """What is wrong with `value` as `definition`; empty when it is valid."""
        return _Run(self.definitions).explain(self.definitions[definition], value, ())

    def list_properties(self, definition: str) -> list[str]:
        """The properties an object definition has."""
        return list(self.definitions[definition].get("properties", {}))


class _Run:
    """One check. Results are remembered by identity: schemas recurse, branches meet the same value again."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._verdicts: dict[tuple[int, int], bool] = {}

    def explain(self, schema: Schema, value: object, location: tuple[str | int, ...]) -> list[Finding]:
        schema = self._resolve(schema)
        if self.is_valid(schema, value):
            return []
        if "anyOf" in schema and not any(self.is_valid(branch, value) for branch in schema["anyOf"]):
            return self._explain_branches(self._flatten(schema), value, location)
        found = _check_itself(schema, value, location)
        if found:
            return found
        if isinstance(value, dict):
            return self._explain_object(schema, value, location)
        items = schema.get("items")
        if isinstance(value, list) and isinstance(items, Mapping):
            return [
                finding
                for index, item in enumerate(value)
                for finding in self.explain(items, item, (*location, index))
            ]
        return [Finding(FindingKind.WRONG_TYPE, location, value)]

    def is_valid(self, schema: Schema, value: object) -> bool:
        schema = self._resolve(schema)
        key = (id(schema), id(value))
        if key not in self._verdicts:
            self._verdicts[key] = self._decide(schema, value)
        return self._verdicts[key]

    def _decide(self, schema: Schema, value: object) -> bool:
        if "anyOf" in schema and not any(self.is_valid(branch, value) for branch in schema["anyOf"]):
            return False
        if _check_itself(schema, value, ()):
            return False
        if isinstance(value, dict):
            return self._decide_object(schema, value)
        items = schema.get("items")
        if isinstance(value, list) and isinstance(items, Mapping):
            return all(self.is_valid(items, item) for item in value)
        return True

    def _decide_object(self, schema: Schema, value: dict[str, object]) -> bool:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        if any(name not in value for name in schema.get("required", ())):
            return False
        if others is False and any(name not in properties for name in value):
            return False
        return all(
            self.is_valid(properties[name], part)
            if name in properties
            else not isinstance(others, Mapping) or self.is_valid(others, part)
            for name, part in value.items()
        )

    def _explain_object(
        self, schema: Schema, value: dict[str, object], location: tuple[str | int, ...]
    ) -> list[Finding]:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        found = []
        for name, part in value.items():
            if name in properties:
                found.extend(self.explain(properties[name], part, (*location, name)))
            elif others is False:
                unknown = (*location, name)
                found.append(Finding(FindingKind.UNKNOWN_PROPERTY, unknown, name, tuple(properties)))
            elif isinstance(others, Mapping):
                found.extend(self.explain(others, part, (*location, name)))
        missing = tuple(name for name in schema.get("required", ()) if name not in value)
        return [*found, *(Finding(FindingKind.MISSING_PROPERTY, location, None, (name,)) for name in missing)]

    def _explain_branches(
        self, branches: Sequence[Schema], value: object, location: tuple[str | int, ...]
    ) -> list[Finding]:
        fitting = [branch for branch in branches if _has_type(branch, value)]
        if not fitting:
            types = dict.fromkeys(name for branch in branches for name in _list_types(branch))
            return [Finding(FindingKind.WRONG_TYPE, location, value, tuple(types))]
        if not isinstance(value, dict | list):
            words = dict.fromkeys(word for branch in fitting for word in _list_words(branch))
            kind = FindingKind.NOT_ALLOWED if words else FindingKind.OUT_OF_RANGE
            bounds = [bound for branch in fitting for bound in _list_bounds(branch)]
            return [Finding(kind, location, value, tuple(words) or tuple(bounds))]
        # A tag that fits, such as `type: boxplot`, names the branch, whatever else is wrong.
        named = [branch for branch in fitting if self._is_named(branch, value)]
        likely = min(named or fitting, key=lambda branch: self._distance(branch, value))
        found = self.explain(likely, value, location)
        return found or [Finding(FindingKind.OUT_OF_RANGE, location, value)]

    def _is_named(self, branch: Schema, value: object) -> bool:
        tag = self._resolve(branch.get("properties", {}).get("type", {}))
        return isinstance(value, dict) and "const" in tag and _equals(tag["const"], value.get("type"))

    def _distance(self, branch: Schema, value: object) -> float:
        """How far `value` is from `branch`, by its own keys only: deeper would cost too much."""
        if not isinstance(value, dict):
            return float(len(_check_itself(branch, value, ())))
        properties = branch.get("properties", {})
        closed = branch.get("additionalProperties", True) is False
        distance = sum(1.0 for name in branch.get("required", ()) if name not in value)
        for name, part in value.items():
            if name in properties:
                is_tag = "const" in self._resolve(properties[name])
                # A tag that differs, such as `type: line` beside `type: boxplot`, names another branch.
                distance += 0.0 if self.is_valid(properties[name], part) else 1.5 if is_tag else 0.6
            else:
                distance += 1.0 if closed else 0.0
        return distance

    def _flatten(self, schema: Schema) -> list[Schema]:
        schema = self._resolve(schema)
        if "anyOf" in schema:
            return [leaf for branch in schema["anyOf"] for leaf in self._flatten(branch)]
        return [schema]

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            name = str(schema["$ref"]).removeprefix("#/definitions/")
            schema = self._definitions[unquote(name)]
        return schema


def _check_itself(schema: Schema, value: object, location: tuple[str | int, ...]) -> list[Finding]:
    """What is wrong with the value itself, not with its parts."""
    if not _has_type(schema, value):
        return [Finding(FindingKind.WRONG_TYPE, location, value, tuple(_list_types(schema)))]
    words = _list_words(schema)
    if words and not any(_equals(word, value) for word in (*schema.get("enum", ()), *_constant(schema))):
        return [Finding(FindingKind.NOT_ALLOWED, location, value, tuple(words))]
    if not _is_within(schema, value):
        return [Finding(FindingKind.OUT_OF_RANGE, location, value, tuple(_list_bounds(schema)))]
    return []


def _is_within(schema: Schema, value: object) -> bool:
    match value:
        case bool():
            return True
        case int() | float():
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
        case str():
            return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)))
        case list():
            return bool(schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)))
        case dict():
            return bool(schema.get("minProperties", 0) <= len(value))
    return True


def _has_type(schema: Schema, value: object) -> bool:
    types = _list_types(schema)
    if not types:
        return True
    names = _TYPE_NAMES[type(value)]
    return any(name in types for name in names) or (
        isinstance(value, float) and value.is_integer() and "integer" in types
    )


def _list_types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _list_words(schema: Schema) -> list[str]:
    return [
        str(word) if word is not None else "null" for word in (*schema.get("enum", ()), *_constant(schema))
    ]


def _constant(schema: Schema) -> tuple[object, ...]:
    return (schema["const"],) if "const" in schema else ()


def _list_bounds(schema: Schema) -> list[str]:
    return [f"{_BOUND_WORDS[name]} {schema[name]}" for name in _BOUND_WORDS if name in schema]


def _equals(accepted: object, value: object) -> bool:
    return accepted == value and isinstance(accepted, bool) == isinstance(value, bool)


_TYPE_NAMES: dict[type, tuple[str, ...]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    list: ("array",),
    dict: ("object",),
    type(None): ("null",),
}
_BOUND_WORDS = {
    "minimum": "at least", "maximum": "at most",
    "minLength": "characters at least", "maxLength": "characters at most",
    "minItems": "items at least", "maxItems": "items at most", "minProperties": "keys at least",
}  # fmt: skip
