"""What can be known of a table without a query: its columns, and some of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.warehouse.models.tables import TableRef

TYPES_SEEN = frozenset(
    {"STRING", "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "DATE", "DATETIME", "TIMESTAMP"}
)
"""Types of columns whose values are read, and which a row shows as they are."""


@dataclass(frozen=True)
class ColumnFacts:
    """A column. `type` is BigQuery's, ARRAY for what repeats; `values` are those seen, without NULL."""

    name: str
    type: str
    description: str
    values: Sequence[Any] = ()


@dataclass(frozen=True)
class TableFacts:
    """A table or view; `partition_column` as TableMetadata has it. `rows_seen` is 0 for a view, which has none."""

    table: TableRef
    description: str
    columns: tuple[ColumnFacts, ...]
    partition_column: str | None
    rows_seen: int
