"""Receipts: bytes and dollars of an answer."""

from dataclasses import replace
from decimal import Decimal

from shared.errors import FailedJob
from shared.sizes import dollars
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import Receipt

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
