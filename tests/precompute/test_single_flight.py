"""One job for everybody who needs a query at the same time."""

import copy
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.alone.postgres import RunningPostgres
from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.database.models.runs import QueryResult
from shared.errors import AlmanacError, PayloadTooLargeError
from shared.precompute.refresh.failure_log import FailureLog
from shared.precompute.refresh.leases import RefreshLeases
from shared.precompute.refresh.models import DashboardRefresh, QueryEvent, StillRunning
from shared.precompute.refresh.outcomes import OVERTAKEN
from shared.precompute.refresh.refresher import TICK_SECONDS
from shared.saving.models import SaveItem
from shared.settings import Settings
from tests.fixtures.containers import restart_with
from tests.fixtures.functions import SHOP

WORKERS = 4
REFRESHES = 100


@pytest.fixture
def worker_settings(settings: Settings, tmp_path: Path) -> Settings:
    return copy.replace(
        settings,
        dashboard_store_url=f"git:{tmp_path / 'workdir'}",
        payload_store_url=f"file:{tmp_path / 'payloads'}",
        database_pool_size=8,
    )


@pytest.fixture
def workers(worker_settings: Settings) -> Iterator[list[Container]]:
    """Containers that share nothing but the servers, as processes of a fleet do; `shop` is saved.

    Its queries are like no others: the warehouse has the jobs of earlier tests, which may answer those.
    """
    containers = [Container(worker_settings) for _ in range(WORKERS)]
    shop = SHOP.replace("FROM people WHERE", f"FROM people WHERE '{uuid4()}' != '' AND")
    source = DashboardSource("shop.yaml", shop)
    containers[0].saving.save_dashboards([SaveItem(source)], author="ana@example.com", message="")
    yield containers
    for container in containers:
        container.database.dispose()


def refresh(container: Container, *, force: bool = False) -> DashboardRefresh:
    events = container.precompute.refresh_dashboards(["shop"], actor="ana@example.com", force=force)
    return next(event for event in events if isinstance(event, DashboardRefresh))


def test_a_hundred_concurrent_misses_are_one_job_per_query(
    workers: list[Container], bigquery: BigQueryServer
) -> None:
    before = bigquery.count_jobs()
    with ThreadPoolExecutor(16) as pool:
        reports = list(pool.map(lambda index: refresh(workers[index % WORKERS]), range(REFRESHES)))
    assert bigquery.count_jobs() - before == 3
    assert {report.variants_ready for report in reports} == {2}
    assert all(not report.problems and not report.totals.failed for report in reports)
    with workers[0].database.begin() as uow:
        fingerprints = [query.fingerprint for query in reports[0].queries]
        assert set(uow.query_runs.find_last_attempts(fingerprints).values()) == {1}


def test_who_waited_was_billed_nothing(workers: list[Container]) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        reports = list(pool.map(refresh, workers))
    billed = sorted(report.totals.bytes_billed for report in reports)
    assert billed[:-1] == [0] * (WORKERS - 1) or sum(billed) == 3 * 10 * 2**20


def test_the_lease_of_a_worker_that_died_is_taken_over(workers: list[Container]) -> None:
    first, second = workers[:2]
    fingerprints = [query.fingerprint for query in refresh(first).queries]
    now = datetime.now(UTC)
    with first.database.begin() as uow:
        uow.leases.acquire_many(fingerprints, uuid4(), timedelta(seconds=1))
    report = refresh(second, force=True)
    assert {query.status.value for query in report.queries} == {"refreshed"}
    assert datetime.now(UTC) - now >= timedelta(seconds=0.9)


def test_a_worker_that_waits_takes_the_result_of_the_one_that_runs(workers: list[Container]) -> None:
    first, second = workers[:2]
    refresh(first)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(refresh, worker, force=True) for worker in (first, second)]
        reports = [one.result(timeout=60) for one in both]
    reasons = {query.reason for report in reports for query in report.queries}
    assert reasons <= {"forced", "another worker ran it"}


def test_what_ended_between_the_look_and_the_lease_is_not_run_again(
    workers: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = workers[:2]
    refresh(first)
    acquire = RefreshLeases.acquire
    overtaken = iter([True])

    def acquire_late(leases: RefreshLeases, fingerprints: Sequence[str]) -> dict[str, int]:
        if next(overtaken, False):
            refresh(second, force=True)
        return acquire(leases, fingerprints)

    monkeypatch.setattr(RefreshLeases, "acquire", acquire_late)
    report = refresh(first, force=True)
    assert {query.reason for query in report.queries} == {"another worker ran it"}
    assert report.totals.bytes_billed == 0
    with first.database.begin() as uow:
        attempts = uow.query_runs.find_last_attempts([query.fingerprint for query in report.queries])
    assert set(attempts.values()) == {2}  # the one before, and the other worker's


def test_a_late_holder_cannot_overwrite_what_its_successor_stored(workers: list[Container]) -> None:
    first, second = workers[:2]
    refresh(first)
    refresh(second, force=True)
    fingerprint = refresh(first).queries[0].fingerprint
    with first.database.begin() as uow:
        newest = uow.query_results.get_many([fingerprint])[fingerprint]
    assert newest.fence == 2
    late = QueryResult(
        **{column.key: getattr(newest, column.key) for column in QueryResult.__table__.columns}
        | {"fence": 1, "blob_path": "results/old"}
    )
    with first.database.begin() as uow:
        assert uow.query_results.upsert_many([late]) == set()
    with first.database.begin() as uow:
        stored = uow.query_results.get_many([fingerprint])[fingerprint]
    assert stored.blob_path == newest.blob_path


class StalledStore:
    """In place of a worker's result store: away when its first result should be stored, until `wake`."""

    def __init__(self, container: Container, error: AlmanacError | None = None) -> None:
        self._store = container.results.store
        self._error = error
        self.is_away, self.wake = threading.Event(), threading.Event()
        vars(container.results)["store"] = self

    def __call__(self, *arguments: Any) -> QueryResult:
        if not self.is_away.is_set():
            self.is_away.set()
            assert self.wake.wait(60)
            if self._error is not None:
                raise self._error
        return self._store(*arguments)


@pytest.mark.parametrize("error", [None, PayloadTooLargeError("Too large.")])
def test_a_late_holder_says_that_its_successors_result_stands(
    workers: list[Container], error: AlmanacError | None
) -> None:
    late, successor = restart_with(workers[0], refresh_lease_seconds=1), workers[1]
    refresh(late)
    stalled = StalledStore(late, error)
    with ThreadPoolExecutor(1) as pool:
        away = pool.submit(refresh, late, force=True)
        assert stalled.is_away.wait(60)
        refresh(successor, force=True)
        before = read_rows(successor)
        stalled.wake.set()
        report = away.result(timeout=60)
    after = read_rows(successor)
    overtaken = {query.fingerprint for query in report.queries if query.reason == OVERTAKEN}
    assert overtaken
    assert {query.status.value for query in report.queries} == {"refreshed"}
    for fingerprint in overtaken:
        assert after[fingerprint] == before[fingerprint]
        assert after[fingerprint]["refresh_error"] is None


def read_rows(container: Container) -> dict[str, dict[str, Any]]:
    """What is stored of each query."""
    with container.database.engine.connect() as connection:
        rows = connection.execute(select(QueryResult.__table__)).mappings()
        return {row["fingerprint"]: dict(row) for row in rows}


def test_a_worker_whose_clock_is_fast_waits_for_leases_and_says_so_every_two_seconds(
    workers: list[Container],
) -> None:
    holder, fast = workers[:2]
    fingerprints = [query.fingerprint for query in refresh(holder).queries]
    fast.clock = lambda: datetime.now(UTC) + timedelta(hours=1)
    lifetime = timedelta(seconds=5)
    began = time.monotonic()
    with holder.database.begin() as uow:
        uow.leases.acquire_many(fingerprints, uuid4(), lifetime)
    events = []
    for event in fast.precompute.refresh_dashboards(["shop"], actor="ana@example.com", force=True):
        events.append(event)
        if isinstance(event, QueryEvent):
            assert time.monotonic() - began >= lifetime.total_seconds() - 0.1
    waiting = sum(isinstance(event, StillRunning) for event in events)
    assert 2 <= waiting <= 2 + (time.monotonic() - began - lifetime.total_seconds()) / TICK_SECONDS


def test_who_waits_for_a_query_that_fails_is_told_and_does_not_run_it_again(
    workers: list[Container], bigquery: BigQueryServer, postgres_server: RunningPostgres
) -> None:
    holder, waiting = workers[:2]
    fingerprints = [query.fingerprint for query in refresh(holder).queries]
    postgres_server.run("DELETE FROM query_results")
    with holder.database.begin() as uow:
        owner = uuid4()
        fences = uow.leases.acquire_many(fingerprints, owner, timedelta(minutes=1))
    failures = FailureLog(holder.database, holder.clock)
    error = failures.describe(PayloadTooLargeError("The result of names has 9 bytes."))
    before = bigquery.count_jobs()
    events = waiting.precompute.refresh_dashboards(["shop"], actor="ana@example.com")
    assert isinstance(next(events), StillRunning)
    for fingerprint, fence in fences.items():
        assert failures.record(fingerprint, "shop", fence, error) is None
    with holder.database.begin() as uow:
        uow.leases.release_many(fingerprints, owner)
    report = next(event for event in events if isinstance(event, DashboardRefresh))
    assert {query.status.value for query in report.queries} == {"failed"}
    assert {query.error.code for query in report.queries if query.error} == {"PAYLOAD_TOO_LARGE"}
    assert bigquery.count_jobs() == before


def test_a_failure_leaves_no_lease_behind(workers: list[Container]) -> None:
    worker = restart_with(workers[0], max_bytes_per_user_day=1)
    report = refresh(worker)
    assert report.totals.failed == 3
    fingerprints = [query.fingerprint for query in report.queries]
    with worker.database.begin() as uow:
        assert uow.leases.list_held(fingerprints) == set()
