"""The head of a dashboard: which version is current and which parameters it takes.

It is what `/data` must know before it can name a payload, kept in the cache so that serving asks neither
PostgreSQL nor the YAML file.

Beside it stand the variants: the combinations of parameter values that are computed ahead. The function that serves
data imports this module: it needs the standard library only.
"""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from shared.dashboards.definition.parameter_values import (
    ParameterValue,
    ParameterValueError,
    parse_parameter_text,
    parse_parameter_value,
    restore_value,
)
from shared.errors import InvalidRequestError, ValidationFailedError
from shared.json_values import JsonObject

if TYPE_CHECKING:
    from shared.dashboards.definition.document import DashboardDefinition


def count_variants(definition: "DashboardDefinition") -> int:
    """Number of combinations of listed values."""
    return math.prod(len(parameter.listed_values) for parameter in definition.parameters)


def expand_variants(definition: "DashboardDefinition", max_variants: int) -> list[dict[str, ParameterValue]]:
    """Every combination of listed values, the defaults first, in the order the file lists them.

    Raises ValidationFailedError when there are more than `max_variants`.
    """
    count = count_variants(definition)
    if count > max_variants:
        raise ValidationFailedError(
            f"{definition.slug} has {count} combinations of parameter values; "
            f"at most {max_variants} are computed."
        )
    names = [parameter.name for parameter in definition.parameters]
    listed = [parameter.listed_values for parameter in definition.parameters]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*listed)]


def hash_variant(parameters: Mapping[str, ParameterValue]) -> str:
    """SHA-256 (hex) over canonical parameter values: the name of a variant."""
    text = json.dumps(dict(sorted(parameters.items())), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


HEAD_TTL_SECONDS = 60
"""A head that a save could not replace (the cache was down) is wrong for at most this long."""

QUERY_CHOICE = "query"
"""The name in the query string of `/data` that chooses one query; no parameter may have it."""


_ENDS = {"from": "to", "start": "end"}
_BEGINNING = re.compile(r"((?:.*_)?)(from|start)((?:_.*)?)")
_ORDERED = frozenset({"DATE", "DATETIME", "TIMESTAMP"})


@dataclass(frozen=True)
class HeadParameter:
    """A declared parameter: canonical default and listed values, and whether others are computed on demand."""

    name: str
    type: str
    default: ParameterValue
    values: Sequence[ParameterValue] = field(default_factory=list)
    allow_other: bool = False


@dataclass(frozen=True)
class DashboardHead:
    """The current version of a dashboard."""

    slug: str
    version: int
    parameters: tuple[HeadParameter, ...]

    @classmethod
    def from_definition(cls, version: int, definition: JsonObject) -> Self:
        """The head of a saved version, from its definition as JSON."""
        return cls(
            definition["slug"], version, tuple(_read_parameter(one) for one in definition["parameters"])
        )

    def to_bytes(self) -> bytes:
        """The cached form."""
        parameters = [[p.name, p.type, p.default, list(p.values), p.allow_other] for p in self.parameters]
        return json.dumps([self.slug, self.version, parameters]).encode()

    @classmethod
    def from_bytes(cls, cached: bytes) -> Self:
        """Read the cached form. Raises ValueError for what is none, such as another release's."""
        try:
            slug, version, parameters = json.loads(cached)
            return cls(slug, version, tuple(HeadParameter(*parameter) for parameter in parameters))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"not a head: {error}") from error

    def resolve_parameters(self, query: Mapping[str, Sequence[str]]) -> dict[str, ParameterValue]:
        """Every parameter's value for a request's query string, defaults filled in.

        Raises InvalidRequestError for an unknown name, a value of the wrong type or one that is not listed.
        """
        return self._resolve_all(query, parse_parameter_text)

    def resolve_values(self, values: Mapping[str, object]) -> dict[str, ParameterValue]:
        """Every parameter's value for JSON values, or texts, by name; defaults filled in. Raises as above."""
        return self._resolve_all(values, _parse_value_or_text)

    def lists(self, values: Mapping[str, ParameterValue]) -> bool:
        """True for a combination of listed values: one that every refresh computes."""
        return all(values[parameter.name] in parameter.values for parameter in self.parameters)

    def _resolve_all[T](
        self, given: Mapping[str, T], parse: Callable[[str, T], ParameterValue]
    ) -> dict[str, ParameterValue]:
        known = {parameter.name for parameter in self.parameters}
        unknown = sorted(set(given) - known)
        if unknown:
            accepted = ", ".join(sorted(known)) or "none"
            raise InvalidRequestError(
                f"{self.slug} has no parameter {', '.join(unknown)}; accepted: {accepted}.",
                details=[{"parameter": name, "allowed": sorted(known)} for name in unknown],
            )
        values = {
            parameter.name: _resolve(parameter, given[parameter.name], parse)
            if parameter.name in given
            else parameter.default
            for parameter in self.parameters
        }
        _check_ranges({parameter.name: parameter.type for parameter in self.parameters}, values)
        return values


def _resolve[T](
    parameter: HeadParameter, given: T, parse: Callable[[str, T], ParameterValue]
) -> ParameterValue:
    try:
        value = parse(parameter.type, given)
    except ParameterValueError as error:
        raise InvalidRequestError(f"Parameter {parameter.name}: {error.message}.") from error
    if value not in parameter.values and not parameter.allow_other:
        listed = [json.dumps(one) for one in parameter.values]
        raise InvalidRequestError(
            f"Parameter {parameter.name} does not take {json.dumps(value)}; accepted: {', '.join(listed)}.",
            details=[{"parameter": parameter.name, "received": value, "allowed": list(parameter.values)}],
        )
    return value


def _check_ranges(types: Mapping[str, str], values: Mapping[str, ParameterValue]) -> None:
    """Two days or moments called `from` and `to`, or `start` and `end`, must be in that order: others find no row."""
    for name, first in values.items():
        match = _BEGINNING.fullmatch(name)
        last_name = match and f"{match[1]}{_ENDS[match[2]]}{match[3]}"
        if not last_name or types[name] not in _ORDERED or types.get(last_name) != types[name]:
            continue
        # Canonical ISO 8601, all of one form: the order of the texts is that of time.
        last = values[last_name]
        if str(first).removesuffix("Z") > str(last).removesuffix("Z"):
            raise InvalidRequestError(
                f"{name} is {first}, after {last_name}, which is {last}; nothing was run.",
                details=[{"parameter": name, "received": first, "allowed": [f"at most {last}"]}],
            )


def _parse_value_or_text(parameter_type: str, value: object) -> ParameterValue:
    """A text is read as in a query string, so that who has an address need not know the types."""
    if isinstance(value, str):
        return parse_parameter_text(parameter_type, [value])
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return parse_parameter_text(parameter_type, value)
    return parse_parameter_value(parameter_type, value)


def _read_parameter(parameter: Mapping[str, Any]) -> HeadParameter:
    default, *values = (
        restore_value(parameter["type"], value)
        for value in (parameter["default"], *(parameter["values"] or ()))
    )
    others = [value for value in values if value != default]
    return HeadParameter(
        parameter["name"], parameter["type"], default, [default, *others], parameter.get("allow_other", False)
    )
