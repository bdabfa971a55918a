"""What BigQuery says about tables: schema, size, when they last changed. Metadata calls cost nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.errors import AlmanacError
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.results import to_output_fields
from shared.warehouse.models.queries import OutputField
from shared.warehouse.models.tables import PARTITION_TIME, TableRef

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud import bigquery


@dataclass(frozen=True)
class TableMetadata:
    """One table or view. `kind` is BigQuery's type: TABLE, VIEW, MATERIALIZED_VIEW, EXTERNAL, SNAPSHOT.

    `partition_field` of a table partitioned by the time its rows came in is the pseudo column `_PARTITIONTIME`.
    With `has_streaming_buffer`, rows that are streamed in are queried before `modified_at` moves. What `expires`
    (partitions, or the table) goes without moving it.
    """

    table: TableRef
    kind: str
    fields: tuple[OutputField, ...]
    modified_at: datetime | None
    row_count: int | None
    byte_count: int | None
    partition_field: str | None
    view_sql: str | None
    requires_partition_filter: bool = False
    has_streaming_buffer: bool = False
    created_at: datetime | None = None
    location: str | None = None
    expires: bool = False

    @property
    def changed_at(self) -> datetime | None:
        """When its rows or columns last changed; a table made anew under the name is a change, whatever it holds."""
        if self.modified_at is None or self.created_at is None:
            return self.modified_at
        return max(self.modified_at, self.created_at)


@dataclass(frozen=True)
class ListedTable:
    """A table as a dataset lists it: no more than its name and kind is told of each."""

    table: TableRef
    kind: str


class TableMetadataReader:
    """Reads table metadata, in parallel within `warehouse_parallelism`."""

    def __init__(self, clients: WarehouseClients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def read_tables(self, tables: Sequence[TableRef]) -> list[TableMetadata | AlmanacError]:
        """The metadata of each table, in input order; one that cannot be read has its error in its place."""
        if not tables:
            return []
        with ThreadPoolExecutor(min(len(tables), self._settings.warehouse_parallelism)) as pool:
            # Each call gets the caller's context, so that its span is a child of the caller's.
            calls = [pool.submit(copy_context().run, self._read, table) for table in tables]
            return [call.result() for call in calls]

    def list_tables(self, project: str, dataset: str, limit: int) -> list[ListedTable] | AlmanacError:
        """The tables and views of a dataset, `limit` of them at most, or why they cannot be listed."""
        name = f"{project}.{dataset}"

        def list_all(retry: "Retry", timeout: float) -> list[ListedTable]:
            found = self._clients.rest.list_tables(name, max_results=limit, retry=retry, timeout=timeout)
            return [ListedTable(TableRef(project, dataset, one.table_id), one.table_type) for one in found]

        try:
            with start_span("bigquery.tables", {"db.system": "bigquery", "db.namespace": name}):
                return self._clients.quick.ask(f"listing the tables of {name}", list_all)
        except AlmanacError as error:
            return error

    def _read(self, ref: TableRef) -> TableMetadata | AlmanacError:
        def get(retry: "Retry", timeout: float) -> "bigquery.Table":
            return self._clients.rest.get_table(str(ref), retry=retry, timeout=timeout)

        try:
            with start_span("bigquery.table", {"db.system": "bigquery", "db.collection.name": str(ref)}):
                table = self._clients.quick.ask(f"reading the metadata of {ref}", get)
        except AlmanacError as error:
            return error
        return TableMetadata(
            table=ref,
            kind=table.table_type,
            fields=to_output_fields(table.schema),
            modified_at=table.modified,
            row_count=table.num_rows,
            byte_count=table.num_bytes,
            partition_field=find_partition_field(table),
            view_sql=table.view_query if table.table_type == "VIEW" else None,
            requires_partition_filter=bool(table.require_partition_filter),
            has_streaming_buffer=table.streaming_buffer is not None,
            created_at=table.created,
            location=table.location,
            expires=_expires(table),
        )


def _expires(table: "bigquery.Table") -> bool:
    """True when rows go with time. A dataset's defaults are written into each table as it is made.

    Source: https://cloud.google.com/bigquery/docs/managing-partitioned-tables#partition-expiration.
    """
    by_partition = table.time_partitioning.expiration_ms if table.time_partitioning is not None else None
    return table.expires is not None or by_partition is not None


def find_partition_field(table: "bigquery.Table") -> str | None:
    """The column a table is partitioned by, `_PARTITIONTIME` for the time its rows came in; None without partitions."""
    if table.time_partitioning is not None:
        return table.time_partitioning.field or PARTITION_TIME
    return table.range_partitioning.field if table.range_partitioning is not None else None
