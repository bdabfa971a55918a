"""Versions: appended, read in bulk, listed without their text."""

import pytest

from shared.database.repositories.dashboards import DashboardUpdate
from shared.database.repositories.versions import StoredVersion
from shared.database.unit_of_work import Database
from shared.errors import ConflictError
from tests.database.builders import NOW, add_dashboards, delete_dashboard, digest, make_version
from tests.fixtures.postgres import count_statements


def test_current_versions_of_many_slugs_come_in_one_statement(database: Database) -> None:
    boards = add_dashboards(database, "one", "two", "gone")
    with database.begin() as work:
        work.versions.create_many([make_version(board.id, number) for board in boards for number in (1, 2)])
        updates = [DashboardUpdate(boards[0].id, "One", "", "", [], 2, None, "UTC", NOW)]
        work.dashboards.update_many(updates)
    delete_dashboard(database, "gone")
    with database.begin() as work, count_statements(database) as statements:
        current = work.versions.get_current(["one", "two", "gone", "unknown"])
    assert {slug: row.version for slug, row in current.items()} == {"one": 2, "two": 1}
    assert len(statements) == 1


def test_where_current_versions_are_comes_without_their_texts(database: Database) -> None:
    boards = add_dashboards(database, "one", "two", "gone")
    with database.begin() as work:
        assert work.versions.list_stored() == {}
        work.versions.create_many(
            [
                make_version(boards[0].id, 1, blob_revision="abc"),
                make_version(boards[1].id, 1, files={"a.sql": "SELECT 1"}),
                make_version(boards[2].id, 1),
            ]
        )
    delete_dashboard(database, "gone")
    with database.begin() as work, count_statements(database) as statements:
        found = work.versions.list_stored()
    assert found == {
        "one": StoredVersion(1, "dashboards/1.yaml", "abc", has_files=False),
        "two": StoredVersion(1, "dashboards/1.yaml", None, has_files=True),
    }
    assert "yaml_text" not in statements[0]


def test_a_part_of_many_definitions_comes_without_their_texts(database: Database) -> None:
    boards = add_dashboards(database, "one", "two", "gone")
    with database.begin() as work:
        work.versions.create_many(
            [
                make_version(board.id, 1, definition={"budget": {"per_day": number}} if number else None)
                for number, board in enumerate(boards)
            ]
        )
    delete_dashboard(database, "gone")
    with database.begin() as work, count_statements(database) as statements:
        found = work.versions.read_parts(["one", "two", "gone", "unknown"], "budget")
        assert work.versions.read_parts(["two"], "parameters")["two"].value is None
        assert work.versions.read_parts([], "budget") == {}
    assert {slug: (one.dashboard_id, one.version, one.value) for slug, one in found.items()} == {
        "one": (boards[0].id, 1, None),
        "two": (boards[1].id, 1, {"per_day": 1}),
    }
    assert len(statements) == 3


def test_a_taken_version_number_is_a_conflict(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    with database.begin() as work:
        work.versions.create_many([make_version(board.id)])
    with pytest.raises(ConflictError, match="saved this version"), database.begin() as work:
        work.versions.create_many([make_version(board.id, yaml_text="another")])


def test_a_version_comes_back_as_it_was_saved(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    text = "title: 'Zürich → 東京'\r\n\ttab\n"
    saved = make_version(
        board.id, yaml_text=text, files={"sql/a.sql": "SELECT '%s'"}, definition={"x": [1, None, 1.5, "ü"]}
    )
    with database.begin() as work:
        work.versions.create_many([saved])
    with database.begin() as work:
        row = work.versions.get("one", 1)
        assert work.versions.get("one", 2) is None
        assert work.versions.get("unknown", 1) is None
    assert row is not None
    assert (row.yaml_text, row.files, row.definition) == (
        text, {"sql/a.sql": "SELECT '%s'"}, {"x": [1, None, 1.5, "ü"]},
    )  # fmt: skip
    assert (row.content_sha256, row.plan_totals, row.message) == (digest("1"), {}, "")


def test_versions_are_listed_latest_first_with_the_total_beyond_the_last_page_too(database: Database) -> None:
    boards = add_dashboards(database, "one", "other")
    with database.begin() as work:
        work.versions.create_many([make_version(boards[0].id, number) for number in range(1, 6)])
        work.versions.create_many([make_version(boards[1].id)])
        with count_statements(database) as statements:
            pages = [work.versions.list_versions("one", page, 2) for page in (1, 3, 9)]
    assert [[item.version for item in page.items] for page in pages] == [[5, 4], [1], []]
    assert [page.total for page in pages] == [5, 5, 5]
    assert len(statements) == 3
    assert not [statement for statement in statements if "yaml_text" in statement]


def test_versions_wait_for_the_blob_store_until_it_has_them(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    with database.begin() as work:
        first, second = work.versions.create_many([make_version(board.id, 1), make_version(board.id, 2)])
        assert [pending.row.version for pending in work.versions.list_pending(["one"])] == [1, 2]
        work.versions.set_blob_revisions({first.id: "abc"})
        assert [pending.row.id for pending in work.versions.list_pending()] == [second.id]
        assert work.versions.list_pending(["unknown"]) == []
