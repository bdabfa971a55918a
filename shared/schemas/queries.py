"""What BigQuery says of a query before it runs: its columns, and which partitions it reads."""

from shared.schemas.base import ResponseModel


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
