"""What was spent is read back from BigQuery's list of jobs before anything more is spent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pg8000.native
import pytest

from shared.container import Container
from shared.database.repositories.cost_report import CostGrouping
from shared.errors import SqlInvalidError, WarehouseUnavailableError
from shared.settings import Environment
from shared.warehouse.bigquery.job_parts import hash_user
from shared.warehouse.spending.costs import CostSearch
from tests.fixtures.containers import restart_with
from tests.fixtures.postgres import empty_tables
from tests.warehouse.misbehaving import MisbehavingServer
from tests.warehouse.test_queries import make_request, run_one

ANA, BEN = "ana@example.com", "ben@example.com"
COUNT = "SELECT COUNT(*) AS people FROM people"


@pytest.fixture
def spender(container: Container, emptying: pg8000.native.Connection) -> Iterator[Container]:
    """Ana is configured, Ben is not. The emulator keeps the jobs of the other tests: those of before do not count."""
    began = datetime.now(UTC)
    built = restart_with(container, environment=Environment.STAGING, editor_emails=[ANA])
    list_jobs = built.spending_reader._list_jobs
    built.spending_reader._list_jobs = lambda since: list_jobs(max(since, began))
    yield built
    with container.database.begin() as uow:
        uow.ledger.open("the tests", datetime.now(UTC))


@pytest.fixture
def spent(spender: Container) -> Container:
    """What two people spent, on a dashboard and without one; one query fails."""
    name = uuid4()  # of a text that was answered before the answer is free
    run_one(spender, make_request(f"{COUNT} WHERE name <> '{name}'", actor=ANA))
    run_one(
        spender, make_request(f"{COUNT} WHERE name > '{name}'", actor=BEN, slug="shop", query_name="count")
    )
    with pytest.raises(SqlInvalidError):
        run_one(spender, make_request(f"SELECT ERROR('no') AS failed FROM people WHERE name <> '{name}'"))
    return spender


def lose_database(emptying: pg8000.native.Connection) -> None:
    empty_tables(emptying)
    emptying.run("DELETE FROM cost_ledger_openings")


def read_costs(container: Container) -> dict[str, Any]:
    """The report by user and by dashboard, and what is left of the budgets."""
    today = container.budgets.today()
    search = [
        CostSearch([grouping], today, today, 1, 50)
        for grouping in (CostGrouping.USER, CostGrouping.DASHBOARD)
    ]
    reports = [container.costs.read_report(one, actor=ANA, sees_everyone=True) for one in search]
    return {
        "lines": [
            (one.values, one.sums.bytes_billed, one.sums.bytes_settled, one.sums.queries, one.sums.failures)
            for report in reports
            for one in sorted(report.costs.lines, key=lambda line: str(line.values))
        ],
        "budgets": reports[0].budgets,
    }


def test_the_first_job_of_a_lost_database_knows_what_was_spent_before(
    spent: Container, emptying: pg8000.native.Connection
) -> None:
    before = read_costs(spent)
    lose_database(emptying)
    spent.spending_reader.require_ledger(ANA)
    hashed = f"unknown-{hash_user(BEN)}"
    assert [one["key"] for one in read_costs(spent)["budgets"]].count(hashed) == 1
    spent.spending_reader.require_ledger(BEN)  # who comes again is known again
    assert read_costs(spent) == before


def test_reading_back_twice_changes_nothing(spent: Container, emptying: pg8000.native.Connection) -> None:
    lose_database(emptying)
    since = datetime.now(UTC) - timedelta(days=1)
    first = spent.spending_reader.read_back(since, dry_run=False)
    after = read_costs(spent)
    again = spent.spending_reader.read_back(since, dry_run=False)
    assert (first.entered, again.entered) == (first.listed, 0)
    assert first.bytes_billed > 0
    assert read_costs(spent) == after


def test_a_dry_run_counts_and_enters_nothing(spent: Container, emptying: pg8000.native.Connection) -> None:
    lose_database(emptying)
    since = datetime.now(UTC) - timedelta(days=1)
    counted = spent.spending_reader.read_back(since, dry_run=True)
    assert read_costs(spent)["lines"] == []
    with spent.database.begin() as uow:
        assert uow.ledger.find_opening() is None
    assert spent.spending_reader.read_back(since, dry_run=False) == counted


def test_an_older_backup_gets_the_jobs_that_it_lacks(
    spent: Container, emptying: pg8000.native.Connection
) -> None:
    before = read_costs(spent)
    emptying.run("DELETE FROM query_runs WHERE slug = 'shop'")
    emptying.run("DELETE FROM cost_reservations WHERE slug = 'shop'")
    emptying.run("DELETE FROM cost_ledger WHERE key IN ('shop', :ben)", ben=BEN)
    report = spent.spending_reader.read_back(datetime.now(UTC) - timedelta(days=1), dry_run=False)
    spent.spending_reader.require_ledger(BEN)
    assert report.entered == 1
    assert read_costs(spent)["lines"] == before["lines"]


@contextmanager
def refusing(container: Container, fault: str) -> Iterator[Container]:
    """BigQuery lists no jobs."""
    server = MisbehavingServer(str(container.settings.bigquery_endpoint))
    server.fail("other", *[fault] * 20)
    with server.running():
        yield restart_with(container, bigquery_endpoint=server.endpoint, warehouse_call_timeout_seconds=1)


@pytest.mark.parametrize("fault", ["403 accessDenied", "503"])
def test_nothing_is_run_while_nobody_knows_what_was_spent(
    spender: Container, emptying: pg8000.native.Connection, fault: str
) -> None:
    lose_database(emptying)
    with refusing(spender, fault) as refused:
        with pytest.raises(WarehouseUnavailableError, match="does not know yet what was spent") as error:
            refused.spending_reader.require_ledger(ANA)
        assert "python -m deploy.restore spending --as-it-is" in error.value.remediation
        with pytest.raises(WarehouseUnavailableError, match="nothing was run"):
            refused.budgets.reserve(make_request(COUNT), 10, "job")
        refused.spending_reader.open_as_it_is("ops@example.com")
        assert refused.budgets.reserve(make_request(COUNT), 10, "job").bytes_reserved == 10


def test_a_backup_put_back_into_another_database_is_not_open(
    spender: Container, emptying: pg8000.native.Connection
) -> None:
    emptying.run("UPDATE cost_ledger_openings SET database = 'another ' || database")
    with spender.database.begin() as uow:
        assert uow.ledger.find_opening() is None
    spender.spending_reader.require_ledger(ANA)
    with spender.database.begin() as uow:
        assert uow.ledger.find_opening() is not None
    emptying.run("DELETE FROM cost_ledger_openings WHERE database LIKE 'another %'")
