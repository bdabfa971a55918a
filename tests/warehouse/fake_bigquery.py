"""Google's client, replaced by hand: as much of it as the warehouse uses, with what BigQuery would answer.

`FakeClients` stands where `WarehouseClients` does. It is held to the same contract as the emulator.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery

from shared.settings import Settings
from shared.warehouse.bigquery.clients import QuickCalls

MINIMUM = 10 * 2**20
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


@dataclass
class FakeTable:
    """A table: its schema, its rows, and what a scan of it counts."""

    schema: list[bigquery.SchemaField]
    rows: pa.Table
    scanned_bytes: int


@dataclass
class FakeJob:
    """A job, or a dry run. `ends` is asked once per poll."""

    job_id: str
    schema: list[bigquery.SchemaField]
    rows: pa.Table
    total_bytes_processed: int
    referenced_tables: list[bigquery.TableReference]
    labels: dict[str, str]
    cache_hit: bool = False
    failure: Exception | None = None
    is_done: bool = False
    ends: Callable[[], bool] = lambda: True
    billed: int = MINIMUM
    statement_type: str = "SELECT"
    project: str = "local"
    location: str = "US"
    created: datetime = NOW
    started: datetime = NOW
    ended: datetime = field(default_factory=lambda: datetime.now(UTC))
    slot_millis: int = 5
    _properties: dict[str, Any] = field(default_factory=dict)

    @property
    def error_result(self) -> dict[str, str] | None:
        """Why it failed, once it is done."""
        return {"message": str(self.failure)} if self.is_done and self.failure else None

    @property
    def total_bytes_billed(self) -> int | None:
        """Nothing until the job is done, nothing for a cache hit or a refusal."""
        if not self.is_done or self.cache_hit or isinstance(self.failure, BadRequest):
            return 0
        return self.billed

    def done(self, reload: bool = True, **_: object) -> bool:
        """Whether it ended."""
        if reload and not self.is_done:
            self.is_done = self.ends()
        return self.is_done

    def reload(self, **_: object) -> None:
        """Ask again."""
        self.done()

    def result(self, **_: object) -> Any:
        """The rows, or what the job failed with."""
        if self.failure is not None:
            raise self.failure
        return SimpleNamespace(
            total_rows=self.rows.num_rows,
            schema=self.schema,
            to_arrow_iterable=lambda: iter(self.rows.to_batches()),
            to_arrow=lambda **_: self.rows,
        )


@dataclass
class FakeClient:
    """BigQuery with the tables it was given. A query names exactly one of them, in backticks or not."""

    tables: dict[str, FakeTable]
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    cached: set[str] = field(default_factory=set)
    cancelled: list[str] = field(default_factory=list)
    insert_count: int = 0
    make_ends: Callable[[], Callable[[], bool]] = lambda: lambda: True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def query(self, sql: str, job_config: Any, job_id: str | None = None, **_: object) -> FakeJob:
        """jobs.insert, or a dry run of it."""
        name, table = self._find(sql)
        reference = bigquery.TableReference.from_string(f"local.{name}")
        if job_config.dry_run:
            return FakeJob("", table.schema, table.rows, table.scanned_bytes, [reference], {}, is_done=True)
        assert job_id is not None
        with self._lock:
            self.insert_count += 1
            if job_id in self.jobs:
                raise Conflict(f"Already Exists: Job {job_id}")
            job = FakeJob(
                job_id, table.schema, table.rows, table.scanned_bytes, [reference], job_config.labels,
                cache_hit=sql in self.cached, ends=self.make_ends(),
            )  # fmt: skip
            if job_config.maximum_bytes_billed < MINIMUM and not job.cache_hit:
                message = (
                    f"Query exceeded limit for bytes billed: {job_config.maximum_bytes_billed}. "
                    f"{MINIMUM} or higher required."
                )
                job.failure = BadRequest(
                    message, errors=[{"reason": "bytesBilledLimitExceeded", "message": message}]
                )
            else:
                self.cached.add(sql)
            self.jobs[job_id] = job
            return job

    def get_job(self, job_id: str, **_: object) -> FakeJob:
        """jobs.get."""
        if job_id not in self.jobs:
            raise NotFound(f"Not found: Job {job_id}")
        return self.jobs[job_id]

    def cancel_job(self, job_id: str, **_: object) -> FakeJob:
        """jobs.cancel."""
        self.cancelled.append(job_id)
        message = "Job execution was cancelled: User requested cancellation"
        job = self.get_job(job_id)
        if not job.is_done:
            job.failure = NotFound(message, errors=[{"reason": "stopped", "message": message}])
            job.ends = lambda: True
        return job

    def get_table(self, name: str, **_: object) -> bigquery.Table:
        """tables.get."""
        return bigquery.Table(name, schema=self._find(name)[1].schema)

    def _find(self, text: str) -> tuple[str, FakeTable]:
        for name, table in self.tables.items():
            if name.rpartition(".")[2] in text:
                return name, table
        message = f"Not found: Table in {text}"
        raise NotFound(message, errors=[{"reason": "notFound", "message": message}])


class FakeClients:
    """What the container hands to the warehouse."""

    def __init__(self, client: FakeClient, settings: Settings) -> None:
        self.rest = client
        self.quick = QuickCalls(lambda: self.rest, settings)

    @property
    def storage_read(self) -> Iterator[None]:
        """No result of these tests is large enough for it."""
        raise AssertionError("the Storage Read API was asked")
