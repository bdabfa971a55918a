"""PostgreSQL is lost, or older than Git: dashboards and versions are read back from the commits."""

from pathlib import Path
from typing import Any

import pg8000.native
import pytest

from shared.saving.restore.index import IndexReport
from tests.fixtures.functions import SHOP, FunctionHost
from tests.saving.lost import describe_index, lose_database, remove_object, run_git

SLUGS = ("other", "shop")
OTHER = SHOP.replace("slug: shop", "slug: other")
SQL = "SELECT id, name FROM people WHERE day = @day ORDER BY name\n"
IN_A_FILE = SHOP.replace(
    """    sql: |
      SELECT id, name
      FROM people WHERE day = @day ORDER BY id
""",
    "    file: sql/names.sql\n",
)


def save(host: FunctionHost, *yamls: str, message: str = "", email: str = "editor@example.com") -> None:
    items = [{"path": f"{n}.yaml", "yaml": yaml} for n, yaml in enumerate(yamls)]
    for item in items:
        if "sql/names.sql" in item["yaml"]:
            item["files"] = {"sql/names.sql": SQL}  # type: ignore[assignment]
    body = {"dashboards": items, "message": message}
    answer = host.call("dashboards_save", "POST", "/dashboards/save", json=body, email=email)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "workdir"


@pytest.fixture
def host(functions: FunctionHost) -> FunctionHost:
    """Two dashboards, one of them with three versions by two people, the last of them a rollback.

    That takes two commits, as it needs a file no more: HEAD~2 is the second version.
    """
    save(functions, SHOP, OTHER, message="Both at once\n\nAnd why")
    save(functions, IN_A_FILE, email="admin@example.com")
    back = functions.call(
        "dashboards_rollback", "POST", "/dashboards/rollback", json=[{"slug": "shop", "to_version": 1}]
    )
    assert back.status_code == 200, back.text
    return functions


def restore(host: FunctionHost, *, dry_run: bool = False) -> IndexReport:
    return host.container.index_restorer.restore_index(dry_run=dry_run)


def read_lineage(host: FunctionHost) -> Any:
    return host.call("lineage", "GET", "/lineage/shop?level=column").json["data"]


class TestALostDatabase:
    def test_everything_comes_back_as_it_was(
        self, host: FunctionHost, emptying: pg8000.native.Connection
    ) -> None:
        before, lineage = describe_index(host.container, SLUGS), read_lineage(host)
        assert [one["author"] for one in before["shop"][1]] == [
            "editor@example.com", "admin@example.com", "editor@example.com",
        ]  # fmt: skip
        lose_database(host, emptying)
        report = restore(host)
        assert (report.dashboards, report.versions, report.problems) == (2, 4, [])
        after = describe_index(host.container, SLUGS)
        for found in (before, after):
            for dashboard, versions in found.values():
                # What was planned of versions that are not current any more is not known, nor needed.
                for one in versions[:-1]:
                    one.pop("plan_totals")
                dashboard.pop("last_refresh_status")
        assert after == before
        assert read_lineage(host) == lineage
        assert host.container.drift.find_drift() == []

    def test_saving_goes_on_with_the_next_number(
        self, host: FunctionHost, emptying: pg8000.native.Connection
    ) -> None:
        lose_database(host, emptying)
        restore(host)
        assert host.save_shop(SHOP)["version"] == 3
        assert host.save_shop(SHOP.replace("People", "Folk"))["version"] == 4

    def test_a_dry_run_says_the_same_and_changes_nothing(
        self, host: FunctionHost, emptying: pg8000.native.Connection
    ) -> None:
        lose_database(host, emptying)
        report = restore(host, dry_run=True)
        assert (report.dashboards, report.versions, report.known) == (2, 4, 0)
        assert describe_index(host.container, SLUGS) == {}

    def test_what_was_deleted_stays_deleted(
        self, host: FunctionHost, emptying: pg8000.native.Connection, workdir: Path
    ) -> None:
        run_git(workdir, "rm", "-rq", "dashboards/other")
        run_git(workdir, "commit", "-qm", "Delete other")
        lose_database(host, emptying)
        report = restore(host)
        assert report.deleted == 1
        assert report.problems == [
            "dashboards/other/other.yaml is not in the last commit: other is deleted, its versions are kept."
        ]
        assert host.call("dashboards_read", "GET", "/dashboards/other").status_code == 404
        (dashboard, versions) = describe_index(host.container, ["other"])["other"]
        assert dashboard["deleted_at"] is not None
        assert len(versions) == 1
        assert restore(host).deleted == 0


class TestAnOlderDatabase:
    def test_gets_what_came_after_it(self, host: FunctionHost, emptying: pg8000.native.Connection) -> None:
        before = describe_index(host.container, SLUGS)
        emptying.run("DELETE FROM dashboard_versions WHERE version > 1")
        emptying.run("UPDATE dashboards_index SET current_version = 1, title = 'Old' WHERE slug = 'shop'")
        report = restore(host)
        assert (report.dashboards, report.versions, report.known, report.problems) == (0, 2, 2, [])
        after = describe_index(host.container, SLUGS)
        assert [one["content_sha256"] for one in after["shop"][1]] == [
            one["content_sha256"] for one in before["shop"][1]
        ]
        assert after["shop"][0]["title"] == before["shop"][0]["title"]
        assert after["other"] == before["other"]

    def test_keeps_its_own_version_where_git_has_another_of_that_number(
        self, host: FunctionHost, emptying: pg8000.native.Connection
    ) -> None:
        emptying.run(f"UPDATE dashboard_versions SET content_sha256 = '{'0' * 64}' WHERE version = 2")
        (problem,) = restore(host).problems
        assert problem.startswith("shop version 2 is another one in PostgreSQL than in commit ")
        assert describe_index(host.container, ["shop"])["shop"][1][1]["content_sha256"] == "0" * 64

    def test_nothing_is_missing_of_a_whole_one(self, host: FunctionHost) -> None:
        before = describe_index(host.container, SLUGS)
        report = restore(host)
        assert (report.dashboards, report.versions, report.known, report.problems) == (0, 0, 4, [])
        assert describe_index(host.container, SLUGS) == before


class TestDamage:
    def test_a_damaged_commit_costs_its_versions_alone(
        self, host: FunctionHost, emptying: pg8000.native.Connection, workdir: Path
    ) -> None:
        oid = remove_object(workdir, "HEAD~2")
        lose_database(host, emptying)
        report = restore(host)
        assert report.problems == [
            f"Commit {oid} is damaged or missing; versions behind it are taken from the commits that are left."
        ]
        versions = describe_index(host.container, SLUGS)["shop"][1]
        assert [one["version"] for one in versions] == [1, 3]

    def test_a_missing_blob_costs_the_version_that_needs_it(
        self, host: FunctionHost, emptying: pg8000.native.Connection, workdir: Path
    ) -> None:
        commit = run_git(workdir, "rev-parse", "HEAD~2")
        remove_object(workdir, "HEAD~2:dashboards/shop/sql/names.sql")
        lose_database(host, emptying)
        report = restore(host)
        assert report.problems == [
            f"shop version 2 in commit {commit[:12]}: sql/names.sql is missing or damaged"
        ]
        assert report.versions == 3

    def test_yaml_that_is_not_read_any_more_is_kept_as_text(
        self, host: FunctionHost, emptying: pg8000.native.Connection, workdir: Path
    ) -> None:
        emptying.run("DELETE FROM dashboard_versions WHERE version > 1")
        file = workdir / "dashboards" / "other" / "other.yaml"
        file.write_text("version: 1\nslug: other\n")
        run_git(workdir, "add", "-A")
        note = "Almanac-Version: other@2\nAlmanac-Saved-At: 2026-03-04T05:06:07.000008+00:00"
        run_git(workdir, "commit", "-qm", "Cut short", "-m", note)
        commit = run_git(workdir, "rev-parse", "HEAD")
        lose_database(host, emptying)
        report = restore(host)
        assert report.problems == [
            f"other version 2 in commit {commit[:12]}: this release does not read its YAML; "
            "its text is kept, and a save mends it."
        ]
        assert host.call("dashboards_read", "GET", "/dashboards").status_code == 200
        detail = host.call("dashboards_read", "GET", "/dashboards/other").json["data"]
        assert (detail["yaml"], detail["version"]["version"]) == (file.read_text(), 2)
        assert host.call("data", "GET", "/data/other").status_code == 404
        save(host, OTHER)
        assert describe_index(host.container, ["other"])["other"][0]["current_version"] == 3

    def test_foreign_files_are_named_and_left_alone(
        self, host: FunctionHost, emptying: pg8000.native.Connection, workdir: Path
    ) -> None:
        for path in ("README.md", "dashboards/notes.txt", "dashboards/new/new.yaml"):
            (workdir / path).parent.mkdir(exist_ok=True)
            (workdir / path).write_text("version: 1\n")
        run_git(workdir, "add", "-A")
        run_git(workdir, "commit", "-qm", "By hand")
        lose_database(host, emptying)
        report = restore(host)
        assert (report.dashboards, report.versions) == (2, 4)
        assert report.problems == [
            f"{path} belongs to no saved dashboard and is left alone."
            for path in ("dashboards/new/new.yaml", "dashboards/notes.txt")
        ]


def test_commits_of_releases_that_named_no_version_are_counted(
    functions: FunctionHost, emptying: pg8000.native.Connection, workdir: Path
) -> None:
    versions = [SHOP, SHOP.replace("People", "Folk"), SHOP]
    functions.save_shop()
    run_git(workdir, "update-ref", "-d", "HEAD")
    for number, text in enumerate(versions, 1):
        (workdir / "dashboards" / "shop" / "shop.yaml").write_text(text)
        run_git(workdir, "add", "-A")
        message = f"Save shop version {number}" if number == 2 else f"Number {number}"
        ours = ("-c", "user.name=Almanac", "-c", "user.email=almanac@localhost")
        author = "Ada <ada@example.com>"
        run_git(
            workdir,
            *ours,
            "commit",
            "-qm",
            message,
            "--author",
            author,
            "--date",
            f"2024-01-0{number}T00:00:00Z",
        )
    lose_database(functions, emptying)
    assert restore(functions).problems == []
    found = describe_index(functions.container, ["shop"])["shop"][1]
    assert [(one["version"], one["message"], one["author"], one["created_at"].day) for one in found] == [
        (1, "Number 1", "ada@example.com", 1),
        (2, "", "ada@example.com", 2),
        (3, "Number 3", "ada@example.com", 3),
    ]


def test_a_store_without_a_history_says_what_to_restore_instead(
    functions: FunctionHost, tmp_path: Path
) -> None:
    functions.restart_with(dashboard_store_url=f"file:{tmp_path / 'plain'}")
    with pytest.raises(Exception, match="keeps no history") as refused:
        restore(functions)
    assert "backup" in refused.value.remediation  # type: ignore[attr-defined]
