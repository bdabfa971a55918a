"""The verdict of the published JSON Schema on the data of a file.

`jsonschema_rs` says yes or no: a thousand times faster than `jsonschema` on Vega-Lite's alternatives, so that a valid
file costs next to nothing. `jsonschema` says what is wrong with the others, and asks `jsonschema_rs` which parts it may
pass over. Both are imported by the first file that needs them: most functions never judge one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.dashboards.definition.published_schema import JsonSchema, load_schema, resolve_schema
from shared.dashboards.yaml.reading import YamlData

if TYPE_CHECKING:
    import jsonschema_rs
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

type Location = tuple[str | int, ...]


@dataclass(frozen=True)
class SchemaError:
    """What one keyword of the schema has against one value of the file.

    `location` has the keys and indexes from the top of the file; `is_key` says that the value is a key of the mapping
    there.
    """

    keyword: str
    expected: Any
    location: Location
    value: Any
    schema: JsonSchema
    is_key: bool

    def list_branches(self) -> list[tuple[JsonSchema, list["SchemaError"]]]:
        """The alternatives of `anyOf` or `oneOf`, each with what it has against the value."""
        explainer = _load_explainer()
        return [
            (branch, _read_errors(explainer.evolve(schema=branch).iter_errors(self.value), self.location))
            for branch in self.expected
        ]


def is_valid(data: YamlData) -> bool:
    """True when the published schema takes `data`, plain data as YAML or JSON gives it."""
    return _is_valid_part("", data)


def find_errors(data: YamlData) -> list[SchemaError]:
    """What the published schema has against `data`; empty when it takes it."""
    return _read_errors(_load_explainer().iter_errors(data), ())


def _read_errors(errors: "Iterable[ValidationError]", above: Location) -> list[SchemaError]:
    return [_read_error(error, above) for error in errors]


def _read_error(error: Any, above: Location) -> SchemaError:
    return SchemaError(
        keyword=error.validator,
        expected=error.validator_value,
        location=(*above, *error.relative_path),
        value=error.instance,
        schema=error.schema,
        is_key="propertyNames" in list(error.schema_path)[-2:-1],
    )


@cache
def _load_registry() -> "jsonschema_rs.Registry":
    import jsonschema_rs

    schema = load_schema()
    return jsonschema_rs.Registry([(schema["$id"], schema)])


@cache
def _load_judge(reference: str) -> "jsonschema_rs.Validator":
    """The verdict of the part of the schema that a `$ref` of its own names; of the whole for ''."""
    import jsonschema_rs

    part = {"$ref": load_schema()["$id"] + reference}
    return jsonschema_rs.Draft202012Validator(part, registry=_load_registry())


@cache
def _load_explainer() -> "Validator":
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    keywords = {"$ref": _follow, "anyOf": _choose, "oneOf": _choose_one, "pattern": _match}
    explainer: Any = extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]
    made: Validator = explainer(load_schema())
    return made


def _follow(validator: Any, reference: str, value: Any, schema: JsonSchema) -> "Iterator[ValidationError]":
    """As `jsonschema` does, but past what is valid: large parts of a file, at little cost."""
    if not _is_valid_part(reference, value):
        yield from validator.descend(value, resolve_schema({"$ref": reference}))


def _is_valid_part(reference: str, value: YamlData) -> bool:
    try:
        return _load_judge(reference).is_valid(value)
    except UnicodeEncodeError:
        # Half a character, which reading has refused already.
        return False


def _choose(validator: Any, branches: Any, value: Any, schema: JsonSchema) -> "Iterator[ValidationError]":
    """As `jsonschema` does, but without the errors of each branch: they are found when somebody asks for them."""
    if not any(_is_taken(validator, branch, value) for branch in branches):
        yield _make_error("no branch takes it")


def _choose_one(validator: Any, branches: Any, value: Any, schema: JsonSchema) -> "Iterator[ValidationError]":
    if sum(_is_taken(validator, branch, value) for branch in branches) != 1:
        yield _make_error("not exactly one branch takes it")


def _is_taken(validator: Any, branch: JsonSchema, value: Any) -> bool:
    return next(validator.descend(value, branch), None) is None


def _match(validator: Any, pattern: str, value: Any, schema: JsonSchema) -> "Iterator[ValidationError]":
    """A pattern as JSON Schema means it, by ECMA-262: `$` is the end, and not a line break before it as in Python.

    All of ours name both ends.
    """
    if isinstance(value, str) and re.fullmatch(pattern, value) is None:
        yield _make_error("does not match")


def _make_error(message: str) -> "ValidationError":
    from jsonschema import ValidationError

    return ValidationError(message)
