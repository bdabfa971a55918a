"""What was billed by whom, and what is left."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from shared.container import Container
from shared.database.models.costs import CostReservation
from shared.database.models.runs import QueryRun, RunPurpose, RunStatus
from shared.database.repositories.cost_report import CostGrouping, CostLine, CostSums
from shared.errors import ForbiddenError, InvalidRequestError
from shared.warehouse.spending.costs import CostReport, CostSearch
from tests.fixtures.containers import restart_with

MIB = 2**20
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def spent(container: Container) -> Container:
    """Two days of three users and two dashboards; it is Tuesday noon."""
    container = restart_with(container, max_bytes_per_user_day=100 * MIB)
    container.budgets._clock = lambda: NOON
    charges = [
        ("ana@example.com", "sales", MONDAY, 40),
        ("ana@example.com", "sales", TUESDAY, 10),
        ("ben@example.com", "stock", TUESDAY, 70),
        ("eve@example.com", None, TUESDAY, 20),
    ]
    with container.database.begin() as uow:
        for actor, slug, day, mib in charges:
            row = CostReservation(
                id=uuid4(), created_at=NOON, expires_at=NOON + timedelta(days=1), bytes_reserved=mib * MIB, actor=actor,
                slug=slug, day=day,
            )  # fmt: skip
            lines = container.budgets.list_lines(actor, slug, None)
            uow.reservations.reserve(row, lines)
            uow.reservations.settle(row.id, mib * MIB, lines, NOON)
            uow.query_runs.create_many([make_run(actor, slug, day)])
        uow.query_runs.create_many([make_run("ana@example.com", "sales", TUESDAY, cache_hit=True)])
    return container


def make_run(actor: str, slug: str | None, day: date, *, cache_hit: bool = False) -> QueryRun:
    moment = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
    return QueryRun(
        id=uuid4(), slug=slug, fingerprint="ab" * 32, status=RunStatus.SUCCEEDED, purpose=RunPurpose.SQL_RUN,
        actor=actor, bytes_estimated=7 * MIB, cache_hit=cache_hit, started_at=moment, finished_at=moment,
    )  # fmt: skip


def read(
    container: Container, by: str, *, actor: str = "ana@example.com", everyone: bool = True, **changes: object
) -> CostReport:
    search = {"first_day": MONDAY, "last_day": TUESDAY, "page": 1, "page_size": 50, **changes}
    return container.costs.read_report(
        CostSearch([CostGrouping(one) for one in by.split(",")], **search),
        actor=actor,
        sees_everyone=everyone,
    )


def join(line: CostLine) -> str:
    """The values a line stands for."""
    return " ".join(map(str, line.values.values()))


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        ("user", [("ben@example.com", 70, 1), ("ana@example.com", 50, 3), ("eve@example.com", 20, 1)]),
        ("dashboard", [("stock", 70, 1), ("sales", 50, 3), (None, 20, 1)]),
        ("day", [("2026-03-02", 40, 1), ("2026-03-03", 100, 4)]),
        ("environment", [("local", 140, 5)]),
        (
            "day,user",
            [
                ("2026-03-02 ana@example.com", 40, 1),
                ("2026-03-03 ben@example.com", 70, 1),
                ("2026-03-03 eve@example.com", 20, 1),
                ("2026-03-03 ana@example.com", 10, 2),
            ],
        ),
        (
            "user,dashboard",
            [
                ("ben@example.com stock", 70, 1),
                ("ana@example.com sales", 50, 3),
                ("eve@example.com None", 20, 1),
            ],
        ),
    ],
)
def test_lines_add_up_by_what_was_asked(
    spent: Container, by: str, lines: list[tuple[str | None, int, int]]
) -> None:
    costs = read(spent, by).costs
    found = [(join(x), x.sums.bytes_billed // MIB, x.sums.queries) for x in costs.lines]
    assert found == [(str(key), mib, queries) for key, mib, queries in lines]
    assert costs.totals.bytes_billed == sum(mib for _, mib, _ in lines) * MIB
    assert costs.totals.queries == sum(queries for _, _, queries in lines)


def test_what_the_cache_of_bigquery_answered_is_saved(spent: Container) -> None:
    sales = read(spent, "dashboard").costs.lines[1]
    assert (sales.sums.cache_hits, sales.sums.bytes_saved) == (1, 7 * MIB)


def test_only_the_days_asked_for_count(spent: Container) -> None:
    monday = read(spent, "user", first_day=MONDAY, last_day=MONDAY).costs
    assert [(join(line), line.sums.bytes_billed) for line in monday.lines] == [("ana@example.com", 40 * MIB)]


def test_a_day_is_one_of_the_time_zone_of_the_budget(spent: Container) -> None:
    for zone, queries in (
        ("Pacific/Kiritimati", [1, 4]),  # nine in the morning UTC is 23:00 there
        ("Etc/GMT+12", [4, 0]),  # and 21:00 of the day before here
    ):
        there = restart_with(spent, budget_time_zone=zone)
        there.budgets._clock = lambda: NOON
        assert [line.sums.queries for line in read(there, "day").costs.lines] == queries


def test_totals_cover_every_page_also_beyond_the_last(spent: Container) -> None:
    second = read(spent, "user", page=2, page_size=1).costs
    assert [join(line) for line in second.lines] == ["ana@example.com"]
    beyond = read(spent, "user", page=9, page_size=1).costs
    assert (beyond.lines, beyond.total, beyond.totals) == ((), 3, second.totals)


def test_without_anything_spent_there_are_zeros(container: Container) -> None:
    costs = read(container, "user").costs
    assert (costs.lines, costs.totals, costs.total) == ((), CostSums(), 0)


def test_who_is_no_administrator_sees_no_other_user(spent: Container) -> None:
    report = read(spent, "user", actor="eve@example.com", everyone=False)
    assert [join(line) for line in report.costs.lines] == ["eve@example.com"]
    assert report.costs.totals.bytes_billed == 20 * MIB
    assert [b["key"] for b in report.budgets if b["scope"] == "user"] == ["eve@example.com"]
    assert {join(line) for line in read(spent, "dashboard", everyone=False).costs.lines} == {
        "sales",
        "stock",
        "None",
    }


def test_an_administrator_sees_what_is_left_of_every_budget_touched_today(spent: Container) -> None:
    left = {
        (budget["scope"], budget["key"]): budget["remaining_bytes"] for budget in read(spent, "day").budgets
    }
    settings = spent.settings
    assert left == {
        ("environment", "local"): settings.max_bytes_per_environment_day - 100 * MIB,
        ("user", "ana@example.com"): 90 * MIB,
        ("user", "ben@example.com"): 30 * MIB,
        ("user", "eve@example.com"): 80 * MIB,
        ("dashboard", "sales"): settings.max_bytes_per_dashboard_day - 10 * MIB,
        ("dashboard", "stock"): settings.max_bytes_per_dashboard_day - 70 * MIB,
    }


def test_a_budget_resets_at_midnight_of_its_own_time_zone(spent: Container) -> None:
    spent = restart_with(spent, budget_time_zone="America/New_York")
    spent.budgets._clock = lambda: datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert {budget["resets_at"] for budget in read(spent, "day").budgets} == {"2026-03-08T00:00:00-05:00"}
    spent.budgets._clock = lambda: datetime(2026, 3, 8, 12, tzinfo=UTC)  # clocks went forward that morning
    assert {budget["resets_at"] for budget in read(spent, "day").budgets} == {"2026-03-09T00:00:00-04:00"}


@pytest.mark.parametrize(
    ("first", "last"), [(TUESDAY, MONDAY), (date(2020, 1, 1), TUESDAY), (MONDAY, date(9999, 12, 31))]
)
def test_days_that_make_no_range_are_refused(spent: Container, first: date, last: date) -> None:
    with pytest.raises(InvalidRequestError, match="no range"):
        read(spent, "day", first_day=first, last_day=last)


def test_without_days_it_is_the_last_thirty(spent: Container) -> None:
    search = read(spent, "day", first_day=None, last_day=None).search
    assert (search.first_day, search.last_day) == (date(2026, 2, 2), TUESDAY)


def test_every_grouping_adds_up_to_the_same(spent: Container) -> None:
    totals = {
        by: read(spent, by).costs.totals for by in ("user", "dashboard", "day", "environment", "user,day")
    }
    assert set(totals.values()) == {totals["environment"]}
    assert totals["environment"].bytes_billed == 140 * MIB


@pytest.mark.parametrize(
    ("chosen", "mib", "queries"),
    [
        ({"user": "ana@example.com"}, 50, 3),
        ({"slug": "stock"}, 70, 1),
        ({"user": "ana@example.com", "slug": "stock"}, 0, 0),
    ],
)
def test_a_user_and_a_dashboard_can_be_looked_at_alone(
    spent: Container, chosen: dict[str, str], mib: int, queries: int
) -> None:
    costs = read(spent, "day", **chosen).costs
    assert (costs.totals.bytes_billed // MIB, costs.totals.queries) == (mib, queries)


def test_who_is_no_administrator_looks_at_nobody_else(spent: Container) -> None:
    assert read(spent, "day", everyone=False, user="ana@example.com").costs.totals.queries == 3
    assert read(spent, "user,day", everyone=False).costs.totals.queries == 3
    with pytest.raises(ForbiddenError):
        read(spent, "day", everyone=False, user="ben@example.com")
