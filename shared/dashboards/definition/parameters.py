"""The model of a parameter, and its canonical values."""

from typing import Any

from pydantic import Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from shared.dashboards.definition.field_types import DashboardPart, Name, ParameterType, Text
from shared.dashboards.definition.parameter_values import (
    ParameterValue,
    parse_parameter_value,
)


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
