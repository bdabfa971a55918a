"""From bytes processed to bytes billed, and what a job's statistics say about it.

On-demand rules: https://cloud.google.com/bigquery/pricing#on_demand_pricing. At least 10 MB for each table
data is read from, the sum rounded up to the next MB; both are binary (10,485,760 and 1,048,576 bytes).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deploy.local.gate.tables import TableName

MEGABYTE = 1024**2
MINIMUM_PER_TABLE = 10 * MEGABYTE


class Accuracy(StrEnum):
    """What a dry run says about its byte count."""

    PRECISE = "PRECISE"
    UPPER_BOUND = "UPPER_BOUND"


class Outcome(StrEnum):
    """What became of a query job."""

    EXECUTED = "executed"
    CACHED = "cached"
    REFUSED = "refused"


@dataclass(frozen=True)
class Estimate:
    """What a query reads: logical bytes by table, and every base table it refers to."""

    bytes_by_table: Mapping[TableName, int]
    referenced: tuple[TableName, ...]
    accuracy: Accuracy

    @property
    def processed(self) -> int:
        """totalBytesProcessed."""
        return sum(self.bytes_by_table.values())

    @property
    def billed(self) -> int:
        """totalBytesBilled."""
        return bill(self.bytes_by_table.values())


@dataclass(frozen=True)
class Receipt:
    """The account of one job."""

    outcome: Outcome
    processed: int
    billed: int
    accuracy: Accuracy
    referenced: tuple[TableName, ...] = ()

    @property
    def cache_hit(self) -> bool:
        """Whether the answer came from the query cache."""
        return self.outcome is Outcome.CACHED


def bill(bytes_per_table: Iterable[int]) -> int:
    """Bytes billed for a query that reads so many bytes of each table."""
    charged = sum(max(count, MINIMUM_PER_TABLE) for count in bytes_per_table if count)
    return -(-charged // MEGABYTE) * MEGABYTE
