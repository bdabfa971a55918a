"""The kinds of values a dashboard file holds, names, durations, sizes, types, and the model of a parameter."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from shared.dashboards.definition.parameter_values import (
    PARAMETER_TYPES,
    ParameterValue,
    parse_parameter_value,
)
from shared.sizes import DURATION_PATTERN, MAX_BYTES, SIZE_PATTERN, parse_bytes, parse_duration_seconds

SLUG_PATTERN = r"^[a-z][a-z0-9-]{1,62}$"
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
CHART_ID_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
TAG_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
DATASET_PATTERN = r"^[A-Za-z0-9_]{1,1024}$"
# [[fill]align][sign][symbol][0][width][,][.precision][~][type], https://d3js.org/d3-format#locale_format.
# d3 reads any letter as a type and shows numbers in its own way for those that are none; those are refused.
NUMBER_FORMAT_PATTERN = (
    r"^([^\n\r\u2028\u2029]?[<>=^])?[-+( ]?[$#]?0?[0-9]{0,2},?(\.[0-9]{1,2})?~?[efgrsp%bodcxXn]?$"
)
SCHEDULE_PATTERN = r"^[ \t\r\n]*[^ \t\r\n]+([ \t\r\n]+[^ \t\r\n]+){4}[ \t\r\n]*$"


def read_duration(value: object) -> int:
    """Seconds of a duration as YAML gave it. Raises ValueError saying what is accepted."""
    if not isinstance(value, str):
        raise ValueError("expected a duration such as 30m, 24h, 7d or 1h30m")
    return parse_duration_seconds(value)


def read_size(value: object) -> int:
    """Bytes of a size as YAML gave it: text, or a whole number. Raises ValueError saying what is accepted."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("expected a size such as 500 MB, 1 GB or a number of bytes")
    return parse_bytes(value if isinstance(value, str) else str(value))


def _check_parameter_type(value: str) -> str:
    if value not in PARAMETER_TYPES:
        raise ValueError(f"{value} is not a parameter type")
    return value


DurationSeconds = Annotated[
    int,
    BeforeValidator(read_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["30m", "24h", "7d"]}),
]
SizeBytes = Annotated[
    int,
    BeforeValidator(read_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_BYTES},
                {"type": "string", "pattern": SIZE_PATTERN},
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
    """A mapping of the file: immutable, and every key it does not know is an error.

    The published JSON Schema, printed from these models, decides what a file may say. The models only build: they
    take all that the schema takes (1.0 for 1 as well), and a saved version is built from what it says without being
    judged by a later schema.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class ParameterDefinition(DashboardPart):
    """A value viewers choose; it reaches BigQuery as a query parameter `@name`, never as text."""

    name: Name = Field(description="Used in SQL as @name and in the URL as ?name=.", examples=["origin"])
    type: ParameterType = Field(
        description="BigQuery type the value is bound as.", examples=["STRING", "ARRAY<INT64>"]
    )
    values: list[ParameterValue] | None = Field(
        None,
        min_length=1,
        max_length=1_000,
        description="The values viewers may choose from; every one of them is computed ahead.",
        examples=[["JFK", "LGA", "EWR"]],
    )
    default: ParameterValue | SkipJsonSchema[None] = Field(
        None,
        description="Value used when the viewer chooses none. Default: the first of values.",
        examples=["JFK", "2013-01-01", 10],
    )
    description: Text = Field("", description="Shown beside the control.")
    allow_other: bool = Field(
        False,
        strict=True,
        description="Also accept values that are not listed, computed on demand within the budgets.",
    )

    @field_validator("values", mode="before")
    @classmethod
    def _parse_values(cls, value: object, info: Any) -> object:
        if not isinstance(value, list) or "type" not in info.data:
            return value
        return [parse_parameter_value(info.data["type"], item) for item in value]

    @field_validator("default", mode="before")
    @classmethod
    def _parse_default(cls, value: object, info: Any) -> object:
        return parse_parameter_value(info.data["type"], value) if "type" in info.data else None

    @model_validator(mode="before")
    @classmethod
    def _fill_default(cls, data: object) -> object:
        if isinstance(data, dict) and "default" not in data:
            values = data.get("values")
            if isinstance(values, list) and values:
                return {**data, "default": values[0]}
            if values is None:
                raise ValueError("a parameter needs a default or values")
        return data

    @property
    def default_value(self) -> ParameterValue:
        """The canonical default; always present in a definition that was read from a file."""
        assert self.default is not None  # noqa: S101 - _fill_default and _parse_default refuse None
        return self.default

    @property
    def listed_values(self) -> list[ParameterValue]:
        """The values computed ahead: the default first, then `values` in order, without repeats."""
        listed = [self.default_value, *(value for value in self.values or ())]
        return [value for index, value in enumerate(listed) if value not in listed[:index]]
