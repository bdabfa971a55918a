"""What goes into the warehouse and what comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.warehouse.models.bill import Accuracy, RefreshBudget
from shared.warehouse.models.tables import TableRef

if TYPE_CHECKING:
    import pyarrow as pa

type BoundValue = str | int | float | bool | list[str | int | float | bool] | None


class RunPurpose(StrEnum):
    """Why a job runs; becomes a job label and a column of `query_runs`."""

    SQL_RUN = "sql_run"
    PRECOMPUTE = "precompute"


@dataclass(frozen=True)
class QueryParameter:
    """A named query parameter; `type` is a BigQuery type such as `STRING` or `ARRAY<INT64>`."""

    name: str
    type: str
    value: BoundValue


@dataclass(frozen=True)
class ReadBounds:
    """How much of a result is read: at most so many rows, and of these at most so many bytes as Arrow holds them."""

    max_rows: int
    max_bytes: int


@dataclass(frozen=True)
class QueryRequest:
    """One query to dry-run or run.

    `max_bytes_billed` is the caller's own cap in bytes; the environment's always applies too. `max_rows` and
    `max_result_bytes` bound what is read of the result (`ReadBounds`). `fingerprint`
    and `attempt` make the job id deterministic; without a fingerprint the job gets a random one. A job of
    another worker that was created before `newer_than` is no answer to this request.
    `dashboard_day_limit_bytes` is the dashboard's own `budget.per_day`; `refresh_budget` bounds the refresh
    the query is part of. `time_zone` is the IANA zone that the job's own functions count days in, such as
    CURRENT_DATE(); without one it is UTC.
    """

    sql: str
    parameters: tuple[QueryParameter, ...] = ()
    default_dataset: str | None = None
    time_zone: str | None = None
    max_bytes_billed: int | None = None
    max_rows: int = 100
    max_result_bytes: int = 40_000_000
    purpose: RunPurpose = RunPurpose.SQL_RUN
    actor: str = "-"
    slug: str | None = None
    query_name: str | None = None
    version: int | None = None
    fingerprint: str | None = None
    attempt: int = 0
    newer_than: datetime | None = None
    dashboard_day_limit_bytes: int | None = None
    refresh_budget: RefreshBudget | None = None

    @property
    def bounds(self) -> ReadBounds:
        """How much of the result is read."""
        return ReadBounds(self.max_rows, self.max_result_bytes)


@dataclass(frozen=True)
class OutputField:
    """A column of a result: BigQuery's type name and mode (NULLABLE, REQUIRED, REPEATED).

    `fields` are a STRUCT's members, `element` the type of a RANGE's bounds.
    """

    name: str
    type: str
    mode: str = "NULLABLE"
    fields: tuple["OutputField", ...] = ()
    element: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What an answer cost. Bytes are integers, dollars decimals at the configured price per TiB.

    Bytes that BigQuery does not tell are None, and so are their dollars; with slots all dollars are. The budget was
    charged `bytes_settled`: what was billed, or everything reserved where nobody knows what was billed. `bytes_saved`
    is what would have been billed if BigQuery's cache, or ours, had not had the answer already.
    """

    bytes_estimated: int | None
    estimate_accuracy: Accuracy
    bytes_billed: int | None
    bytes_settled: int
    bytes_saved: int
    cache_hit: bool
    usd_estimated: Decimal | None
    usd_billed: Decimal | None
    usd_saved: Decimal | None
    slot_millis: int | None


@dataclass(frozen=True)
class PartitionUse:
    """A partitioned table that a query reads, or a wildcard, whose tables `_TABLE_SUFFIX` tells apart.

    `filtered` is False when the query names no condition on `column` by which partitions could be left out;
    `required` when BigQuery refuses such a query.
    """

    table: str
    column: str
    filtered: bool
    required: bool

    @property
    def part(self) -> str:
        """What the whole consists of."""
        return "table" if self.table.endswith("*") else "partition"

    @property
    def advice(self) -> str:
        """What to write, as the beginning of a sentence."""
        what = "the part of the names behind" if self.part == "table" else "the partitioning column of"
        return f"Filter on {self.column}, {what} {self.table}"


@dataclass(frozen=True)
class DryRun:
    """What BigQuery says about a query without running it; costs nothing.

    `bytes_billed_expected` is what the estimate is billed as, whatever the cap: above `cap_bytes` it cannot run; at
    least that for an estimate that is a LOWER_BOUND, None for an unknown one.
    `bytes_billed_max` is what billing may round the estimate up to, within `cap_bytes`: what a run reserves. All of
    `cap_bytes` where the estimate is no bound.
    `named_tables` are those of the text: BigQuery's own list has the tables below a view and not the view. `routines`
    are the stored ones that it calls. `asked_at` is BigQuery's clock, None where it does not tell; `kept_from` is the
    same of an answer that was kept, None of one that was asked for now, and makes no other plan of it.
    """

    bytes_estimated: int | None
    bytes_billed_expected: int | None
    bytes_billed_max: int
    fields: tuple[OutputField, ...]
    referenced_tables: tuple[TableRef, ...]
    statement_type: str
    cap_bytes: int
    deterministic: bool
    partitions: tuple[PartitionUse, ...] = ()
    named_tables: tuple[TableRef, ...] = ()
    accuracy: Accuracy = Accuracy.PRECISE
    routines: tuple[str, ...] = ()
    asked_at: datetime | None = field(default=None, compare=False)
    kept_from: datetime | None = field(default=None, compare=False)

    @property
    def tables(self) -> tuple[TableRef, ...]:
        """Every table, view and wildcard the answer would depend on, as far as text and dry run name them."""
        return _unite(self.named_tables, self.referenced_tables)


@dataclass(frozen=True)
class JobMetadata:
    """The executed job; times are UTC."""

    job_id: str
    project: str
    location: str | None
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    bytes_processed: int | None
    slot_millis: int | None


@dataclass(frozen=True)
class ResultRows:
    """The first rows of a result, in the query's order: `table` has at most `max_rows` of `total_rows`.

    `read_by` is `rest` or `storage_read`. `max_bytes` is the bound that ended the reading, None when there was room
    for all the rows that were asked for.
    """

    table: "pa.Table"
    total_rows: int
    read_by: str
    max_bytes: int | None = None

    @property
    def truncated(self) -> bool:
        """True when the result has more rows than were read."""
        return self.total_rows > int(self.table.num_rows)


@dataclass(frozen=True)
class SampleRows:
    """The first rows of a result as Python values, one per column; INTERVAL and JSON are BigQuery's own text.

    There are `total_rows` of them. `max_bytes` as of `ResultRows`.
    """

    rows: Sequence[tuple[object, ...]]
    total_rows: int
    max_bytes: int | None = None

    @property
    def truncated(self) -> bool:
        """True when the result has more rows than were read."""
        return self.total_rows > len(self.rows)


@dataclass(frozen=True)
class QueryOutcome[R = ResultRows]:
    """A finished query. `attached` says that the job was another worker's, who was billed for it."""

    job: JobMetadata
    fields: tuple[OutputField, ...]
    referenced_tables: tuple[TableRef, ...]
    receipt: Receipt
    result: R
    deterministic: bool
    attached: bool
    named_tables: tuple[TableRef, ...] = ()

    @property
    def tables(self) -> tuple[TableRef, ...]:
        """Every table and view the answer depends on: the views of the text, and what the job read below them."""
        return _unite(self.named_tables, self.referenced_tables)


def _unite(named: tuple[TableRef, ...], referenced: tuple[TableRef, ...]) -> tuple[TableRef, ...]:
    return tuple(sorted({*named, *referenced}, key=str))
