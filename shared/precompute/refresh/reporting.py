"""From outcomes to reports."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.plans.expansion import QueryUnit
from shared.errors import AlmanacError
from shared.precompute.assembly.assembler import AssemblyReport
from shared.precompute.refresh.models import (
    DashboardRefresh,
    QueryRefresh,
    RefreshProblem,
    RefreshStatus,
    RefreshTotals,
)
from shared.precompute.refresh.outcomes import TaskOutcome
from shared.precompute.refresh.planning import DashboardRun
from shared.sizes import dollars
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.spending.pricing import share_receipt


def describe_query(
    definition: DashboardDefinition,
    unit: QueryUnit,
    outcome: TaskOutcome,
    usd_per_tib: Decimal | None,
    *,
    paid: bool,
) -> QueryRefresh:
    """A query's line in the report. Who shares a query another dashboard paid for was billed nothing."""
    return QueryRefresh(
        queries=tuple(unit.names),
        charts=tuple(chart.id for chart in definition.charts if chart.query in unit.names),
        parameters=unit.values,
        fingerprint=unit.fingerprint,
        status=outcome.status,
        reason=outcome.reason,
        receipt=outcome.receipt
        if paid
        else share_receipt(outcome.receipt, usd_per_tib, is_answered=outcome.problem is None),
        bytes_pending=outcome.bytes_pending if paid else 0,
        rows=outcome.rows,
        job_id=outcome.job_id,
        error=outcome.problem,
    )


def describe_refresh(
    run: DashboardRun, assembly: AssemblyReport, usd_per_tib: Decimal | None
) -> DashboardRefresh:
    """A dashboard's refresh as a whole."""
    return DashboardRefresh(
        slug=run.dashboard.slug,
        version=run.dashboard.version,
        queries=tuple(run.done),
        variants=len(run.expansion.variants),
        variants_ready=assembly.ready,
        payload_bytes=assembly.byte_count,
        problems=tuple(describe_problem(error) for error in assembly.problems),
        totals=_add_up(run.done, assembly.not_replaced, usd_per_tib),
    )


def find_first_error(
    done: Sequence[QueryRefresh], problems: Sequence[AlmanacError]
) -> dict[str, object] | None:
    """The first thing that went wrong in a refresh, as JSON; None when nothing did."""
    for query in done:
        if query.error:
            names = list(query.queries)
            return {"code": query.error.code, "message": query.error.message, "queries": names}
    return (
        {"code": problems[0].code.value, "message": problems[0].message, "queries": []} if problems else None
    )


def describe_failure(slug: str, version: int, error: AlmanacError) -> DashboardRefresh:
    """A dashboard of which nothing could be refreshed."""
    return DashboardRefresh(
        slug=slug,
        version=version,
        queries=(),
        variants=0,
        variants_ready=0,
        payload_bytes=0,
        problems=(describe_problem(error),),
        totals=_add_up([], 0, Decimal(0)),
    )


def describe_problem(error: AlmanacError) -> RefreshProblem:
    """An error as a report says it."""
    return RefreshProblem(error.code.value, error.message, error.remediation)


def _add_up(done: list[QueryRefresh], payloads_kept: int, usd_per_tib: Decimal | None) -> RefreshTotals:
    counts = Counter(query.status for query in done)
    billed = sum(query.receipt.bytes_billed or 0 for query in done)
    is_told = all(query.receipt.bytes_billed is not None for query in done)
    saved = sum(query.receipt.bytes_saved for query in done)
    return RefreshTotals(
        refreshed=counts[RefreshStatus.REFRESHED],
        skipped_unchanged=counts[RefreshStatus.SKIPPED_UNCHANGED],
        kept_previous=counts[RefreshStatus.KEPT_PREVIOUS],
        failed=counts[RefreshStatus.FAILED],
        bytes_billed=billed,
        accuracy=Accuracy.PRECISE if is_told else Accuracy.LOWER_BOUND,
        bytes_settled=sum(query.receipt.bytes_settled for query in done),
        bytes_pending=sum(query.bytes_pending for query in done),
        bytes_saved=saved,
        usd_billed=dollars(billed, usd_per_tib),
        usd_saved=dollars(saved, usd_per_tib),
        payloads_kept=payloads_kept,
    )
