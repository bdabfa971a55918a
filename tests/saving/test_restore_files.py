"""The dashboard store is lost, or behind PostgreSQL: it is written again, every version as a commit."""

import shutil
from pathlib import Path

import pg8000.native
import pytest

from shared.saving.restore.files import FilesReport
from tests.fixtures.functions import SHOP, FunctionHost
from tests.saving.lost import describe_index, lose_database, run_git
from tests.saving.test_restore_index import IN_A_FILE, OTHER, SLUGS, save


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "workdir"


@pytest.fixture
def host(functions: FunctionHost) -> FunctionHost:
    """Two dashboards, one of them with three versions by two people, with and without an SQL file."""
    save(functions, SHOP, OTHER, message="Both at once")
    save(functions, IN_A_FILE, email="admin@example.com")
    save(functions, SHOP.replace("People", "Folk"))
    return functions


def restore(host: FunctionHost, *, dry_run: bool = False) -> FilesReport:
    host.restart_with()
    return host.container.files_restorer.restore_files(dry_run=dry_run)


def read_log(workdir: Path) -> dict[str, str]:
    """Author and date of each version, by its message; of two commits the first, as one may only take files away."""
    commits = run_git(workdir, "log", "-z", "--format=%B%x01%ae %at").split("\0")
    return dict(one.split("\1") for one in commits if one)


def read_files(workdir: Path) -> dict[str, str]:
    folder = workdir / "dashboards"
    return {str(one.relative_to(workdir)): one.read_text() for one in folder.rglob("*") if one.is_file()}


class TestALostWorkTree:
    def test_every_version_is_committed_by_its_author_at_its_date(
        self, host: FunctionHost, workdir: Path
    ) -> None:
        files, log = read_files(workdir), read_log(workdir)
        shutil.rmtree(workdir)
        report = restore(host)
        assert (report.versions, report.put_back, report.taken_away, report.problems) == (4, 0, 0, [])
        assert read_files(workdir) == files
        assert read_log(workdir) == log
        assert len(log) == 3
        assert run_git(workdir, "status", "--porcelain") == ""
        assert host.container.drift.find_drift() == []

    def test_the_database_can_be_read_back_from_it(
        self, host: FunctionHost, workdir: Path, emptying: pg8000.native.Connection
    ) -> None:
        before = {slug: found[1] for slug, found in describe_index(host.container, SLUGS).items()}
        shutil.rmtree(workdir)
        restore(host)
        lose_database(host, emptying)
        assert host.container.index_restorer.restore_index(dry_run=False).problems == []
        after = {slug: found[1] for slug, found in describe_index(host.container, SLUGS).items()}
        for one in (*before["shop"][:-1], *after["shop"][:-1]):
            one.pop("plan_totals")
        assert after == before

    def test_a_dry_run_says_the_same_and_makes_nothing(self, host: FunctionHost, workdir: Path) -> None:
        shutil.rmtree(workdir)
        assert restore(host, dry_run=True).versions == 4
        assert not workdir.exists()

    def test_what_was_deleted_is_not_in_the_files(
        self, host: FunctionHost, workdir: Path, emptying: pg8000.native.Connection
    ) -> None:
        emptying.run("UPDATE dashboards_index SET deleted_at = now() WHERE slug = 'other'")
        shutil.rmtree(workdir)
        report = restore(host)
        assert (report.versions, report.taken_away) == (4, 1)
        assert not (workdir / "dashboards" / "other").exists()
        assert "Save shop version 2" in run_git(workdir, "log", "--format=%s")
        assert restore(host) == FilesReport()

    def test_saving_goes_on(self, host: FunctionHost, workdir: Path) -> None:
        shutil.rmtree(workdir)
        restore(host)
        assert host.save_shop(SHOP)["version"] == 4
        assert read_files(workdir)["dashboards/shop/shop.yaml"] == SHOP


class TestAStoreThatIsBehind:
    def test_gets_the_versions_that_it_lacks_and_keeps_what_people_put_there(
        self, host: FunctionHost, workdir: Path
    ) -> None:
        files = read_files(workdir)
        run_git(workdir, "reset", "-q", "--hard", ":/Both at once")
        (workdir / "README.md").write_text("Ours")
        run_git(workdir, "add", "-A")
        run_git(workdir, "commit", "-qm", "By hand")
        report = restore(host)
        assert (report.versions, report.problems) == (2, [])
        assert read_files(workdir) == files
        assert (workdir / "README.md").read_text() == "Ours"
        assert host.container.drift.find_drift() == []

    def test_files_that_were_removed_are_put_back(self, host: FunctionHost, workdir: Path) -> None:
        files = read_files(workdir)
        run_git(workdir, "rm", "-rq", "dashboards/shop")
        run_git(workdir, "commit", "-qm", "By hand")
        report = restore(host)
        assert (report.versions, report.put_back) == (0, 1)
        assert read_files(workdir) == files
        assert restore(host) == FilesReport()

    def test_a_newer_one_is_left_alone(
        self, host: FunctionHost, workdir: Path, emptying: pg8000.native.Connection
    ) -> None:
        emptying.run("DELETE FROM dashboard_versions WHERE version > 2")
        emptying.run("UPDATE dashboards_index SET current_version = 2 WHERE slug = 'shop'")
        head = run_git(workdir, "rev-parse", "HEAD")
        report = restore(host)
        assert report.problems == [
            "shop has version 3 in Git and 2 in PostgreSQL: restore the database first; it is left alone."
        ]
        assert run_git(workdir, "rev-parse", "HEAD") == head

    def test_a_whole_one_stays_as_it_is(self, host: FunctionHost, workdir: Path) -> None:
        head = run_git(workdir, "rev-parse", "HEAD")
        assert restore(host) == FilesReport()
        assert run_git(workdir, "rev-parse", "HEAD") == head


def test_a_store_without_a_history_gets_the_current_files(functions: FunctionHost, tmp_path: Path) -> None:
    functions.restart_with(dashboard_store_url=f"file:{tmp_path / 'plain'}")
    functions.save_shop()
    functions.save_shop(IN_A_FILE.replace("file: sql/names.sql", "sql: SELECT 1 AS id, 'a' AS name"))
    files = read_files(tmp_path / "plain")
    shutil.rmtree(tmp_path / "plain")
    assert restore(functions, dry_run=True).put_back == 1
    assert not (tmp_path / "plain").exists()
    assert restore(functions).put_back == 1
    assert read_files(tmp_path / "plain") == files
