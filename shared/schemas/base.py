"""What all API models share."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.config import JsonDict

from shared.sizes import MAX_BYTES, SIZE_PATTERN, parse_bytes

Money = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str)]
"""US dollars, as a decimal string."""


def _read_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(_read_whole)]
"""An integer of a request. JSON has one kind of number, and its Schema takes 3.0 for an integer as well."""

Slug = Annotated[str, Field(json_schema_extra={"pattern": r"^[^\x00]*$"})]
"""Which dashboard: whatever cannot be a slug is not found, but for the character that no database takes."""

# The bound stands before the validator: pydantic describes one that comes after it by no keyword of JSON Schema.
Version = Annotated[int, Field(ge=1), BeforeValidator(_read_whole)]
ExpectedVersion = Annotated[int, Field(ge=0), BeforeValidator(_read_whole)]
"""A version of a dashboard; where one is expected, 0 means that none exists."""


def _read_size(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a size is a number of bytes or text such as '10 GB'")
    return parse_bytes(value) if isinstance(value, str) else _read_whole(value)


ByteSize = Annotated[
    int,
    BeforeValidator(_read_size),
    Field(gt=0, le=MAX_BYTES),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_BYTES},
                {"type": "string", "pattern": SIZE_PATTERN},
            ]
        }
    ),
]
"""Bytes, or text such as `10 GB`."""


class RequestModel(BaseModel):
    """A request: unknown fields are refused, and so are values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


def describe_choice(*choices: Mapping[str, Mapping[str, object]]) -> JsonDict:
    """For `json_schema_extra`: exactly one of `choices` holds, each of which says what its members must be.

    What a choice wants more of than nothing has to be there; the rest may be left out.
    """
    return {"oneOf": [_describe(choice) for choice in choices]}


def _describe(choice: Mapping[str, Mapping[str, object]]) -> JsonDict:
    needed = [name for name, schema in choice.items() if schema in (SOME, TRUE)]
    return cast(
        "JsonDict", {"required": needed, "properties": {name: dict(one) for name, one in choice.items()}}
    )


SOME: Mapping[str, object] = {"minItems": 1}
NONE: Mapping[str, object] = {"maxItems": 0}
TRUE: Mapping[str, object] = {"const": True}
FALSE: Mapping[str, object] = {"const": False}


class NoQuery(BaseModel):
    """The query string of a call that takes none."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """A part of an answer, built from a service's result by attribute."""

    model_config = ConfigDict(from_attributes=True)


class PageMetadata(ResponseModel):
    """Which page of how many items."""

    page: int
    page_size: int
    total: int
