"""What several answers say of a query: its columns, which partitions it reads, what it cost."""

from shared.schemas.base import Money, ResponseModel
from shared.warehouse.models.bill import Accuracy


class OutputFieldModel(ResponseModel):
    """A column of a query's output."""

    name: str
    type: str
    mode: str
    fields: list["OutputFieldModel"]


class PartitionUseModel(ResponseModel):
    """A partitioned table; `filtered` says whether a condition on `column` lets BigQuery leave partitions out."""

    table: str
    column: str
    filtered: bool
    required: bool


class ReceiptModel(ResponseModel):
    """What the answer cost: bytes as integers, dollars as decimal strings.

    Bytes that BigQuery does not tell (tables with row-level security) are null; the budgets were charged
    `bytes_settled`. An estimate is at least that much where its accuracy is LOWER_BOUND. With slots dollars are null.
    """

    bytes_estimated: int | None
    estimate_accuracy: Accuracy
    bytes_billed: int | None
    bytes_settled: int
    bytes_saved: int
    cache_hit: bool
    usd_estimated: Money | None
    usd_billed: Money | None
    usd_saved: Money | None
    slot_millis: int | None
