"""The kinds of values a dashboard file holds: names, durations, sizes, parameter types."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.dashboards.definition.parameter_values import PARAMETER_TYPES
from shared.sizes import MAX_BYTES, parse_bytes, parse_duration_seconds

SLUG_PATTERN = r"^[a-z][a-z0-9-]{1,62}$"
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
CHART_ID_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
TAG_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
DATASET_PATTERN = r"^[A-Za-z0-9_]{1,1024}$"
# [[fill]align][sign][symbol][0][width][,][.precision][~][type], https://d3js.org/d3-format#locale_format.
# d3 reads any letter as a type and shows numbers in its own way for those that are none; those are refused.
NUMBER_FORMAT_PATTERN = r"^(.?[<>=^])?[-+( ]?[$#]?0?[0-9]{0,2},?(\.[0-9]{1,2})?~?[efgrsp%bodcxXn]?$"


def _parse_duration(value: object) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError("duration", "expected a duration such as 30m, 24h, 7d or 1h30m")
    try:
        return parse_duration_seconds(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from error


def _parse_size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PydanticCustomError("size", "expected a size such as 500 MB, 1 GB or a number of bytes")
    try:
        return parse_bytes(value if isinstance(value, str) else str(value))
    except ValueError as error:
        raise PydanticCustomError("size", "{reason}", {"reason": str(error)}) from error


def _check_parameter_type(value: str) -> str:
    if value not in PARAMETER_TYPES:
        raise PydanticCustomError("parameter_type", "{type} is not a parameter type", {"type": value})
    return value


DurationSeconds = Annotated[
    int,
    BeforeValidator(_parse_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$",
            "examples": ["30m", "24h", "7d"],
        }
    ),
]
SizeBytes = Annotated[
    int,
    BeforeValidator(_parse_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_BYTES},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([KkMmGgTtPp][Ii]?)?[Bb]?\s*$"},
            ],
            "examples": ["500 MB", "1 GB", 1000000000],
        }
    ),
]
ParameterType = Annotated[
    str,
    AfterValidator(_check_parameter_type),
    WithJsonSchema({"type": "string", "enum": list(PARAMETER_TYPES)}),
]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
ChartId = Annotated[str, Field(pattern=CHART_ID_PATTERN)]
ColumnName = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(max_length=2_000)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
JsonObject = dict[str, Any]


class DashboardPart(BaseModel):
    """A mapping of the file: immutable, and every key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
