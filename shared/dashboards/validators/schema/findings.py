"""From the tree of errors of `jsonschema` to the one thing an author got wrong at each place.

Inside `anyOf` a wrong word gives the errors of every branch. Here the branch that was most likely meant is found,
and only its errors are told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.dashboards.validators.schema.branches import Branch, find_meant, flatten_branches, list_tags
from shared.dashboards.validators.schema.verdict import Location, SchemaError


class FindingKind(StrEnum):
    """What is wrong with a value."""

    UNKNOWN_PROPERTY = "unknown_property"
    MISSING_PROPERTY = "missing_property"
    MISSING_ALTERNATIVE = "missing_alternative"
    NOT_ALLOWED = "not_allowed"
    WRONG_TYPE = "wrong_type"
    WRONG_PATTERN = "wrong_pattern"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True)
class Finding:
    """One thing wrong at `location` (keys and indexes from the top of the file).

    `allowed` holds accepted names, words, types, patterns or bounds, as text; `schema` is the part of the schema
    that refused the value by its `keyword`, and `is_key` says that it is the key at `location` that was refused.
    """

    kind: FindingKind
    location: Location
    received: object
    allowed: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict, compare=False)
    keyword: str = ""
    is_key: bool = False


def explain_errors(errors: Iterable[SchemaError]) -> list[Finding]:
    """One finding per thing that is wrong; of several about one value, the one about its type."""
    found = [finding for error in errors for finding in _explain(error)]
    mistyped = {finding.location for finding in found if finding.kind is FindingKind.WRONG_TYPE}
    kept = [
        finding
        for finding in found
        if finding.kind is FindingKind.WRONG_TYPE or finding.is_key or finding.location not in mistyped
    ]
    return list({(one.kind, one.location, one.allowed): one for one in kept}.values())


def _explain(error: SchemaError) -> Iterator[Finding]:
    location = error.location
    match error.keyword:
        case "anyOf" | "oneOf":
            yield from _explain_branches(error, location)
        case "additionalProperties":
            known = tuple(error.schema.get("properties", {}))
            for name in error.value:
                if name not in known:
                    yield _find(FindingKind.UNKNOWN_PROPERTY, error, (*location, name), name, known)
        case "required":
            for name in error.expected:
                if name not in error.value:
                    yield _find(FindingKind.MISSING_PROPERTY, error, location, None, (name,))
        case "type":
            yield _find(FindingKind.WRONG_TYPE, error, location, error.value, _list_types(error))
        case "enum" | "const":
            yield _find(FindingKind.NOT_ALLOWED, error, location, error.value, _list_words(error))
        case "pattern":
            yield _explain_pattern(error, location)
        case _:
            yield _find(FindingKind.OUT_OF_RANGE, error, location, error.value, _list_bounds(error))


def _find(
    kind: FindingKind,
    error: SchemaError,
    location: Location,
    received: object,
    allowed: tuple[str, ...],
) -> Finding:
    return Finding(kind, location, received, allowed, error.schema, error.keyword)


def _explain_pattern(error: SchemaError, location: Location) -> Finding:
    place = (*location, error.value) if error.is_key else location
    kind, allowed = FindingKind.WRONG_PATTERN, (str(error.expected),)
    return Finding(kind, place, error.value, allowed, error.schema, "pattern", error.is_key)


def _explain_branches(error: SchemaError, location: Location) -> list[Finding]:
    branches = flatten_branches(error)
    if all("required" in branch.schema and "type" not in branch.schema for branch in branches):
        keys = tuple(name for branch in branches for name in branch.schema["required"])
        return [_find(FindingKind.MISSING_ALTERNATIVE, error, location, error.value, keys)]
    fitting = [branch for branch in branches if not branch.is_mistyped]
    if not fitting:
        types = _join(_list_types(one) for branch in branches for one in branch.own("type"))
        return [_find(FindingKind.WRONG_TYPE, error, location, error.value, types)]
    if not isinstance(error.value, dict | list):
        return [_explain_scalar(error, location, fitting)]
    tags = list_tags(fitting)
    tag = error.value.get("type") if isinstance(error.value, dict) else None
    if tags and isinstance(tag, dict | list):
        return [Finding(FindingKind.WRONG_TYPE, (*location, "type"), tag, ("string",), error.schema)]
    if tags and tag is not None and tag not in tags:
        return [Finding(FindingKind.NOT_ALLOWED, (*location, "type"), tag, tuple(tags), error.schema)]
    found = explain_errors(find_meant(fitting, error.value).errors)
    return found or [_find(FindingKind.OUT_OF_RANGE, error, location, error.value, ())]


def _explain_scalar(error: SchemaError, location: Location, fitting: Sequence[Branch]) -> Finding:
    errors = [one for branch in fitting for one in branch.errors]
    words = _join(_list_words(one) for one in errors if one.keyword in ("enum", "const"))
    if words:
        return _find(FindingKind.NOT_ALLOWED, error, location, error.value, words)
    bounds = _join(_list_bounds(one) for one in errors)
    return _find(FindingKind.OUT_OF_RANGE, error, location, error.value, bounds)


def _join(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def _list_types(error: SchemaError) -> tuple[str, ...]:
    types = error.expected
    return (types,) if isinstance(types, str) else tuple(types)


def _list_words(error: SchemaError) -> tuple[str, ...]:
    words = error.expected if error.keyword == "enum" else [error.expected]
    return tuple("null" if word is None else str(word) for word in words)


def _list_bounds(error: SchemaError) -> tuple[str, ...]:
    bound = _BOUND_WORDS.get(error.keyword)
    return (f"{bound} {error.expected}",) if bound else ()


_BOUND_WORDS = {
    "minimum": "at least", "maximum": "at most",
    "minLength": "characters at least", "maxLength": "characters at most",
    "minItems": "items at least", "maxItems": "items at most",
    "minProperties": "keys at least", "maxProperties": "keys at most",
}  # fmt: skip
