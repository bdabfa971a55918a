"""Bound query parameters, as the REST API carries them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import TokenType

_POSITIONAL = "gate_positional_{}"


@dataclass(frozen=True)
class Parameters:
    """Parameters by lower-case name; `rest` is the same as QueryParameters, all of them named."""

    rest: tuple[Mapping[str, Any], ...] = ()

    def scalar(self, name: str) -> str | None:
        """The text of a scalar parameter; None when it is NULL, unknown, an ARRAY or a STRUCT."""
        value = self._value(name).get("value")
        return None if value is None else str(value)

    def array(self, name: str) -> list[str | None] | None:
        """The texts of an ARRAY parameter's elements; None when it is no such thing."""
        values = self._value(name).get("arrayValues")
        return None if values is None else [item.get("value") for item in values]

    def _value(self, name: str) -> Mapping[str, Any]:
        for parameter in self.rest:
            if parameter["name"].lower() == name.lower():
                return parameter.get("parameterValue") or {}
        return {}


NO_PARAMETERS = Parameters()


def bind_parameters(sql: str, given: Sequence[Mapping[str, Any]]) -> tuple[str, Parameters]:
    """`sql` and `given` with positional parameters turned into named ones, so that order stops mattering."""
    if not given or given[0].get("name"):
        return sql, Parameters(tuple(given))
    named = tuple({**item, "name": _POSITIONAL.format(index)} for index, item in enumerate(given))
    tokens = sqlglot.tokenize(sql, read="bigquery")
    starts = [token.start for token in tokens if token.token_type is TokenType.PLACEHOLDER]
    for index, start in reversed(list(enumerate(starts))):
        sql = f"{sql[:start]}@{_POSITIONAL.format(index)}{sql[start + 1 :]}"
    return sql, Parameters(named)
