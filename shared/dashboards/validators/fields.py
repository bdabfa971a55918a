"""Columns: what charts use exists in what their query returns, and fits how it is used.

Needs the output schema of a dry run, so it runs after the offline validators.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import report, report_unknown_name
from shared.dashboards.validators.chart_fields import FieldUse, list_derived_fields, list_field_uses
from shared.dashboards.validators.expression_fields import check_expression_fields
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

type OutputSchemas = Mapping[str, Sequence[tuple[str, str, str]]]

# The REST API still calls types by the names of legacy SQL.
_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_NUMBERS = frozenset({"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"})
_POINTS_IN_TIME = frozenset({"DATE", "DATETIME", "TIMESTAMP"})
_BOUNDS = (("start",), ("end",))
_NOT_SCALAR = frozenset({"STRUCT", "ARRAY", "JSON", "GEOGRAPHY", "RANGE"})


@dataclass(frozen=True)
class _Misfit:
    severity: Severity
    reason: str
    remedy: str


@dataclass(frozen=True)
class _Inside:
    """The types inside columns: of an ARRAY's elements, and of a STRUCT's members by path, where they are known."""

    elements: Mapping[str, str]
    members: Mapping[str, str] | None


class SchemaFieldValidator:
    """Encoded fields and metric values against `{query: [(name, BigQuery type, mode)]}`.

    Queries that are not in the mapping are passed over. `members` are the columns inside each query's STRUCTs, by
    the path to them (`place.city`), as in `schemas`; without a query's, what is inside is not judged.
    """

    def __init__(self, schemas: OutputSchemas, members: OutputSchemas | None = None) -> None:
        self._members = {
            query: {name: _name_type(bigquery_type, mode) for name, bigquery_type, mode in columns}
            for query, columns in (members or {}).items()
        }
        self._elements = {
            query: {name: _name_type(kind, "") for name, kind, mode in columns if mode.upper() == "REPEATED"}
            for query, columns in schemas.items()
        }
        self._schemas = {
            query: {name: _name_type(bigquery_type, mode) for name, bigquery_type, mode in columns}
            for query, columns in schemas.items()
        }

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One diagnostic per use of a column."""
        for pointer, chart in document.charts():
            query = str(chart.get("query"))
            columns = self._schemas.get(query)
            if columns is None:
                continue
            if chart_kind(chart) == "vega":
                columns_inside = _Inside(self._elements[query], self._members.get(query))
                yield from _check_vega(document, pointer, chart, columns, columns_inside)
            elif chart_kind(chart) == "metric":
                yield from _check_metric(document, pointer, chart, columns)


def _name_type(bigquery_type: str, mode: str) -> str:
    name = bigquery_type.upper()
    return (
        "ARRAY"
        if mode.upper() == "REPEATED"
        else _STANDARD_NAMES.get(name, name.partition("<")[0].partition("(")[0])
    )


def _check_vega(
    document: ParsedDashboard,
    pointer: str,
    chart: dict[str, YamlData],
    columns: dict[str, str],
    inside: _Inside,
) -> Iterator[Diagnostic]:
    yield from check_expression_fields(document, pointer, chart, list(columns))
    derived = list_derived_fields(chart.get("transform"))
    if derived is None:
        return
    for use in list_field_uses(chart):
        place = join_pointer(pointer, *use.location)
        if use.path and use.name in columns:
            yield from _check_part(document, place, use, columns[use.name], inside)
        elif use.name in columns:
            yield from _check_type(document, place, use, columns[use.name])
        elif use.name not in derived:
            accepted = [*columns, *sorted(derived)]
            yield _report_unknown(document, place, str(chart.get("query")), use.name, accepted)


def _check_metric(
    document: ParsedDashboard, pointer: str, chart: dict[str, YamlData], columns: dict[str, str]
) -> Iterator[Diagnostic]:
    name = chart.get("value")
    place = join_pointer(pointer, "value")
    if not isinstance(name, str):
        return
    if name not in columns:
        yield _report_unknown(document, place, str(chart.get("query")), name, list(columns))
    elif columns[name] in _NOT_SCALAR or (chart.get("format") and columns[name] not in _NUMBERS):
        message = f"the column {name!r} is {columns[name]}; a metric shows a number"
        remedy = "Choose a numeric column, or CAST it in the SQL."
        yield report(
            document, DiagnosticCode.FIELD_TYPE_MISMATCH, message, remedy, place,
            received=columns[name], allowed=sorted(_NUMBERS),
        )  # fmt: skip


def _check_part(
    document: ParsedDashboard, place: str, use: FieldUse, column_type: str, inside: _Inside
) -> Iterator[Diagnostic]:
    """What is inside a column: an element of an ARRAY, a bound of a RANGE, a member of a STRUCT; nothing of others."""
    path = ".".join((use.name, *use.path))
    members = inside.members
    element = inside.elements.get(use.name)
    if column_type == "ARRAY" and use.path[0].isdigit() and (len(use.path) == 1 or element == "STRUCT"):
        if element is not None and len(use.path) == 1:
            yield from _check_type(document, place, replace(use, name=path, path=()), element)
    elif column_type == "RANGE" and use.path in _BOUNDS:
        return
    elif column_type != "STRUCT":
        advice = (
            "JSON_VALUE, with a CAST where it is a number" if column_type == "JSON" else "a column of its own"
        )
        message = f"the column {use.name!r} is {column_type}; a chart finds no part of it called {path!r}"
        yield report(
            document, DiagnosticCode.FIELD_TYPE_MISMATCH, message, f"Take the part in the SQL: {advice}.", place,
            received=column_type,
        )  # fmt: skip
    elif members is not None and path in members:
        yield from _check_type(document, place, replace(use, name=path, path=()), members[path])
    elif members is not None and not any(
        path.startswith(f"{name}.") for name in members if members[name] == "ARRAY"
    ):
        known = [name for name in members if name.startswith(f"{use.name}.")]
        yield report_unknown_name(
            document,
            DiagnosticCode.UNKNOWN_FIELD,
            f"the column {use.name!r} has no member",
            path,
            known,
            place,
        )


def _report_unknown(
    document: ParsedDashboard, pointer: str, query: str, name: str, columns: Sequence[str]
) -> Diagnostic:
    what = f"the query {query!r} does not return"
    return report_unknown_name(document, DiagnosticCode.UNKNOWN_FIELD, what, name, columns, pointer)


def _check_type(
    document: ParsedDashboard, pointer: str, use: FieldUse, column_type: str
) -> Iterator[Diagnostic]:
    misfit = _find_misfit(use, column_type)
    if misfit is not None:
        yield report(
            document,
            DiagnosticCode.FIELD_TYPE_MISMATCH,
            f"the column {use.name!r} is {column_type}, used as {use.type}: {misfit.reason}",
            misfit.remedy,
            pointer,
            severity=misfit.severity,
            received=column_type,
        )


def _find_misfit(use: FieldUse, column_type: str) -> _Misfit | None:
    if use.path or use.counts_only:
        return None
    if column_type in _NOT_SCALAR:
        severity = Severity.ERROR if use.type in ("quantitative", "temporal") else Severity.WARNING
        return _Misfit(severity, "it is not one value per row", "UNNEST it or pick a part of it in the SQL.")
    if use.type == "quantitative":
        return _judge_quantitative(column_type)
    if use.type == "temporal":
        return _judge_temporal(column_type)
    return None


def _judge_quantitative(column_type: str) -> _Misfit | None:
    if column_type in _NUMBERS:
        return None
    if column_type in _POINTS_IN_TIME | {"TIME"}:
        return _Misfit(Severity.WARNING, "time is drawn as a plain number", "Use type: temporal.")
    if column_type == "BOOL":
        return _Misfit(Severity.WARNING, "true and false are drawn as 1 and 0", "Use type: nominal.")
    return _Misfit(Severity.ERROR, "text has no size", "Use type: nominal or ordinal, or CAST it in the SQL.")


def _judge_temporal(column_type: str) -> _Misfit | None:
    if column_type in _POINTS_IN_TIME:
        return None
    if column_type in ("STRING", "TIME"):
        return _Misfit(Severity.WARNING, "browsers read such text differently", "Return a DATE or TIMESTAMP.")
    if column_type in _NUMBERS:
        reason = "a number is read as milliseconds since 1970"
        return _Misfit(Severity.WARNING, reason, "Return a DATE or TIMESTAMP, or use type: ordinal.")
    return _Misfit(Severity.ERROR, "it is no point in time", "Return a DATE or TIMESTAMP.")
