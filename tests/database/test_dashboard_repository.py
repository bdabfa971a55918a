"""The index of dashboards: bulk, paged, and safe when two people save one slug."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.database.repositories.dashboards import DashboardUpdate
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import ConflictError
from tests.database.builders import NOW, add_dashboards, delete_dashboard, make_dashboard
from tests.fixtures.postgres import count_statements


def update_of(work: UnitOfWork, slug: str) -> DashboardUpdate:
    row = work.dashboards.get_by_slugs([slug])[slug]
    return DashboardUpdate(
        row.id, row.title, row.description, row.owner, row.tags, row.current_version + 1, None, "UTC", NOW
    )


def test_a_thousand_dashboards_are_created_in_one_statement(database: Database) -> None:
    with database.begin() as work, count_statements(database) as statements:
        work.dashboards.create_many([make_dashboard(f"board-{number}") for number in range(1000)])
    assert len(statements) == 1
    with database.begin() as work, count_statements(database) as statements:
        found = work.dashboards.get_by_slugs([f"board-{number}" for number in range(1000)])
    assert (len(found), len(statements)) == (1000, 1)


def test_chosen_ids_and_times_are_kept(database: Database) -> None:
    chosen = uuid4()
    with database.begin() as work:
        work.dashboards.create_many([make_dashboard("nyc-flights", id=chosen, tags=["sample", "air travel"])])
        row = work.dashboards.get_by_slugs(["nyc-flights"])["nyc-flights"]
    assert (row.id, row.created_at, row.tags) == (chosen, NOW, ["sample", "air travel"])


def test_a_taken_slug_is_a_conflict(database: Database) -> None:
    add_dashboards(database, "nyc-flights")
    with pytest.raises(ConflictError, match="slug exists already") as caught, database.begin() as work:
        work.dashboards.create_many([make_dashboard("other"), make_dashboard("nyc-flights")])
    assert "nyc-flights" in str(caught.value.details)
    with database.begin() as work:
        assert work.dashboards.get_by_slugs(["other"]) == {}


def test_many_are_updated_in_one_statement_and_read_back_as_they_are(database: Database) -> None:
    slugs = [f"board-{number}" for number in range(50)]
    add_dashboards(database, *slugs)
    with database.begin() as work:
        before = work.dashboards.get_by_slugs(slugs)
        updates = [
            DashboardUpdate(
                before[slug].id, f"Title of {slug}", 'a "quoted" text', "bob@example.com", ["a,b", "c"], 2,
                "0 6 * * *", "America/New_York", NOW + timedelta(days=1),
            )
            for slug in slugs
        ]  # fmt: skip
        with count_statements(database) as statements:
            work.dashboards.update_many(updates)
        after = work.dashboards.get_by_slugs(slugs)
    assert len(statements) == 1
    row = after["board-7"]
    assert (row.title, row.description, row.tags) == ("Title of board-7", 'a "quoted" text', ["a,b", "c"])
    assert (row.current_version, row.schedule, row.updated_at) == (2, "0 6 * * *", NOW + timedelta(days=1))


def test_empty_lists_send_nothing(database: Database) -> None:
    with database.begin() as work, count_statements(database) as statements:
        assert work.dashboards.get_by_slugs([]) == {}
        assert work.dashboards.lock_by_slugs([]) == {}
        assert work.dashboards.create_many([]) == []
        work.dashboards.update_many([])
    assert statements == []


def test_a_deleted_dashboard_is_unseen_until_saved_again(database: Database) -> None:
    add_dashboards(database, "kept", "gone", schedule="0 6 * * *")
    with database.begin() as work:
        update = update_of(work, "gone")
    delete_dashboard(database, "gone")
    with database.begin() as work:
        assert set(work.dashboards.get_by_slugs(["kept", "gone"])) == {"kept"}
        assert [row.slug for row in work.dashboards.list_live(scheduled_only=True)] == ["kept"]
        assert [one.slug for one in work.dashboards.list_schedules()] == ["kept"]
        assert work.dashboards.search().total == 1
        assert work.dashboards.lock_by_slugs(["gone"])["gone"].deleted_at == NOW
        work.dashboards.update_many([replace(update, title="Back")])
        assert work.dashboards.get_by_slugs(["gone"])["gone"].title == "Back"


@pytest.mark.parametrize(
    ("page", "expected"),
    [(1, ["b-0", "b-1", "b-2"]), (3, ["b-6"]), (4, []), (1000, [])],
    ids=["first", "last", "just beyond", "far beyond"],
)
def test_the_total_is_right_on_every_page(database: Database, page: int, expected: list[str]) -> None:
    add_dashboards(database, *(f"b-{number}" for number in range(7)))
    with database.begin() as work, count_statements(database) as statements:
        found = work.dashboards.search(page=page, page_size=3)
    assert [row.slug for row in found.items] == expected
    assert (found.total, found.page, found.page_size) == (7, page, 3)
    assert len(statements) == 1


def test_a_search_without_matches_has_total_zero(database: Database) -> None:
    with database.begin() as work:
        found = work.dashboards.search(q="nothing")
    assert (list(found.items), found.total) == ([], 0)


def test_search_filters_by_text_tag_and_owner_together(database: Database) -> None:
    add_dashboards(database, "flights", tags=["air", "sample"], title="New York FLIGHTS")
    add_dashboards(
        database, "trains", tags=["sample"], description="as fast as flights", owner="bob@example.com"
    )
    add_dashboards(database, "boats", tags=["sam"])
    with database.begin() as work:
        found = {
            name: [row.slug for row in work.dashboards.search(**filters).items]
            for name, filters in {
                "text": {"q": "FLIGHTs"},
                "tag": {"tag": "sample"},
                "owner": {"owner": "bob@example.com"},
                "all": {"q": "flights", "tag": "sample", "owner": "bob@example.com"},
            }.items()
        }
    assert found == {
        "text": ["flights", "trains"],
        "tag": ["flights", "trains"],
        "owner": ["trains"],
        "all": ["trains"],
    }


@pytest.mark.parametrize("q", ["%", "_", "\\", "'", '"', "100%"])
def test_search_takes_wildcards_and_quotes_literally(database: Database, q: str) -> None:
    add_dashboards(database, "plain")
    add_dashboards(database, "special", title=f"with {q} inside")
    with database.begin() as work:
        assert [row.slug for row in work.dashboards.search(q=q).items] == ["special"]


def test_two_first_saves_of_one_slug_happen_one_after_the_other(database: Database) -> None:
    both = threading.Barrier(2)

    def save(author: str) -> str:
        both.wait(10)
        with database.begin() as work:
            if work.dashboards.lock_by_slugs(["new-board", "other"]):
                return "saw the other's"
            time.sleep(0.2)
            work.dashboards.create_many([make_dashboard("new-board", owner=author)])
            return "created"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(save, ["ada", "bob"]))
    assert sorted(outcomes) == ["created", "saw the other's"]


def test_locking_in_any_order_never_deadlocks(database: Database) -> None:
    slugs = [f"board-{number}" for number in range(6)]
    add_dashboards(database, *slugs)

    def bump(order: list[str]) -> None:
        with database.begin() as work:
            rows = work.dashboards.lock_by_slugs(order)
            work.dashboards.update_many([update_of(work, slug) for slug in rows])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bump, [slugs, slugs[::-1], slugs[2:] + slugs[:2], slugs[::-1]] * 5))
    with database.begin() as work:
        versions = {row.current_version for row in work.dashboards.list_live()}
    assert versions == {21}


def test_the_row_of_a_locked_slug_keeps_every_other_writer_out(database: Database) -> None:
    add_dashboards(database, "board")
    with database.begin() as holder, database.engine.connect() as other:
        holder.dashboards.lock_by_slugs(["board"])
        free = other.execute(text("SELECT slug FROM dashboards_index FOR UPDATE SKIP LOCKED"))
        assert free.all() == []


def test_locks_of_different_slugs_do_not_wait(database: Database) -> None:
    with database.begin() as first, database.begin() as second:
        first.dashboards.lock_by_slugs(["one"])
        assert second.dashboards.lock_by_slugs(["two"]) == {}
