"""Values with a grammar or a type of their own: what their readers refuse, in the readers' own words.

The published schema knows the grammar of durations and sizes and that a parameter's value is a scalar or a list of
them. The range, and whether a value is one of its parameter's type, only the reader knows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from shared.dashboards.definition.field_types import read_duration, read_size
from shared.dashboards.definition.parameter_values import (
    PARAMETER_TYPES,
    ParameterValueError,
    parse_parameter_value,
)
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report, show_value
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData
from shared.dashboards.yaml.written_numbers import restore_digits

_AGES = ("max_age", "max_stale")
_SIZES = ("per_query", "per_refresh", "per_day")


class QuantityValidator:
    """The durations of `refresh` and the sizes of `budget`."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per value that is no duration or size, or out of range."""
        for key, age in _read_values(document, "refresh", _AGES):
            if reason := _find_problem(read_duration, age):
                remedy = "Write for example 30m, 24h, 7d or 1h30m."
                yield _report(
                    document, DiagnosticCode.INVALID_DURATION, reason, remedy, f"/refresh/{key}", age
                )
        for key, size in _read_values(document, "budget", _SIZES):
            # Left empty, it is no bound.
            if size is not None and (reason := _find_problem(read_size, size)):
                remedy = "Write for example 500 MB, 1 GB or 1000000000."
                yield _report(document, DiagnosticCode.INVALID_SIZE, reason, remedy, f"/budget/{key}", size)


class ParameterTypeValidator:
    """The default and the values of parameters, as values of their type."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per value, or element of a list, that does not fit; of parameters whose type is known."""
        for pointer, item in document.parameters():
            kind = item.get("type")
            if not isinstance(kind, str) or kind not in PARAMETER_TYPES:
                continue
            if "default" in item:
                yield from _check_value(document, kind, item["default"], f"{pointer}/default")
            values = item.get("values")
            for index, value in enumerate(values if isinstance(values, list) else []):
                yield from _check_value(document, kind, value, f"{pointer}/values/{index}")


def _read_values(document: ParsedDashboard, part: str, keys: Sequence[str]) -> Iterator[tuple[str, YamlData]]:
    mapping = document.root.get(part)
    if isinstance(mapping, dict):
        yield from ((key, mapping[key]) for key in keys if key in mapping)


def _find_problem(read: Callable[[object], int], value: YamlData) -> str | None:
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return None


def _report(
    document: ParsedDashboard, code: DiagnosticCode, reason: str, remedy: str, pointer: str, value: YamlData
) -> Diagnostic:
    # What follows the semicolon is the remedy where there is no other.
    message = reason.partition(";")[0]
    return report(document, code, message, remedy, pointer, received=show_value(value))


def _check_value(document: ParsedDashboard, kind: str, value: YamlData, pointer: str) -> Iterator[Diagnostic]:
    try:
        parse_parameter_value(kind, restore_digits(kind, value, document.positions, pointer))
    except ParameterValueError as error:
        yield report(
            document,
            DiagnosticCode.INVALID_PARAMETER_VALUE,
            f"this is not a value of type {kind}: {error.message}",
            "Correct the value, or the type of the parameter.",
            pointer if error.index is None else join_pointer(pointer, error.index),
            received=show_value(value),
            allowed=[kind],
        )
