"""Receipts: bytes and dollars of an answer."""

from dataclasses import replace
from decimal import Decimal

from shared.errors import FailedJob
from shared.sizes import dollars
from shared.warehouse.models.queries import Receipt

MINIMUM_BYTES_PER_TABLE = 10 * 2**20
"""On-demand billing has a minimum of 10 MB per table a query reads: https://cloud.google.com/bigquery/pricing"""


def make_receipt(
    price_per_tib_usd: Decimal, *, estimated: int, billed: int, saved: int = 0, cache_hit: bool = False
) -> Receipt:
    """A receipt; all byte counts are non-negative integers."""
    return Receipt(
        bytes_estimated=estimated,
        bytes_billed=billed,
        bytes_saved=saved,
        cache_hit=cache_hit,
        usd_estimated=dollars(estimated, price_per_tib_usd),
        usd_billed=dollars(billed, price_per_tib_usd),
        usd_saved=dollars(saved, price_per_tib_usd),
    )


def describe_failed_job(price_per_tib_usd: Decimal, job: FailedJob | None) -> Receipt:
    """The receipt of a query that failed; None when no job was sent for it."""
    if job is None:
        return make_receipt(price_per_tib_usd, estimated=0, billed=0)
    return make_receipt(price_per_tib_usd, estimated=job.bytes_estimated, billed=job.bytes_billed)


def share_receipt(receipt: Receipt, *, is_answered: bool) -> Receipt:
    """The receipt of somebody who got the same answer without paying: what was billed to another is saved.

    Where there was no answer, nothing was saved either.
    """
    saved = receipt if is_answered else replace(receipt, bytes_billed=0, usd_billed=Decimal(0))
    return replace(
        receipt,
        bytes_billed=0,
        bytes_saved=receipt.bytes_saved + saved.bytes_billed,
        usd_billed=Decimal("0.000000"),
        usd_saved=receipt.usd_saved + saved.usd_billed,
    )
