"""The result of a finished job: its schema as ours, and its rows as Arrow.

Small results come by REST, large ones by the Storage Read API.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import InternalError, SqlNotAllowedError
from shared.settings import Settings
from shared.warehouse.bigquery.clients import WarehouseClients
from shared.warehouse.bigquery.failures import make_retry
from shared.warehouse.bigquery.text_columns import TEXT_TYPES, has_type, read_text_columns, to_text_schema
from shared.warehouse.models.queries import OutputField, ReadBounds, ResultRows
from shared.warehouse.models.tables import TableRef

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import QueryJob, SchemaField
    from google.cloud.bigquery.table import RowIterator


READABLE_TYPES = frozenset(
    {
        "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "DATE", "TIME", "DATETIME",
        "TIMESTAMP", "INTERVAL", "RANGE", "GEOGRAPHY", "JSON", "STRUCT",
    }
)  # fmt: skip
"""https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types"""

_FIRST_PAGE_ROWS = 10
"""Enough for what a metric needs; of how large rows are nothing is known before the first."""
_PAGE_BYTES = 2_000_000
_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def to_output_fields(schema: "Iterable[SchemaField]") -> tuple[OutputField, ...]:
    """BigQuery's schema as ours, with standard SQL type names."""
    return tuple(
        OutputField(
            name=entry.name,
            type=_name_type(entry),
            mode=entry.mode or "NULLABLE",
            fields=to_output_fields(entry.fields),
            element=entry.range_element_type.element_type if entry.range_element_type else None,
        )
        for entry in schema
    )


def check_readable(fields: Sequence[OutputField], query_name: str | None) -> None:
    """Raise SqlNotAllowedError naming every column of a type no answer can hold; before anything is billed."""
    found = list(_find_unreadable(fields))
    if not found:
        return
    columns = ", ".join(f"{path} ({type_name})" for path, type_name in found)
    raise SqlNotAllowedError(
        f"No answer can hold the type of {columns}{f' of query {query_name}' if query_name else ''}.",
        remediation="CAST it to STRING or another type, or leave it out.",
        details=[
            {"column": path, "received": type_name, "allowed": sorted(READABLE_TYPES)}
            for path, type_name in found
        ],
    )


def _name_type(entry: "SchemaField") -> str:
    from google.cloud.bigquery.enums import TimestampPrecision

    if entry.field_type == "TIMESTAMP" and entry.timestamp_precision is TimestampPrecision.PICOSECOND:
        return f"TIMESTAMP({entry.timestamp_precision.value})"
    return _STANDARD_NAMES.get(entry.field_type, entry.field_type)


def _find_unreadable(fields: Iterable[OutputField], inside: str = "") -> Iterator[tuple[str, str]]:
    for field in fields:
        path = f"{inside}{field.name}"
        if field.type not in READABLE_TYPES:
            yield path, field.type
        yield from _find_unreadable(field.fields, f"{path}.")


def to_table_refs(job: "QueryJob") -> tuple[TableRef, ...]:
    """The tables a job or dry run read, views among them, in one order."""
    tables = (TableRef(one.project, one.dataset_id, one.table_id) for one in job.referenced_tables or ())
    return tuple(sorted(tables, key=str))


def to_routine_names(job: "QueryJob") -> tuple[str, ...]:
    """The stored routines a dry run would call, those behind views among them, as `project.dataset.routine`.

    Google's client has no name for this list (JobStatistics2.referencedRoutines).
    """
    statistics = job._properties.get("statistics") or {}
    routines = (statistics.get("query") or {}).get("referencedRoutines") or ()
    return tuple(f"{one['projectId']}.{one['datasetId']}.{one['routineId']}" for one in routines)


def read_rows(
    job: "QueryJob",
    rows: "RowIterator",
    bounds: ReadBounds,
    clients: WarehouseClients,
    settings: Settings,
) -> ResultRows:
    """The first rows of a job's result within `bounds`, in the query's own order.

    Reading stops as soon as there are enough rows or bytes of them, so memory is bounded by both. Raises
    InternalError when BigQuery's answer cannot be read.
    """
    import pyarrow as pa
    from google.api_core.exceptions import InvalidArgument, OutOfRange

    total = int(rows.total_rows or 0)
    large = min(total, bounds.max_rows) >= settings.storage_read_min_rows
    with readable(pa.ArrowException):
        if large:
            try:
                batches, cut = _take(_read_storage(job, clients, settings), bounds)
            except (InvalidArgument, OutOfRange):
                if not has_type(rows.schema, TEXT_TYPES):
                    raise
                large = False  # what Arrow's types do not hold comes as text
        if not large:
            batches, cut = _take(_list_pages(job, rows, bounds.max_rows, clients, settings), bounds)
        table = pa.Table.from_batches(batches) if batches else rows.to_arrow(create_bqstorage_client=False)
        if batches and not large and has_type(rows.schema, TEXT_TYPES):
            table = read_text_columns(table, rows.schema)
    return ResultRows(
        table.slice(0, bounds.max_rows),
        total,
        "storage_read" if large else "rest",
        max_bytes=bounds.max_bytes if cut else None,
    )


def _take(read: "Iterator[pa.RecordBatch]", bounds: ReadBounds) -> "tuple[list[pa.RecordBatch], bool]":
    """The batches within the bounds; True when it was their bytes that ended them."""
    batches: list[pa.RecordBatch] = []
    rows, size = 0, 0
    for batch in read:
        wanted = batch.slice(0, max(0, bounds.max_rows - rows))
        kept = wanted.slice(0, _count_fitting(wanted, bounds.max_bytes - size))
        batches.append(kept)
        rows, size = rows + kept.num_rows, size + kept.nbytes
        if kept.num_rows < wanted.num_rows:
            return batches, True
        if rows >= bounds.max_rows:
            break
    return batches, False


def _count_fitting(batch: "pa.RecordBatch", max_bytes: int) -> int:
    """How many of the first rows take at most `max_bytes`."""
    if batch.nbytes <= max_bytes:
        return int(batch.num_rows)
    return bisect_right(range(1, batch.num_rows), max_bytes, key=lambda count: batch.slice(0, count).nbytes)


@contextmanager
def readable(*more: type[Exception]) -> Iterator[None]:
    """One result that cannot be read must not stop the other queries of a refresh: InternalError says so of it."""
    unreadable: tuple[type[Exception], ...] = (ArithmeticError, ValueError, TypeError, *more)
    try:
        yield
    except unreadable as error:
        raise InternalError(
            f"A value of the result cannot be read: {error}",
            remediation="CAST the column it is in to STRING, and report the message.",
        ) from error


def _list_pages(
    job: "QueryJob", rows: "RowIterator", max_rows: int, clients: WarehouseClients, settings: Settings
) -> "Iterator[pa.RecordBatch]":
    """The rows page by page; asked for as text where Google's client would not keep every value."""
    if has_type(rows.schema, TEXT_TYPES):
        rows = relist_as_text(job, rows, TEXT_TYPES, clients, settings)
    yield from _read_pages(rows, max_rows)


def relist_as_text(
    job: "QueryJob", rows: "RowIterator", types: frozenset[str], clients: WarehouseClients, settings: Settings
) -> "RowIterator":
    """The same rows, from the first one on, with values of `types` as the text BigQuery sends."""
    timeout = settings.warehouse_call_timeout_seconds
    return clients.rest.list_rows(
        job.destination,
        selected_fields=to_text_schema(rows.schema, types),
        retry=make_retry(timeout),
        timeout=timeout,
    )


def _read_pages(rows: "RowIterator", max_rows: int) -> "Iterator[pa.RecordBatch]":
    """Pages of some `_PAGE_BYTES` each, by the size of the rows so far.

    BigQuery's own bound is 20 MB (https://cloud.google.com/bigquery/docs/paging-results), which are several times as
    many while a page is text, values and columns at once.
    """
    # One row at least: the client builds the columns from the answer.
    rows.max_results = max(min(_FIRST_PAGE_ROWS, max_rows), 1)
    count, size = 0, 0
    for batch in rows.to_arrow_iterable():
        yield batch
        count, size = count + batch.num_rows, size + batch.nbytes
        following = _PAGE_BYTES * count // max(size, 1)
        # The client asks for what is missing of this number.
        rows.max_results = min(max_rows, count + max(following, 1))


def _read_storage(
    job: "QueryJob", clients: WarehouseClients, settings: Settings
) -> "Iterator[pa.RecordBatch]":
    """The result table, batch by batch. One stream: several would come without the query's ORDER BY."""
    import pyarrow as pa
    from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

    client, timeout = clients.storage_read, settings.warehouse_call_timeout_seconds
    session = client.create_read_session(
        parent=f"projects/{settings.google_cloud_project}",
        read_session=ReadSession(table=job.destination.to_bqstorage(), data_format=DataFormat.ARROW),
        max_stream_count=1,
        retry=make_retry(timeout),
        timeout=timeout,
    )
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    for stream in session.streams:
        responses = client.read_rows(stream.name, timeout=settings.warehouse_timeout_seconds)  # type: ignore[no-untyped-call]
        for response in responses:
            yield pa.ipc.read_record_batch(
                pa.py_buffer(response.arrow_record_batch.serialized_record_batch), schema
            )
