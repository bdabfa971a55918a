"""`python -m deploy.restore`, and the backup of both stores that docs/operations.md describes."""

import shutil
import subprocess
from pathlib import Path

import pg8000.native
import pytest

from deploy.local.alone.postgres import RunningPostgres
from deploy.local.servers.postgres_files import find_program
from deploy.restore.__main__ import main
from shared.container import Container, use_container
from shared.environment import SecretStr
from tests.fixtures.functions import SHOP, FunctionHost
from tests.saving.lost import describe_index, lose_database, run_git

LOST = (
    "1 dashboards and 1 versions added, 0 versions were there, 0 dashboards are deleted.",
    "2 payloads and 3 results found again, 0 blobs that nothing needs.",
)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    capsys.readouterr()
    assert main(arguments) == 0
    return capsys.readouterr().out.splitlines()


def test_a_lost_database_is_restored_from_everything_else(
    computed_shop: FunctionHost,
    emptying: pg8000.native.Connection,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = describe_index(computed_shop.container, ["shop"])["shop"][1]
    lose_database(computed_shop, emptying)
    would = run(capsys, "database", "--dry-run")
    assert [line for line in would if line.startswith("Would be: ")][:1] == [f"Would be: {LOST[0]}"]
    assert describe_index(computed_shop.container, ["shop"]) == {}
    done = run(capsys, "database")
    assert done[:2] == [f"Done: {one}" for one in LOST]
    assert done[2].endswith("; the ledger is open.")
    assert describe_index(computed_shop.container, ["shop"])["shop"][1] == before
    assert computed_shop.call("data", "GET", "/data/shop").status_code == 200


def test_lost_files_are_restored(
    functions: FunctionHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.save_shop()
    shutil.rmtree(tmp_path / "workdir")
    functions.restart_with()
    done = "1 versions committed, the files of 0 dashboards put back, those of 0 deleted ones taken away."
    assert run(capsys, "files", "--dry-run") == [f"Would be: {done}"]
    assert run(capsys, "files") == [f"Done: {done}"]
    assert (tmp_path / "workdir" / "dashboards" / "shop" / "shop.yaml").read_text() == SHOP


def test_an_operator_opens_the_ledger(
    functions: FunctionHost, emptying: pg8000.native.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    emptying.run("DELETE FROM cost_ledger_openings")
    assert run(capsys, "spending", "--as-it-is", "--dry-run") == ["Would be: the ledger is open as it is."]
    with functions.container.database.begin() as uow:
        assert uow.ledger.find_opening() is None
    run(capsys, "spending", "--as-it-is")
    with functions.container.database.begin() as uow:
        assert uow.ledger.find_opening() is not None


def test_a_store_that_cannot_be_used_is_one_sentence(
    functions: FunctionHost, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = SecretStr("postgresql+pg8000://nobody:x@127.0.0.1:1/none")
    container = Container(functions.container.settings.__replace__(database_url=nowhere))
    use_container(container)
    assert main(["files"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_both_stores_come_back_from_their_backups(
    functions: FunctionHost, postgres_server: RunningPostgres, tmp_path: Path
) -> None:
    functions.save_shop()
    address = postgres_server.url.replace("postgresql+pg8000", "postgresql")
    dump, bundle, workdir = tmp_path / "almanac.dump", tmp_path / "almanac.bundle", tmp_path / "workdir"
    subprocess.run([find_program("pg_dump"), "--format=custom", f"--file={dump}", address], check=True)
    run_git(workdir, "bundle", "create", "-q", str(bundle), "--all")
    # One that came after the dump, and before the bundle.
    functions.save_shop(SHOP.replace("People", "Folk"))
    run_git(workdir, "bundle", "create", "-q", str(bundle), "--all")
    before = describe_index(functions.container, ["shop"])
    shutil.rmtree(workdir)
    run_git(tmp_path, "clone", "-q", str(bundle), str(workdir))
    postgres_server.server.create_database("restored")
    try:
        url = postgres_server.server.database_url("restored")
        plain = url.replace("postgresql+pg8000", "postgresql")
        subprocess.run([find_program("pg_restore"), "--no-owner", f"--dbname={plain}", dump], check=True)
        functions.restart_with(database_url=SecretStr(url))
        container = functions.container
        with container.database.begin() as uow:
            assert (
                uow.ledger.find_opening() is None
            )  # it is another database: it does not know what was spent
        report = container.index_restorer.restore_index(dry_run=False)
        assert (report.dashboards, report.versions, report.known, report.problems) == (0, 1, 1, [])
        assert describe_index(container, ["shop"])["shop"][1] == before["shop"][1]
        assert container.drift.find_drift() == []
        container.database.dispose()
    finally:
        postgres_server.run("DROP DATABASE restored WITH (FORCE)", "postgres")
