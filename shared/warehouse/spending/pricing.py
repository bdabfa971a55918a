"""Bytes and dollars: what a query may bill, what it is expected to, and the receipt of what it did."""

from dataclasses import replace
from decimal import Decimal

from shared.errors import FailedJob
from shared.settings import Settings
from shared.sizes import dollars
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import DryRun, QueryRequest, Receipt

MIB = 2**20


def compute_cap(settings: Settings, request: QueryRequest) -> int:
    """The smallest of the caller's cap and the environment's, in bytes."""
    if request.max_bytes_billed is None:
        return settings.max_bytes_per_query
    return min(request.max_bytes_billed, settings.max_bytes_per_query)


def bound_dry_run(settings: Settings, request: QueryRequest, plan: DryRun) -> DryRun:
    """The plan with what a job of the request may bill today."""
    cap = compute_cap(settings, request)
    bound = bound_billing(
        # A view of metadata is billed, and is on BigQuery's list or not.
        cap,
        plan.bytes_estimated,
        max(len(plan.referenced_tables), len(plan.named_tables)),
        # One behind a view is on BigQuery's list alone.
        uses_wildcard=any(table.is_wildcard for table in plan.tables),
        accuracy=plan.accuracy,
    )
    return replace(plan, cap_bytes=cap, bytes_billed_max=bound)


def expect_billing(bytes_estimated: int | None, table_count: int) -> int | None:
    """What a query with this estimate is expected to bill, in bytes: rounded up, 10 MB for each table at least.

    Exact for one table. For several it is the least they can come to, since the estimate does not say how
    much of it is whose. A query that reads no column of any table, such as COUNT(*), bills nothing.
    """
    if not bytes_estimated:
        return bytes_estimated
    rounded = -(-bytes_estimated // MIB) * MIB
    return max(rounded, max(1, table_count) * MINIMUM_BYTES_PER_TABLE)


def bound_billing(
    cap: int,
    bytes_estimated: int | None,
    table_count: int,
    *,
    uses_wildcard: bool,
    accuracy: Accuracy = Accuracy.PRECISE,
) -> int:
    """The most a job is allowed to bill, in bytes: what it is expected to at worst, and never over `cap`.

    Never the bare estimate: billing rounds each table up to the next MB with a minimum of 10 MB
    (https://cloud.google.com/bigquery/pricing), and a table may grow between estimate and job (a tenth is
    allowed for that). How many tables a wildcard stands for is not known beforehand: it may take all of `cap`, and so
    may a query whose bytes BigQuery does not tell, or tells as a lower bound. A query of no table bills nothing.
    """
    if uses_wildcard or bytes_estimated is None or accuracy in (Accuracy.LOWER_BOUND, Accuracy.UNKNOWN):
        return cap
    if bytes_estimated == 0 and table_count == 0:
        return 0
    rounding = max(1, table_count) * (MINIMUM_BYTES_PER_TABLE + MIB)
    return min(cap, bytes_estimated + bytes_estimated // 10 + rounding)


MINIMUM_BYTES_PER_TABLE = 10 * 2**20
"""On-demand billing has a minimum of 10 MB per table a query reads: https://cloud.google.com/bigquery/pricing"""


def make_receipt(
    usd_per_tib: Decimal | None,
    *,
    estimated: int | None,
    billed: int | None,
    settled: int | None = None,
    saved: int = 0,
    cache_hit: bool = False,
    accuracy: Accuracy = Accuracy.PRECISE,
    slot_millis: int | None = None,
) -> Receipt:
    """A receipt; byte counts are non-negative integers. `settled` is `billed` unless that is unknown."""
    return Receipt(
        bytes_estimated=estimated,
        estimate_accuracy=accuracy,
        bytes_billed=billed,
        bytes_settled=settled if settled is not None else billed or 0,
        bytes_saved=saved,
        cache_hit=cache_hit,
        usd_estimated=dollars(estimated, usd_per_tib),
        usd_billed=dollars(billed, usd_per_tib),
        usd_saved=dollars(saved, usd_per_tib),
        slot_millis=slot_millis,
    )


def describe_failed_job(usd_per_tib: Decimal | None, job: FailedJob | None) -> Receipt:
    """The receipt of a query that failed; None when no job was sent for it."""
    if job is None:
        return make_receipt(usd_per_tib, estimated=0, billed=0)
    return make_receipt(
        usd_per_tib,
        estimated=job.bytes_estimated,
        accuracy=Accuracy.UNKNOWN if job.bytes_estimated is None else Accuracy.PRECISE,
        billed=job.bytes_billed,
        settled=job.bytes_settled,
    )


def share_receipt(receipt: Receipt, usd_per_tib: Decimal | None, *, is_answered: bool) -> Receipt:
    """The receipt of somebody who got the same answer without paying: what was billed to another is saved.

    Where there was no answer, nothing was saved either.
    """
    saved = (receipt.bytes_billed or 0) if is_answered else 0
    return replace(
        receipt,
        bytes_billed=0,
        bytes_settled=0,
        bytes_saved=receipt.bytes_saved + saved,
        usd_billed=dollars(0, usd_per_tib),
        usd_saved=dollars(receipt.bytes_saved + saved, usd_per_tib),
        slot_millis=None if receipt.slot_millis is None else 0,
    )
