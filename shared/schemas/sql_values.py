"""Values of query parameters as `/sql/run` takes them: whatever it answers may be sent back."""

import math
from typing import cast

from shared.dashboards.definition.parameter_values import (
    MAX_ARRAY_LENGTH,
    ParameterValueError,
    ScalarValue,
    element_type,
    parse_parameter_text,
    parse_parameter_value,
)
from shared.warehouse.models.queries import BoundValue

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


def read_json_value(parameter_type: str, value: object) -> BoundValue:
    """The value to bind for one from JSON. Raises ParameterValueError.

    Beside what a dashboard may write: an INT64 as decimal text, for a JavaScript number holds 53 bits of it;
    "NaN", "Infinity" and "-Infinity", which JSON has no numbers for; and null for the NULL of a scalar type.
    """
    element = element_type(parameter_type)
    if element is None:
        return None if value is None else _read_scalar(parameter_type, value)
    if not isinstance(value, list) or len(value) > MAX_ARRAY_LENGTH:
        return parse_parameter_value(parameter_type, value)
    return [_read_element(element, item, index) for index, item in enumerate(value)]


def _read_element(scalar_type: str, value: object, index: int) -> ScalarValue:
    try:
        return _read_scalar(scalar_type, value)
    except ParameterValueError as error:
        raise ParameterValueError(f"element {index}: {error.message}", index) from error


def _read_scalar(scalar_type: str, value: object) -> ScalarValue:
    if scalar_type == "FLOAT64" and isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if scalar_type == "INT64" and isinstance(value, str):
        return cast("ScalarValue", parse_parameter_text(scalar_type, [value]))
    return cast("ScalarValue", parse_parameter_value(scalar_type, value))
