"""Dry runs that BigQuery did not answer in time: nobody's mistake, and no reason to lose what it did answer."""

from collections.abc import Mapping, Sequence

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.plans.plan import CompiledDashboard
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.errors import AlmanacError, WarehouseTimeoutError
from shared.warehouse.models.queries import QueryRequest

_REMEDIATION = "Nothing was lost. Try again."


def is_late(answer: object) -> bool:
    """True for a dry run that timed out while BigQuery answered others: when to come back is said where it did not."""
    return isinstance(answer, WarehouseTimeoutError) and answer.retry_after_seconds is None


def describe_late(document: ParsedDashboard, query: str) -> Diagnostic:
    """The diagnostic of a query of which nothing is known yet, at its name."""
    pointer = join_pointer("/queries", query)
    return report(
        document,
        DiagnosticCode.SQL_NOT_CHECKED,
        f"BigQuery did not answer the dry run of {query!r} in time",
        _REMEDIATION,
        pointer,
        span=document.positions.key(pointer),
    )


def name_queries(error: AlmanacError, requests: Sequence[QueryRequest]) -> AlmanacError:
    """`error` with the dashboards and queries it is about, and without the advice to change what is right."""
    remediation = _REMEDIATION if isinstance(error, WarehouseTimeoutError) else None
    named: Mapping[str, None] = dict.fromkeys(f"{one.slug} ({one.query_name})" for one in requests)
    return error.__class__(
        f"{error.message} It is about {', '.join(list(named)[:10])}.",
        remediation=remediation,
        details=[*error.details, *({"slug": one.slug, "query": one.query_name} for one in requests)],
        retry_after_seconds=error.retry_after_seconds,
    )


def report_late(compiled: Sequence[CompiledDashboard], what: str) -> WarehouseTimeoutError | None:
    """The error of dashboards of which not all is known, naming their queries; None when there is none.

    `what` says what became of the whole, as the beginning of the sentence.
    """
    late = [one for one in compiled if one.late_queries]
    if not late:
        return None
    named = ", ".join(f"{one.slug} ({', '.join(one.late_queries)})" for one in late)
    return WarehouseTimeoutError(
        f"{what}: BigQuery did not answer in time about {named}.",
        remediation=_REMEDIATION,
        details=[{"slug": one.slug, "query": query} for one in late for query in one.late_queries],
    )
