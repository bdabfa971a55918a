"""The BigQuery emulator, sending rows as the Storage Read API does: in messages of some megabytes.

It runs in the environment of the local servers. The emulator itself puts up to a million rows into one message, so
that whoever stops reading at a bound would have read everything by then. Nor has it an option for the number of threads
that work on a statement, which EMULATOR_THREADS is here. And it keeps the result of every job for ever, while each
statement looks through all tables several times: the oldest results go here when there are more than EMULATOR_RESULTS.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from local_bigquery.catalog import tables
from local_bigquery.cli import main
from local_bigquery.engine import database
from local_bigquery.grpc import read

MESSAGE_BYTES = 8_000_000
RESULTS_KEPT = 1000
"""BigQuery keeps a result for a day; a day of the local stack is fewer jobs than this."""


def split_messages(
    read_rows: Callable[[Any], Iterator[types.ReadRowsResponse]],
) -> Callable[[Any], Iterator[types.ReadRowsResponse]]:
    """The emulator's ReadRows, each Arrow message of it cut into small ones."""

    def read_in_parts(request: Any) -> Iterator[types.ReadRowsResponse]:
        for message in read_rows(request):
            yield from _split(message) if message.arrow_record_batch.serialized_record_batch else (message,)

    return read_in_parts


def _split(message: types.ReadRowsResponse) -> Iterator[types.ReadRowsResponse]:
    schema = pa.ipc.read_schema(pa.py_buffer(message.arrow_schema.serialized_schema))
    batch = pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)
    rows = max(1, batch.num_rows * MESSAGE_BYTES // max(1, batch.nbytes))
    for start in range(0, batch.num_rows, rows):
        part = batch.slice(start, rows)
        yield types.ReadRowsResponse(
            row_count=part.num_rows,
            stats=message.stats,
            arrow_schema=message.arrow_schema,
            arrow_record_batch=types.ArrowRecordBatch(serialized_record_batch=part.serialize().to_pybytes()),
        )


def limit_threads(connect: Callable[..., Any], threads: str) -> Callable[..., Any]:
    """DuckDB's `connect`, for databases that use so many threads."""
    return lambda *given, config=None: connect(*given, config={**(config or {}), "threads": threads})


class NewestResults:
    """The tables with the results of jobs, of which only the newest `kept` stay; those of former runs are known."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._names: deque[str] | None = None
        self._lock = threading.Lock()

    def limit(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """The emulator's `write` of a query's rows into a table, dropping results that are too many."""

        def write_and_drop(cur: Any, sql: str, bound: Any, reference: Any, *rest: Any, **options: Any) -> Any:
            written = write(cur, sql, bound, reference, *rest, **options)
            if reference[1] == tables.RESULTS:
                self._add(tables.physical(*reference)[2])
            return written

        return write_and_drop

    def _add(self, name: str) -> None:
        with self._lock:
            if self._names is None:
                self._names = deque(self._list())
            else:
                self._names.append(name)
            while len(self._names) > self._kept:
                table = database.quote("emulator", tables.RESULTS, self._names.popleft())
                database.execute(f"DROP TABLE IF EXISTS {table}")

    def _list(self) -> list[str]:
        found = "FROM duckdb_tables() WHERE database_name = 'emulator' AND schema_name = ? ORDER BY table_oid"
        return [name for (name,) in database.fetch(f"SELECT table_name {found}", [tables.RESULTS])]


if __name__ == "__main__":
    if threads := os.environ.get("EMULATOR_THREADS"):
        duckdb.connect = limit_threads(duckdb.connect, threads)
    read.read_rows = split_messages(read.read_rows)
    results = NewestResults(int(os.environ.get("EMULATOR_RESULTS", RESULTS_KEPT)))
    tables.write = results.limit(tables.write)
    main()
