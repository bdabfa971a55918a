"""What the warehouse promises, held against the emulator and against a hand-written fake of Google's client."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from google.cloud.bigquery import QueryJob
from sqlalchemy import text

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.alone.postgres import RunningPostgres
from shared.container import Container
from shared.database.repositories.cost_report import CostGrouping
from shared.database.unit_of_work import Database
from shared.errors import (
    AlmanacError,
    BudgetExceededError,
    BytesLimitExceededError,
    ErrorCode,
    InternalError,
    SqlInvalidError,
    WarehouseTimeoutError,
)
from shared.settings import PricingModel, Settings
from shared.warehouse.bigquery.jobs import bill_of
from shared.warehouse.models.bill import Accuracy, Bill, RefreshBudget
from shared.warehouse.models.queries import QueryOutcome, QueryRequest
from shared.warehouse.spending.costs import CostSearch
from shared.warehouse.spending.pricing import bound_billing, expect_billing
from tests.fixtures.containers import restart_with
from tests.fixtures.warehouse import ROW_COUNT, ROWS, SCHEMA
from tests.warehouse.fake_bigquery import NOW, FakeClient, FakeClients, FakeTable
from tests.warehouse.test_queries import make_request, run_one

BILLED = 10 * 2**20


@dataclass
class Warehouse:
    """A container on one of the two, and how many jobs BigQuery executed so far."""

    container: Container
    fake: FakeClient | None
    bigquery: BigQueryServer | None

    def count_jobs(self) -> int:
        if self.bigquery is not None:
            return self.bigquery.count_jobs()
        assert self.fake is not None
        return sum(not job.cache_hit and job.failure is None for job in self.fake.jobs.values())


@pytest.fixture(params=["emulator", "google", "fake"])
def warehouse(servers: None, request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    if request.param != "fake":
        name = {"emulator": "container", "google": "at_google"}[request.param]
        container = request.getfixturevalue(name)
        yield Warehouse(container, None, request.getfixturevalue("bigquery"))
        return
    yield from make_fake(request.getfixturevalue("postgres_server"), request.getfixturevalue("database"))


@pytest.fixture
def faked(postgres_server: RunningPostgres, database: Database) -> Iterator[Warehouse]:
    yield from make_fake(postgres_server, database)


def make_fake(postgres_server: RunningPostgres, database: Database) -> Iterator[Warehouse]:
    rows = pa.table({"id": [row["id"] for row in ROWS], "name": [row["name"] for row in ROWS]})
    client = FakeClient({"shop.people": FakeTable(SCHEMA[:2], rows, ROW_COUNT * 8)})
    settings: Settings = postgres_server.settings(google_cloud_project="local", allowed_datasets=["shop"])
    container = Container(settings)
    vars(container)["warehouse_clients"] = FakeClients(client, settings)
    yield Warehouse(container, client, None)
    container.database.dispose()


def read_user(container: Container) -> tuple[int, int]:
    """Bytes reserved and billed of the caller's budget."""
    state = container.budgets.read_states("ana@example.com", None, None)[0]
    return state.bytes_reserved, state.bytes_billed


def read_column(container: Container, statement: str) -> list[object]:
    with container.database.engine.connect() as connection:
        return list(connection.scalars(text(statement)))


def read_saved(container: Container) -> int:
    """What the cost report says the caller's jobs saved."""
    search = CostSearch([CostGrouping.USER], None, None, 1, 50)
    return container.costs.read_report(
        search, actor="ana@example.com", sees_everyone=False
    ).costs.totals.bytes_saved


def find_error(container: Container, request: QueryRequest) -> AlmanacError:
    answer = container.warehouse.run_queries([request])[0]
    assert isinstance(answer, AlmanacError)
    return answer


def test_a_query_is_charged_what_was_billed(warehouse: Warehouse) -> None:
    before = warehouse.count_jobs()
    outcome = run_one(
        warehouse.container, make_request("SELECT id, name FROM people WHERE id != -1", max_rows=7)
    )
    assert (outcome.result.table.num_rows, outcome.result.total_rows) == (7, ROW_COUNT)
    assert outcome.receipt.bytes_billed == BILLED
    assert str(outcome.receipt.usd_billed) == "0.000060"
    assert [str(table) for table in outcome.referenced_tables] == ["local.shop.people"]
    assert warehouse.count_jobs() == before + 1
    assert read_user(warehouse.container) == (0, BILLED)


def test_the_cache_of_bigquery_charges_nothing(warehouse: Warehouse) -> None:
    request = make_request("SELECT id, name FROM people WHERE id != -2")
    run_one(warehouse.container, request)
    again = run_one(warehouse.container, request).receipt
    assert (again.cache_hit, again.bytes_billed, again.bytes_saved) == (True, 0, BILLED)
    assert read_saved(warehouse.container) == BILLED
    assert read_user(warehouse.container) == (0, BILLED)


def test_a_second_worker_attaches_and_is_not_charged(warehouse: Warehouse) -> None:
    request = make_request("SELECT id, name FROM people WHERE id != -3", fingerprint="5e" * 32, attempt=1)
    before = warehouse.count_jobs()
    first, second = (run_one(warehouse.container, request) for _ in range(2))
    assert (first.attached, second.attached) == (False, True)
    assert second.receipt.bytes_billed == 0
    assert second.receipt.bytes_saved == BILLED
    assert read_saved(warehouse.container) == BILLED
    assert warehouse.count_jobs() == before + 1
    assert read_user(warehouse.container) == (0, BILLED)


def test_a_job_older_than_what_the_request_knows_is_passed_by(warehouse: Warehouse) -> None:
    container = warehouse.container
    request = make_request("SELECT id, name FROM people WHERE id != -13", fingerprint="5f" * 32, attempt=1)
    first = run_one(container, request)
    assert first.job.created_at is not None
    later = run_one(container, replace(request, newer_than=first.job.created_at))
    assert not later.attached
    assert later.job.job_id.endswith("_2")
    with container.database.begin() as uow:
        assert uow.query_runs.find_last_attempts(["5f" * 32]) == {"5f" * 32: 2}
    # Who charges a reservation that its worker left finds the job that was started for it.
    for outcome in (first, later):
        job = container.warehouse_clients.rest.get_job(outcome.job.job_id)
        held = read_column(container, f"SELECT id FROM cost_reservations WHERE job_id = '{job.job_id}'")
        assert held == [UUID(job.labels["reservation"])]


def test_a_job_that_failed_before_is_passed_by(faked: Warehouse) -> None:
    assert faked.fake is not None
    request = make_request("SELECT id, name FROM people WHERE id != -14", fingerprint="4f" * 32, attempt=1)
    run_one(faked.container, request)
    (job,) = faked.fake.jobs.values()
    job.failure = RuntimeError("Job execution was cancelled")
    assert run_one(faked.container, request).job.job_id.endswith("_2")


def test_a_job_whose_result_is_no_longer_kept_is_passed_by(faked: Warehouse) -> None:
    """BigQuery keeps a result for about 24 hours; to attach to an older job is to read nothing."""
    assert faked.fake is not None
    request = make_request("SELECT id, name FROM people WHERE id != -16", fingerprint="2f" * 32, attempt=1)
    run_one(faked.container, request)
    (job,) = faked.fake.jobs.values()
    job.ended = datetime.now(UTC) - timedelta(hours=22)
    assert run_one(faked.container, request).attached
    job.ended = datetime.now(UTC) - timedelta(hours=24)
    later = run_one(faked.container, request)
    assert (later.attached, later.job.job_id[-2:]) == (False, "_2")
    assert later.result.total_rows == ROW_COUNT


def test_a_database_younger_than_its_projects_jobs_passes_them_in_a_few_calls(faked: Warehouse) -> None:
    assert faked.fake is not None
    container = faked.container
    request = make_request("SELECT id, name FROM people WHERE id != -15", fingerprint="3f" * 32, attempt=1)
    outcome = run_one(container, request)
    ours = faked.fake.jobs[outcome.job.job_id]
    stem = outcome.job.job_id.rpartition("_")[0]
    faked.fake.jobs.update({f"{stem}_{number}": replace(ours, labels={}) for number in range(1, 301)})
    found = run_one(container, replace(request, newer_than=NOW + timedelta(days=1)))
    assert not found.attached
    number = int(found.job.job_id.rpartition("_")[2])
    assert 300 < number <= 600
    assert faked.fake.insert_count <= 12
    with container.database.begin() as uow:
        assert uow.query_runs.find_last_attempts(["3f" * 32]) == {"3f" * 32: number}


def fail_unexpectedly() -> bool:
    raise KeyError("a defect")


def test_a_defect_ends_one_query_and_leaves_nothing_held(faked: Warehouse) -> None:
    assert faked.fake is not None
    container, refresh = restart_with(faked.container, warehouse_parallelism=1), RefreshBudget(100 * BILLED)
    faked.fake.make_ends = iter([fail_unexpectedly, lambda: True]).__next__
    requests = [
        make_request(f"SELECT id, name FROM people WHERE id != -{number}", refresh_budget=refresh)
        for number in (16, 17)
    ]
    answers = dict(
        one for one in container.warehouse.iterate_queries(requests, tick_seconds=1) if one is not None
    )
    assert isinstance(answers[0], InternalError)
    assert isinstance(answers[1], QueryOutcome)
    assert faked.fake.cancelled == [next(iter(faked.fake.jobs))]
    assert read_user(container)[0] == 0
    refresh.take(100 * BILLED - 2 * BILLED, timeout_seconds=0)
    assert read_column(container, "SELECT status FROM query_runs ORDER BY started_at") == [
        "failed",
        "succeeded",
    ]


def test_a_start_that_fails_for_no_known_reason_counts_as_billed_until_bigquery_is_asked(
    faked: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, refresh = faked.container, RefreshBudget(10 * BILLED)

    client = container.warehouse_clients.rest
    plan = client.query

    def fail(sql: str, job_config: Any, **_: object) -> object:
        return plan(sql, job_config) if job_config.dry_run else fail_unexpectedly()

    monkeypatch.setattr(client, "query", fail)
    monkeypatch.setattr(client, "cancel_job", lambda *_, **__: fail_unexpectedly())
    request = make_request("SELECT id, name FROM people WHERE id != -18", refresh_budget=refresh)
    assert isinstance(find_error(container, request), InternalError)
    assert read_user(container)[0] > 0
    with pytest.raises(BudgetExceededError):
        refresh.take(9 * BILLED, timeout_seconds=0)
    refresh.take(7 * BILLED, timeout_seconds=0)
    assert read_column(container, "SELECT status FROM query_runs") == ["failed"]


def test_a_cap_below_the_minimum_of_a_table_charges_nothing(warehouse: Warehouse) -> None:
    error = find_error(
        warehouse.container,
        make_request("SELECT id, name FROM people WHERE id != -4", max_bytes_billed=1_000_000),
    )
    assert isinstance(error, BytesLimitExceededError)
    assert error.details == [{"cap_bytes": 1_000_000, "required_bytes": BILLED}]
    assert read_user(warehouse.container) == (0, 0)


def test_a_cap_below_the_estimate_starts_nothing(warehouse: Warehouse) -> None:
    before = warehouse.count_jobs()
    error = find_error(warehouse.container, make_request("SELECT id FROM people", max_bytes_billed=10))
    assert error.code is ErrorCode.BYTES_LIMIT_EXCEEDED
    assert warehouse.count_jobs() == before


def test_a_budget_without_room_starts_nothing(warehouse: Warehouse) -> None:
    container = restart_with(warehouse.container, max_bytes_per_user_day=BILLED - 1)
    before = warehouse.count_jobs()
    error = find_error(container, make_request("SELECT id FROM people"))
    assert isinstance(error, BudgetExceededError)
    assert warehouse.count_jobs() == before


def test_a_table_that_is_not_there_is_an_error_of_the_sql(warehouse: Warehouse) -> None:
    assert isinstance(
        find_error(warehouse.container, make_request("SELECT 1 AS a FROM gone")), SqlInvalidError
    )


def test_a_lost_reservation_is_charged_to_who_started_the_job(warehouse: Warehouse) -> None:
    container = warehouse.container
    request = make_request("SELECT id, name FROM people WHERE id != -5", fingerprint="6e" * 32, attempt=1)
    outcome = run_one(container, request)
    find = container.job_runner.find_bill
    job = container.warehouse_clients.rest.get_job(outcome.job.job_id)
    assert find(outcome.job.job_id, UUID(job.labels["reservation"])) == Bill(BILLED)
    assert find(outcome.job.job_id, uuid4()) == Bill(0)
    assert find("almanac_never_started", uuid4()) == Bill(0)


def test_every_job_says_what_caused_it(warehouse: Warehouse) -> None:
    request = make_request(
        "SELECT id, name FROM people WHERE id != -6",
        slug="sales",
        query_name="Daily totals",
        fingerprint="7e" * 32,
    )
    outcome = run_one(warehouse.container, request)
    labels = warehouse.container.warehouse_clients.rest.get_job(outcome.job.job_id).labels
    assert labels["app"] == "almanac"
    assert (labels["slug"], labels["query"], labels["env"], labels["purpose"]) == (
        "sales", "daily_totals", warehouse.container.settings.environment.value, "sql_run",
    )  # fmt: skip
    assert not any("ana@" in value or "example" in value for value in labels.values())
    assert set(labels) == {"app", "env", "purpose", "user", "trace", "reservation", "slug", "query"}


class TestWhatTheEmulatorCannotShow:
    def test_a_job_that_never_ends_is_cancelled_at_its_deadline(self, faked: Warehouse) -> None:
        assert faked.fake is not None
        container = restart_with(faked.container, warehouse_timeout_seconds=0.3)
        faked.fake.make_ends = lambda: lambda: False
        error = find_error(container, make_request("SELECT id FROM people"))
        assert isinstance(error, WarehouseTimeoutError)
        assert faked.fake.cancelled == list(faked.fake.jobs)
        assert read_user(faked.container) == (0, BILLED)

    def test_an_attached_job_is_not_cancelled_under_its_owner(self, faked: Warehouse) -> None:
        assert faked.fake is not None
        request = make_request("SELECT id FROM people", fingerprint="8e" * 32, attempt=1)
        run_one(faked.container, request)
        job = next(iter(faked.fake.jobs.values()))
        job.is_done, job.ends = False, lambda: False
        container = restart_with(faked.container, warehouse_timeout_seconds=0.3)
        assert isinstance(find_error(container, request), WarehouseTimeoutError)
        assert faked.fake.cancelled == []
        assert read_user(faked.container) == (0, BILLED)

    def test_a_lost_job_that_still_runs_is_cancelled_and_settled_later(self, faked: Warehouse) -> None:
        assert faked.fake is not None
        outcome = run_one(faked.container, make_request("SELECT id FROM people"))
        job = faked.fake.jobs[outcome.job.job_id]
        job.is_done, job.ends = False, lambda: False
        find = faked.container.job_runner.find_bill
        owner = UUID(job.labels["reservation"])
        assert find(job.job_id, owner) is None
        assert faked.fake.cancelled == [job.job_id]
        job.done()
        assert find(job.job_id, owner) == Bill(BILLED)

    def test_a_wildcard_may_bill_up_to_its_cap_and_never_more(self, faked: Warehouse) -> None:
        assert bound_billing(500 * BILLED, 10, 1, uses_wildcard=True) == 500 * BILLED
        assert bound_billing(500 * BILLED, 0, 1, uses_wildcard=False) == 11 * 2**20
        assert bound_billing(5, 10, 1, uses_wildcard=False) == 5


@pytest.mark.parametrize(
    ("estimated", "tables", "billed"),
    [
        (0, 1, 0),
        (1, 1, BILLED),
        (BILLED, 1, BILLED),
        (BILLED + 1, 1, BILLED + 2**20),
        (1, 3, 3 * BILLED),
        (1, 0, BILLED),
    ],
)
def test_what_is_billed_is_rounded_up_with_a_minimum_for_each_table(
    estimated: int, tables: int, billed: int
) -> None:
    assert expect_billing(estimated, tables) == billed


def test_a_query_of_no_table_reserves_nothing_and_one_that_reads_no_column_its_margin() -> None:
    assert bound_billing(10**9, 0, 0, uses_wildcard=False) == 0
    assert bound_billing(10**9, 0, 1, uses_wildcard=False) == 11 * 2**20
    assert bound_billing(10**9, 0, 0, uses_wildcard=True) == 10**9


@pytest.mark.parametrize(
    ("estimated", "accuracy"),
    [(None, Accuracy.UNKNOWN), (10, Accuracy.LOWER_BOUND), (0, Accuracy.LOWER_BOUND)],
)
def test_an_estimate_that_is_no_bound_reserves_the_whole_cap(
    estimated: int | None, accuracy: Accuracy
) -> None:
    assert bound_billing(10**9, estimated, 1, uses_wildcard=False, accuracy=accuracy) == 10**9


def test_an_upper_bound_reserves_what_it_may_come_to() -> None:
    reserved = bound_billing(10**9, 10, 1, uses_wildcard=False, accuracy=Accuracy.UPPER_BOUND)
    assert reserved == bound_billing(10**9, 10, 1, uses_wildcard=False)


def test_with_slots_the_receipt_tells_slot_milliseconds_and_claims_no_dollars(faked: Warehouse) -> None:
    slots = Container(copy.replace(faked.container.settings, pricing_model=PricingModel.SLOTS))
    vars(slots)["warehouse_clients"] = faked.container.warehouse_clients
    receipt = run_one(slots, make_request("SELECT id FROM people")).receipt
    assert (receipt.bytes_billed, receipt.slot_millis) == (BILLED, 5)
    assert {receipt.usd_estimated, receipt.usd_billed, receipt.usd_saved} == {None}
    slots.database.dispose()


def test_a_cancelled_job_that_tells_no_bytes_is_charged_in_full_and_a_failed_one_nothing(
    faked: Warehouse,
) -> None:
    assert faked.fake is not None
    outcome = run_one(faked.container, make_request("SELECT id FROM people"))
    job = faked.fake.jobs[outcome.job.job_id]
    for reason, bill in (("stopped", Bill(None)), ("invalidQuery", Bill(0)), ("resourcesExceeded", Bill(0))):
        told = cast("QueryJob", SimpleNamespace(total_bytes_billed=None, error_result={"reason": reason}))
        assert bill_of(told) == bill
    assert bill_of(cast("QueryJob", job)) == Bill(BILLED)
