"""Receipts: bytes and dollars of an answer."""

from dataclasses import replace
from decimal import Decimal

from shared.sizes import dollars
from shared.warehouse.models import Receipt

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


def share_receipt(receipt: Receipt) -> Receipt:
    """The receipt of somebody who got the same answer without paying: what was billed to another is saved."""
    return replace(
        receipt,
        bytes_billed=0,
        bytes_saved=receipt.bytes_saved + receipt.bytes_billed,
        usd_billed=Decimal("0.000000"),
        usd_saved=receipt.usd_saved + receipt.usd_billed,
    )
