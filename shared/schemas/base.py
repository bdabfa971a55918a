"""What all API models share."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from shared.sizes import parse_bytes

Money = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str)]
"""US dollars, as a decimal string."""


def _read_size(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a size is a number of bytes or text such as '10 GB'")
    return parse_bytes(value) if isinstance(value, str) else value


ByteSize = Annotated[
    int,
    BeforeValidator(_read_size),
    Field(gt=0, le=2**63 - 1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([KkMmGgTtPp][Ii]?)?[Bb]?\s*$"},
            ]
        }
    ),
]
"""Bytes, or text such as `10 GB`."""


class RequestModel(BaseModel):
    """A request: unknown fields are refused, and so are values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


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
