"""How many bytes a query may bill."""

from shared.settings import Settings
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import QueryRequest
from shared.warehouse.spending.receipts import MINIMUM_BYTES_PER_TABLE

MIB = 2**20


def compute_cap(settings: Settings, request: QueryRequest) -> int:
    """The smallest of the caller's cap and the environment's, in bytes."""
    if request.max_bytes_billed is None:
        return settings.max_bytes_per_query
    return min(request.max_bytes_billed, settings.max_bytes_per_query)


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
