"""The BigQuery emulator, sending rows as the Storage Read API does: in messages of some megabytes.

It runs in the environment of the local servers. The emulator itself puts up to a million rows into one message, so
that whoever stops reading at a bound would have read everything by then. Nor has it an option for the number of threads
that work on a statement, which EMULATOR_THREADS is here. And each statement looks through all tables several times,
which is most of its work: what was found is remembered here, and the oldest results of jobs, which the emulator keeps
for ever, go when there are more than EMULATOR_RESULTS.
A job under way when it is killed would be so for ever, where every job of BigQuery ends: here it has failed.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from local_bigquery.catalog import tables
from local_bigquery.cli import main
from local_bigquery.engine import database
from local_bigquery.grpc import read
from local_bigquery.jobs import store

from deploy.local.servers.emulator_jobs import end_lost_jobs
from deploy.local.servers.emulator_tables import KnownTables, NewestResults

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


if __name__ == "__main__":
    if threads := os.environ.get("EMULATOR_THREADS"):
        duckdb.connect = limit_threads(duckdb.connect, threads)
    store.load, store.list_ = end_lost_jobs(store.load), end_lost_jobs(store.list_)
    read.read_rows = split_messages(read.read_rows)
    results = NewestResults(int(os.environ.get("EMULATOR_RESULTS", RESULTS_KEPT)))
    tables.write = results.limit(tables.write)
    database.fetch = KnownTables().remember(database.fetch)
    main()
