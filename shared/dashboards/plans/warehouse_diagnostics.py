"""What the guard and BigQuery say against a query, as a diagnostic at its line of the file."""

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import SqlPlace, locate_line, move_bigquery_position
from shared.dashboards.yaml.positions import join_pointer
from shared.errors import AlmanacError
from shared.warehouse.models.queries import PartitionUse


def describe_dry_run_error(document: ParsedDashboard, query: str, error: AlmanacError) -> Diagnostic:
    """The diagnostic of a query that was refused before it could run."""
    moved = move_bigquery_position(error.message, document, query)
    place = _find_place(document, query, error) or moved.place
    return report(
        document,
        DiagnosticCode.SQL_REFUSED,
        moved.message.rstrip("."),
        error.remediation,
        place.pointer,
        span=place.span,
        path=place.path,
        received=error.code.value,
    )


def describe_partition_use(document: ParsedDashboard, query: str, use: PartitionUse) -> Diagnostic:
    """The warning about a partitioned table that a query reads without a filter, at the query's SQL."""
    pointer = join_pointer("/queries", query)
    return report(
        document,
        DiagnosticCode.PARTITION_NOT_FILTERED,
        f"{query} reads every partition of {use.table}",
        f"{use.advice}.",
        pointer,
        span=document.positions.key(pointer),
        severity=Severity.WARNING,
        received=use.table,
        allowed=[use.column],
    )


def _find_place(document: ParsedDashboard, query: str, error: AlmanacError) -> SqlPlace | None:
    """The position in the details, where the guard and the translation of BigQuery's errors put it."""
    for detail in error.details:
        line, column = detail.get("line"), detail.get("column")
        if isinstance(line, int) and isinstance(column, int):
            return locate_line(document, query, line, column)
    return None
