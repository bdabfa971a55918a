"""Decimals of a file with the digits they were written with: a double holds 17, BIGNUMERIC 76."""

from decimal import Decimal

from shared.dashboards.definition.parameter_values import element_type
from shared.dashboards.yaml.positions import PositionMap, join_pointer
from shared.dashboards.yaml.reading import YamlData

_DECIMALS = frozenset({"NUMERIC", "BIGNUMERIC"})


def restore_parameters(data: dict[str, YamlData], positions: PositionMap) -> dict[str, YamlData]:
    """The file's data, with the default and the values of its decimal parameters as they are written."""
    parameters = data.get("parameters")
    if not isinstance(parameters, list):
        return data
    restored: list[YamlData] = [
        _restore_parameter(item, positions, join_pointer("/parameters", index))
        if isinstance(item, dict)
        else item
        for index, item in enumerate(parameters)
    ]
    return {**data, "parameters": restored}


def restore_digits(kind: str, value: YamlData, positions: PositionMap, pointer: str) -> YamlData:
    """The value at `pointer`, of a parameter of type `kind`: the written text where the double is another number."""
    if isinstance(value, list):
        return [
            restore_digits(kind, item, positions, join_pointer(pointer, index))
            for index, item in enumerate(value)
        ]
    node = positions.nodes.get(pointer)
    if (element_type(kind) or kind) not in _DECIMALS or not isinstance(value, float) or node is None:
        return value
    text = positions.text[node.start : node.end]
    return value if Decimal(text) == Decimal(repr(value)) else text


def _restore_parameter(
    parameter: dict[str, YamlData], positions: PositionMap, pointer: str
) -> dict[str, YamlData]:
    kind = parameter.get("type")
    if not isinstance(kind, str):
        return parameter
    return {
        key: restore_digits(kind, value, positions, f"{pointer}/{key}")
        if key in ("default", "values")
        else value
        for key, value in parameter.items()
    }
