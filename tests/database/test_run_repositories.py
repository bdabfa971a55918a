"""Jobs, last good results, payloads and the ledger."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import uuid4

import pytest

from shared.database.models.costs import CostReservation, CostScope
from shared.database.models.runs import QueryFailure, RunStatus
from shared.database.repositories.query_results import RefreshFailure, ResultCheck
from shared.database.repositories.query_runs import RunOutcome
from shared.database.repositories.reservations import BudgetLine
from shared.database.unit_of_work import Database
from tests.database.builders import (
    NOW,
    add_dashboards,
    digest,
    make_payload,
    make_result,
    make_run,
)
from tests.fixtures.postgres import count_statements

DAY = date(2026, 3, 1)
MINUTE = timedelta(minutes=1)
A, B = digest("a"), digest("b")


def test_runs_are_created_and_finished_in_one_statement_each(database: Database) -> None:
    with database.begin() as work:
        with count_statements(database) as created:
            runs = work.query_runs.create_many([make_run(slug="nyc", query_name=f"q{n}") for n in range(40)])
        outcomes = [
            RunOutcome(
                run.id, RunStatus.SUCCEEDED, NOW + MINUTE, job_id="job_1", location="US",
                bytes_billed=10 * 2**20, bytes_processed=1, cache_hit=False,
                referenced_tables=[{"table": "flights"}],
            )
            for run in runs[:-1]
        ]  # fmt: skip
        failed = RunOutcome(runs[-1].id, RunStatus.FAILED, NOW + MINUTE, error_code="SQL_INVALID")
        with count_statements(database) as finished:
            work.query_runs.finish_many([*outcomes, failed])
        rows = work.query_runs.get_many([run.id for run in runs])
    assert (len(created), len(finished)) == (1, 1)
    first, last = rows[runs[0].id], rows[runs[-1].id]
    assert (first.status, first.finished_at, first.bytes_billed) == (
        RunStatus.SUCCEEDED,
        NOW + MINUTE,
        10 * 2**20,
    )
    assert (first.cache_hit, first.referenced_tables) == (False, [{"table": "flights"}])
    assert (last.status, last.error_code, last.referenced_tables) == (RunStatus.FAILED, "SQL_INVALID", None)


def test_a_writer_that_lost_its_lease_cannot_overwrite(database: Database) -> None:
    with database.begin() as work:
        assert work.query_results.upsert_many([make_result(A, fence=5), make_result(B, fence=5)]) == {A, B}
    late = [make_result(A, fence=4, row_count=99), make_result(B, fence=6, row_count=7)]
    with database.begin() as work:
        with count_statements(database) as statements:
            assert work.query_results.upsert_many(late) == {B}
        rows = work.query_results.get_many([A, B])
    assert len(statements) == 1
    assert (rows[A].row_count, rows[A].fence) == (3, 5)
    assert (rows[B].row_count, rows[B].fence) == (7, 6)


def test_the_highest_fence_wins_whoever_commits_last(database: Database) -> None:
    def write(fence: int) -> None:
        with database.begin() as work:
            work.query_results.upsert_many([make_result(A, fence=fence, row_count=fence)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [7, 3, 9, 1, 8, 2, 9, 5]))
    with database.begin() as work:
        row = work.query_results.get_many([A])[A]
    assert (row.fence, row.row_count) == (9, 9)


def test_a_failed_refresh_touches_nothing_but_its_error(database: Database) -> None:
    error = {"code": "WAREHOUSE_TIMEOUT", "message": "took 60 s"}
    with database.begin() as work:
        work.query_results.upsert_many([make_result(A)])
        before = dict(vars(work.query_results.get_many([A])[A]))
    with database.begin() as work:
        failures = [RefreshFailure(A, 0, error), RefreshFailure(B, 0, error)]
        assert work.query_results.record_failures(failures) == {A}
        after = vars(work.query_results.get_many([A])[A])
    changed = {key for key, value in before.items() if after[key] != value} - {"_sa_instance_state"}
    assert changed == {"refresh_error", "updated_at"}
    assert after["refresh_error"] == error


def test_a_check_moves_checked_at_forward_only_and_clears_the_error(database: Database) -> None:
    with database.begin() as work:
        work.query_results.upsert_many([make_result(A, refresh_error={"code": "X"})])
        check = ResultCheck(A, 0, NOW + MINUTE, {"code": "X"})
        assert work.query_results.mark_checked_many([check]) == {A}
        assert work.query_results.mark_checked_many([ResultCheck(A, 0, NOW), ResultCheck(B, 0, NOW)]) == {A}
        row = work.query_results.get_many([A])[A]
    assert (row.checked_at, row.as_of, row.refresh_error) == (NOW + MINUTE, NOW, None)


def test_a_failure_of_a_late_holder_leaves_its_successors_result_alone(database: Database) -> None:
    with database.begin() as work:
        work.query_results.upsert_many([make_result(A, fence=5)])
        assert work.query_results.record_failures([RefreshFailure(A, 4, {"code": "X"})]) == set()
        assert work.query_results.get_many([A])[A].refresh_error is None


def test_a_check_says_nothing_of_what_happened_since_the_look(database: Database) -> None:
    seen, later = {"code": "X"}, {"code": "Y"}
    with database.begin() as work:
        work.query_results.upsert_many(
            [make_result(A, fence=5, refresh_error=later), make_result(B, fence=6)]
        )
        checks = [ResultCheck(A, 5, NOW + MINUTE, seen), ResultCheck(B, 5, NOW + MINUTE)]
        assert work.query_results.mark_checked_many(checks) == {A}
        rows = work.query_results.get_many([A, B])
    assert (rows[A].checked_at, rows[A].refresh_error) == (NOW + MINUTE, later)
    assert rows[B].checked_at == NOW


def test_a_failure_is_kept_until_a_holder_of_its_fence_or_a_later_one_succeeds(database: Database) -> None:
    def fail(fence: int, code: str) -> QueryFailure:
        return QueryFailure(fingerprint=A, fence=fence, error={"code": code})

    with database.begin() as work:
        work.query_failures.upsert_many([fail(3, "X")])
        work.query_failures.upsert_many([fail(2, "LATE")])
        assert work.query_failures.get_many([A, B])[A].error == {"code": "X"}
        work.query_failures.upsert_many([fail(4, "Y")])
        work.query_failures.forget_many({A: 3})
        assert work.query_failures.get_many([A])[A].error == {"code": "Y"}
        work.query_failures.forget_many({A: 4})
        assert work.query_failures.get_many([A]) == {}


def test_a_new_result_clears_the_error_of_the_last_refresh(database: Database) -> None:
    with database.begin() as work:
        work.query_results.upsert_many([make_result(A)])
        work.query_results.record_failures([RefreshFailure(A, 0, {"code": "X"})])
        work.query_results.upsert_many([make_result(A, fence=1)])
        assert work.query_results.get_many([A])[A].refresh_error is None


def test_an_older_payload_does_not_replace_a_newer_one(database: Database) -> None:
    board = add_dashboards(database, "nyc")[0]
    key = (board.id, 1, digest("default"))
    with database.begin() as work:
        first = work.payloads.upsert_many([make_payload(board.id, checked_at=NOW + MINUTE, etag='"new"')])
        second = work.payloads.upsert_many([make_payload(board.id, etag='"old"')])
        third = work.payloads.upsert_many(
            [make_payload(board.id, checked_at=NOW + 2 * MINUTE, etag='"newest"')]
        )
        rows = work.payloads.get_many([key, (uuid4(), 1, digest("default"))])
    assert (set(first), set(second), set(third)) == ({key}, set(), {key})
    assert first[key] < third[key]
    assert [row.etag for row in rows.values()] == ['"newest"']


@pytest.mark.parametrize(("keys", "expected"), [(None, [1, 2, 3]), (["ada"], [1, 3]), ([], [])])
def test_ledger_rows_are_listed_by_day_and_key(
    database: Database, keys: list[str] | None, expected: list[int]
) -> None:
    days = [DAY + timedelta(days=number) for number in range(3)]
    billed = [
        (CostScope.USER, "ada", days[0], 1),
        (CostScope.USER, "bob", days[0], 2),
        (CostScope.USER, "ada", days[1], 3),
        (CostScope.USER, "ada", days[2], 4),
        (CostScope.DASHBOARD, "ada", days[0], 5),
    ]
    with database.begin() as work:
        for number, (scope, key, day, byte_count) in enumerate(billed):
            row = CostReservation(
                id=uuid4(), created_at=NOW, expires_at=NOW + MINUTE, bytes_reserved=byte_count, actor=key,
                fingerprint=digest(str(number)), day=day,
            )  # fmt: skip
            line = BudgetLine(scope, key, 100)
            assert work.reservations.reserve(row, [line])
            assert work.reservations.settle(row.id, byte_count, [line], NOW)
        rows = work.ledger.list_rows(CostScope.USER, days[0], days[1], keys)
    assert [row.bytes_billed for row in rows] == expected
