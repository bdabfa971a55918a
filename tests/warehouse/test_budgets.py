"""Reservations on a real PostgreSQL: what fits, what does not, and what comes back."""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from deploy.local.alone.postgres import RunningPostgres
from shared.database.models.costs import CostScope
from shared.database.models.runs import QueryRun, RunPurpose, RunStatus
from shared.database.unit_of_work import Database
from shared.errors import BudgetExceededError, WarehouseUnavailableError
from shared.settings import Settings
from shared.warehouse.models.bill import Bill, RefreshBudget
from shared.warehouse.models.queries import QueryRequest
from shared.warehouse.spending.budgets import BudgetService

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
REQUEST = QueryRequest("SELECT 1", actor="ana@example.com", slug="sales")


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(postgres_server: RunningPostgres) -> Settings:
    return postgres_server.settings(
        max_bytes_per_user_day=100,
        max_bytes_per_dashboard_day=1000,
        max_bytes_per_environment_day=10_000,
        warehouse_timeout_seconds=60,
        reservation_grace_seconds=30,
        database_pool_size=12,
    )


type Billed = Callable[[str, UUID], Bill | None]


def make_service(
    database: Database, limits: Settings, clock: Clock, billed: Billed = lambda _job, _id: Bill(0)
) -> BudgetService:
    return BudgetService(database, limits, clock, billed, lambda _actor: None)


@pytest.fixture
def budgets(database: Database, limits: Settings, clock: Clock) -> BudgetService:
    return make_service(database, limits, clock)


def read(budgets: BudgetService, request: QueryRequest = REQUEST) -> dict[str, tuple[int, int]]:
    """Bytes reserved and billed per scope."""
    states = budgets.read_states(request.actor, request.slug, None)
    return {state.line.scope.value: (state.bytes_reserved, state.bytes_billed) for state in states}


class TestReserving:
    def test_every_scope_takes_the_bytes(self, budgets: BudgetService) -> None:
        budgets.reserve(REQUEST, 30, "job")
        assert read(budgets) == {"user": (30, 0), "dashboard": (30, 0), "environment": (30, 0)}

    def test_settling_replaces_them_by_what_was_billed(self, budgets: BudgetService) -> None:
        reservation = budgets.reserve(REQUEST, 30, "job")
        budgets.settle(reservation, Bill(12))
        budgets.settle(reservation, Bill(12))
        assert read(budgets) == {"user": (0, 12), "dashboard": (0, 12), "environment": (0, 12)}

    @pytest.mark.parametrize(
        ("changes", "scope", "limit"),
        [
            ({}, "user", 100),
            ({"max_bytes_per_user_day": 10_000}, "dashboard", 1000),
            ({"max_bytes_per_user_day": 10**6, "max_bytes_per_dashboard_day": 10**6}, "environment", 10_000),
        ],
    )
    def test_each_scope_refuses_on_its_own_and_the_others_give_back_what_they_took(
        self,
        database: Database,
        limits: Settings,
        clock: Clock,
        changes: dict[str, int],
        scope: str,
        limit: int,
    ) -> None:
        budgets = make_service(database, copy.replace(limits, **changes), clock)
        budgets.settle(budgets.reserve(REQUEST, limit - 5, "first"), Bill(limit - 10))
        held = budgets.reserve(REQUEST, 4, "second")
        before = read(budgets)
        with pytest.raises(
            BudgetExceededError, match=f"the {scope} budget of .* has 6 of {limit} left"
        ) as caught:
            budgets.reserve(REQUEST, 7, "third")
        assert read(budgets) == before
        refused = [line for line in caught.value.details if line["refused"]]
        assert [line["scope"] for line in refused] == [scope]
        assert refused[0] == {
            "scope": scope, "key": refused[0]["key"], "limit_bytes": limit, "used_bytes": limit - 10,
            "reserved_bytes": 4, "remaining_bytes": 6, "needed_bytes": 7, "refused": True,
            "resets_at": "2026-03-04T00:00:00+00:00", "time_zone": "UTC",
        }  # fmt: skip
        assert caught.value.retry_after_seconds == 12 * 3600
        budgets.settle(held, Bill(0))
        budgets.reserve(REQUEST, 7, "fourth")

    def test_a_dashboard_may_ask_for_less_and_not_for_more(self, budgets: BudgetService) -> None:
        for own, limit in ((50, 50), (5000, 1000)):
            lines = budgets.list_lines("ana@example.com", "sales", own)
            assert {line.scope: line.limit_bytes for line in lines}[CostScope.DASHBOARD] == limit

    def test_a_query_larger_than_the_whole_budget_is_refused(self, budgets: BudgetService) -> None:
        with pytest.raises(BudgetExceededError):
            budgets.reserve(REQUEST, 101, "job")
        assert set(read(budgets).values()) == {(0, 0)}

    def test_a_new_day_of_the_time_zone_is_a_new_budget(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        zoned = copy.replace(limits, budget_time_zone="Asia/Tokyo")
        budgets = make_service(database, zoned, clock)
        clock.now = datetime(2026, 3, 3, 14, 59, tzinfo=UTC)  # a minute before midnight in Tokyo
        budgets.settle(budgets.reserve(REQUEST, 100, "job"), Bill(100))
        with pytest.raises(BudgetExceededError) as caught:
            budgets.reserve(REQUEST, 1, "job")
        assert caught.value.retry_after_seconds == 60
        assert caught.value.details[0]["resets_at"] == "2026-03-04T00:00:00+09:00"
        clock.now += timedelta(minutes=1)
        budgets.reserve(REQUEST, 100, "job")

    def test_a_job_that_ends_after_midnight_counts_for_the_day_it_was_reserved_on(
        self, budgets: BudgetService, clock: Clock
    ) -> None:
        clock.now = datetime(2026, 3, 3, 23, 59, 59, tzinfo=UTC)
        reservation = budgets.reserve(REQUEST, 60, "job")
        clock.now += timedelta(seconds=2)
        budgets.settle(reservation, Bill(50))
        assert read(budgets)["user"] == (0, 0)
        clock.now -= timedelta(seconds=2)
        assert read(budgets)["user"] == (0, 50)

    def test_fifty_at_once_against_room_for_ten_admit_exactly_ten(self, budgets: BudgetService) -> None:
        start = threading.Barrier(10)

        def attempt(number: int) -> bool:
            if number < 10:
                start.wait(20)
            try:
                budgets.reserve(replace(REQUEST, slug=f"sales-{number % 3}"), 10, f"job {number}")
            except BudgetExceededError:
                return False
            return True

        with ThreadPoolExecutor(10) as pool:
            admitted = sum(pool.map(attempt, range(50)))
        assert admitted == 10
        assert read(budgets)["user"] == (100, 0)
        assert read(budgets)["environment"] == (100, 0)


class TestExpiry:
    def test_what_nobody_settles_is_settled_with_what_bigquery_says(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        asked: list[tuple[str, UUID]] = []

        def find(job_id: str, reservation_id: UUID) -> Bill:
            asked.append((job_id, reservation_id))
            return Bill(40)

        budgets = make_service(database, limits, clock, find)
        reservation = budgets.reserve(REQUEST, 100, "lost")
        clock.now += timedelta(seconds=89)
        with pytest.raises(BudgetExceededError):
            budgets.reserve(REQUEST, 60, "next")
        clock.now += timedelta(seconds=2)  # deadline of 60 s and grace of 30 s
        budgets.reserve(REQUEST, 60, "next")
        assert asked == [("lost", reservation.id)]
        assert read(budgets)["user"] == (60, 40)

    def test_the_owner_who_comes_late_changes_nothing(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        budgets = make_service(database, limits, clock, lambda _job, _id: Bill(40))
        reservation = budgets.reserve(REQUEST, 100, "slow")
        assert not budgets.has_expired(reservation)
        clock.now += timedelta(seconds=91)
        assert budgets.has_expired(reservation)
        assert budgets.release_expired() == 1
        budgets.settle(reservation, Bill(40))
        assert read(budgets)["user"] == (0, 40)

    def test_while_bigquery_cannot_say_the_bytes_stay_reserved_and_are_asked_for_again(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        answers: list[Bill | None] = [None, None, Bill(7)]
        budgets = make_service(database, limits, clock, lambda _job, _id: answers.pop(0))
        budgets.reserve(REQUEST, 100, "lost")
        clock.now += timedelta(seconds=91)
        assert budgets.release_expired() == 0
        assert budgets.release_expired() == 0  # claimed a moment ago: not asked again at once
        assert len(answers) == 2
        for left in (1, 0):
            assert read(budgets)["user"] == (100, 0)
            clock.now += timedelta(seconds=31)
            budgets.release_expired()
            assert len(answers) == left
        assert read(budgets)["user"] == (0, 7)

    def test_a_job_nobody_can_say_anything_of_holds_up_no_other(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        budgets = make_service(
            database, limits, clock, lambda job, _id: {"unreadable": None, "lost": Bill(7)}[job]
        )
        for job_id in ("unreadable", "lost"):
            budgets.reserve(REQUEST, 40, job_id)
        clock.now += timedelta(seconds=91)
        assert budgets.release_expired() == 1
        assert read(budgets)["user"] == (40, 7)

    def test_while_bigquery_is_down_it_is_asked_once(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        asked: list[str] = []

        def find(job_id: str, _reservation: UUID) -> int:
            asked.append(job_id)
            raise WarehouseUnavailableError("BigQuery cannot be reached.")

        budgets = make_service(database, limits, clock, find)
        for job_id in ("first", "second"):
            budgets.reserve(REQUEST, 40, job_id)
        clock.now += timedelta(seconds=91)
        assert budgets.release_expired() == 0
        assert len(asked) == 1
        assert read(budgets)["user"] == (80, 0)

    def test_two_workers_ask_for_a_lost_job_once(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        asked: list[str] = []
        second: list[int] = []

        def find(job_id: str, _reservation: UUID) -> int:
            asked.append(job_id)
            second.append(make_service(database, limits, clock, find).release_expired())
            return Bill(9)

        budgets = make_service(database, limits, clock, find)
        budgets.reserve(REQUEST, 100, "lost")
        clock.now += timedelta(seconds=91)
        assert budgets.release_expired() == 1
        assert (asked, second) == (["lost"], [0])
        assert read(budgets)["user"] == (0, 9)

    def test_the_run_of_a_lost_job_ends_so_that_the_next_attempt_is_a_new_job(
        self, database: Database, limits: Settings, clock: Clock
    ) -> None:
        budgets = make_service(database, limits, clock, lambda _job, _id: Bill(9))
        job_id = f"almanac_local_{'ab' * 20}_3"
        budgets.reserve(REQUEST, 100, job_id)
        with database.begin() as uow:
            uow.query_runs.create_many(
                [
                    QueryRun(
                        fingerprint="ab" * 32, job_id=job_id, status=RunStatus.RUNNING,
                        purpose=RunPurpose.PRECOMPUTE, actor="ana@example.com", started_at=clock.now,
                    )
                ]
            )  # fmt: skip
            assert uow.query_runs.find_last_attempts(["ab" * 32]) == {}
        clock.now += timedelta(seconds=91)
        budgets.release_expired()
        with database.begin() as uow:
            assert uow.query_runs.find_last_attempts(["ab" * 32]) == {"ab" * 32: 3}


class TestRefreshBudget:
    def test_failure_counts_what_it_billed(self, budgets: BudgetService) -> None:
        refresh = RefreshBudget(50)
        request = replace(REQUEST, refresh_budget=refresh)
        budgets.settle(budgets.reserve(request, 40, "job"), Bill(30))
        with pytest.raises(BudgetExceededError) as caught:
            budgets.reserve(request, 21, "job")
        detail = caught.value.details[0]
        assert (detail["scope"], detail["used_bytes"], detail["remaining_bytes"]) == ("refresh", 30, 20)
        budgets.reserve(request, 20, "job")

    def test_what_nobody_knows_counts_in_full(self, budgets: BudgetService) -> None:
        refresh = RefreshBudget(50)
        request = replace(REQUEST, refresh_budget=refresh)
        budgets.settle(budgets.reserve(request, 40, "job"), None)
        with pytest.raises(BudgetExceededError, match="has 10 of 50 left"):
            budgets.reserve(request, 11, "job")

    def test_a_day_without_room_gives_the_refresh_its_bytes_back(self, budgets: BudgetService) -> None:
        refresh = RefreshBudget(200)
        request = replace(REQUEST, refresh_budget=refresh)
        with pytest.raises(BudgetExceededError, match="user budget"):
            budgets.reserve(request, 150, "job")
        refresh.take(200, 0)

    def test_jobs_side_by_side_wait_for_what_the_others_do_not_bill(self) -> None:
        refresh = RefreshBudget(100)
        refresh.take(80, 0)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(refresh.take, 80, 20)
            refresh.settle(80, 10)
            waiting.result(20)
        with pytest.raises(BudgetExceededError):
            refresh.take(11, 0.05)

    def test_what_can_never_fit_does_not_wait(self) -> None:
        refresh = RefreshBudget(100)
        refresh.take(10, 0)
        with pytest.raises(BudgetExceededError):
            refresh.take(101, 3600)
