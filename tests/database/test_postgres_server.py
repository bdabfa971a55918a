"""The local PostgreSQL server: idempotent, password only, and up again after a kill."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pg8000.exceptions
import pg8000.native
import pytest

from deploy.local.alone.postgres import RunningPostgres, make_state_dir
from deploy.local.servers import postgres_files
from deploy.local.servers.postgres import PostgresServer
from deploy.local.supervision.process import ServiceFailedError, pick_free_port


@pytest.fixture
def state_dir() -> Iterator[Path]:
    with make_state_dir() as folder:
        yield folder


def test_preparing_again_keeps_the_data(own_postgres: RunningPostgres) -> None:
    own_postgres.run("CREATE TABLE kept (id int)")
    own_postgres.stop()
    own_postgres.start()
    assert own_postgres.run("SELECT count(*) FROM kept") == [[0]]


def test_starts_after_kill_9_although_its_lock_file_names_a_living_process(
    own_postgres: RunningPostgres,
) -> None:
    own_postgres.run("CREATE TABLE kept_through_kill (id int)")
    own_postgres.kill()
    lock = own_postgres.server.state_dir / "data" / "postmaster.pid"
    lock.write_text(re.sub(r"\A\d+", str(os.getpid()), lock.read_text()))
    own_postgres.start()
    assert own_postgres.run("SELECT count(*) FROM kept_through_kill") == [[0]]


def test_preparing_a_running_server_leaves_its_lock_alone(own_postgres: RunningPostgres) -> None:
    lock = own_postgres.server.state_dir / "data" / "postmaster.pid"
    before = lock.read_text()
    own_postgres.server.prepare()
    assert lock.read_text() == before


@pytest.mark.usefixtures("programs")
def test_a_half_made_cluster_is_made_anew(state_dir: Path) -> None:
    half = state_dir / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = PostgresServer(state_dir / "pg", pick_free_port(), durable=False)
    server.prepare()
    assert not half.exists()
    assert (server.state_dir / "data" / "global" / "pg_control").exists()


def test_only_the_password_opens_it(own_postgres: RunningPostgres) -> None:
    port = own_postgres.server.port
    with pytest.raises(pg8000.exceptions.DatabaseError, match="password authentication failed"):
        pg8000.native.Connection("almanac", "127.0.0.1", "almanac", port, "wrong", timeout=5)
    stored = own_postgres.run("SELECT rolpassword FROM pg_authid WHERE rolname = 'almanac'")
    assert stored[0][0].startswith("SCRAM-SHA-256$")


def test_listens_on_loopback_only_and_takes_many_connections(own_postgres: RunningPostgres) -> None:
    assert own_postgres.run("SHOW listen_addresses") == [["127.0.0.1"]]
    assert own_postgres.run("SHOW unix_socket_directories") == [[""]]
    assert own_postgres.run("SHOW max_connections") == [["200"]]


def test_is_durable_unless_told_otherwise(state_dir: Path) -> None:
    command = PostgresServer(state_dir, pick_free_port()).spec().command
    assert not {"fsync=off", "synchronous_commit=off", "full_page_writes=off"} & {
        str(part) for part in command
    }


def test_creates_a_database_once(own_postgres: RunningPostgres) -> None:
    own_postgres.server.create_database("other")
    own_postgres.server.create_database("other")
    assert own_postgres.run("SELECT current_database()", "other") == [["other"]]


@pytest.mark.parametrize("name", ["", "Other", "a b", 'x"; DROP DATABASE almanac; --', "1a"])
def test_refuses_names_that_would_need_quoting(name: str, state_dir: Path) -> None:
    with pytest.raises(ValueError, match="is not a name for a database or role"):
        PostgresServer(state_dir, 1, database=name)


def test_a_taken_port_is_reported_in_postgresqls_words(
    own_postgres: RunningPostgres, state_dir: Path
) -> None:
    second = RunningPostgres(PostgresServer(state_dir, own_postgres.server.port, "another", durable=False))
    with pytest.raises(ServiceFailedError, match="could not bind IPv4 address"):
        second.start()


def test_the_url_quotes_the_password(state_dir: Path) -> None:
    server = PostgresServer(state_dir, 5432, "p@ss/word")
    assert server.url == "postgresql+pg8000://almanac:p%40ss%2Fword@127.0.0.1:5432/almanac"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root moves the data to where nobody can reach it")
def test_a_folder_closed_to_nobody_is_served_from_elsewhere_and_cleaned_up_after(
    servers: None, tmp_path: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_files, "ROOT_STATE", state_dir / "root")
    tmp_path.chmod(0o700)
    first = RunningPostgres(PostgresServer(tmp_path / "first", pick_free_port(), durable=False))
    first.start()
    first.run("CREATE TABLE kept (id int)")
    first.stop()
    first.start()
    assert first.run("SELECT count(*) FROM kept") == [[0]]
    first.stop()
    assert [path.parent.parent for path in state_dir.glob("root/data/*/data")] == [
        state_dir / "root" / "data"
    ]

    shutil.rmtree(tmp_path / "first")
    second = PostgresServer(tmp_path / "second", pick_free_port(), durable=False)
    second.prepare()
    links = [path.read_text() for path in state_dir.glob("root/data/*/link")]
    assert links == [str(tmp_path / "second" / "data")]
