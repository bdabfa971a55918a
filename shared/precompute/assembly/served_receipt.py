"""What an answer of `/data` would have cost without precompute."""

from collections.abc import Iterable
from decimal import Decimal

from shared.database.models.runs import QueryResult
from shared.warehouse.spending.receipts import make_receipt


def describe_receipt(rows: Iterable[QueryResult], price_per_tib_usd: Decimal) -> dict[str, object]:
    """The receipt as JSON: nothing billed, and saved what the queries would bill if each answer ran them.

    That is what each of them billed when it ran last, or would have without BigQuery's cache. Queries under
    several names count once. Made at precompute, at the price of that moment: serving stays free of work.
    """
    cost = sum({row.fingerprint: row.bytes_billed for row in rows}.values())
    receipt = make_receipt(price_per_tib_usd, estimated=cost, billed=0, saved=cost, cache_hit=True)
    return {
        name: format(value, "f") if isinstance(value, Decimal) else value
        for name, value in vars(receipt).items()
    }
