"""The users of the database that migrations make: each may do what its functions need, and no more."""

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pg8000.native
import pytest
from sqlalchemy import make_url

from deploy.local.alone.postgres import RunningPostgres
from deploy.local.parts import REPOSITORY
from deploy.local.servers.oidc import OidcServer
from shared.api.manifest import DatabaseAccess, get_manifest
from shared.container import Container, use_container
from shared.database.models.registry import METADATA
from shared.settings import Settings
from tests.deploy_cloud.test_as_cloud_run import CALLS
from tests.fixtures.functions import FunctionHost

NAMES = {"WRITER": "test_writer", "READER": "test_reader"}
READERS = [entry.name for entry in get_manifest().functions if entry.database is DatabaseAccess.READER]
WRITERS = [
    entry.name
    for entry in get_manifest().functions
    if entry.database is DatabaseAccess.WRITER and "DATABASE_URL" in entry.secrets
]


def address(server: RunningPostgres, user: str, password: str) -> str:
    url = make_url(server.url).set(username=user, password=password)
    return url.render_as_string(hide_password=False)


def migrate(server: RunningPostgres, **addresses: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=REPOSITORY, env={**os.environ, "DATABASE_URL": server.url, **addresses},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
    )  # fmt: skip


def run_as(server: RunningPostgres, user: str, password: str, sql: str) -> list[list[object]]:
    with closing(
        pg8000.native.Connection(
            user, "127.0.0.1", server.server.database, server.server.port, password, timeout=10
        )
    ) as connection:
        return list(connection.run(sql) or [])


@pytest.fixture
def addresses(postgres_server: RunningPostgres) -> Iterator[dict[str, str]]:
    made = {
        f"DATABASE_{kind}_URL": address(postgres_server, name, "it's 100%") for kind, name in NAMES.items()
    }
    done = migrate(postgres_server, **made)
    assert done.returncode == 0, done.stdout
    yield made
    for name in NAMES.values():
        postgres_server.run(f"DROP OWNED BY {name}")
        postgres_server.run(f"DROP ROLE {name}")


@pytest.fixture
def as_user(
    functions: FunctionHost, function_settings: Settings, oidc_server: OidcServer, addresses: dict[str, str]
) -> Iterator[dict[str, FunctionHost]]:
    """A host per user; what is saved and computed was by the owner."""
    functions.save_shop()
    functions.precompute_shop()
    hosts = {}
    for kind in NAMES:
        url = Settings(database_url=addresses[f"DATABASE_{kind}_URL"]).database_url
        container = Container(copy.replace(function_settings, database_url=url))
        hosts[kind] = FunctionHost(container, oidc_server)
    yield hosts
    for host in hosts.values():
        host.container.database.dispose()


def call(host: FunctionHost, name: str) -> None:
    method, path, body = CALLS[name]
    use_container(host.container)
    # One who was never seen, so that admitting them writes; an administrator by the settings.
    answer = host.call(name, method, path, email="admin@example.com", json=body)
    assert answer.status_code == 200, f"{name}: {answer.get_data(as_text=True)[:500]}"


def test_functions_that_read_work_as_the_reader(as_user: dict[str, FunctionHost]) -> None:
    assert READERS == ["dashboards_validate", "dashboards_read", "data", "lineage"]
    for name in READERS:
        call(as_user["READER"], name)


def test_functions_that_write_work_as_the_writer(as_user: dict[str, FunctionHost]) -> None:
    for name in WRITERS:
        call(as_user["WRITER"], name)


def test_the_reader_changes_nothing_but_what_reading_marks(
    postgres_server: RunningPostgres, addresses: dict[str, str]
) -> None:
    password = "it's 100%"
    for table in METADATA.sorted_tables:
        assert run_as(postgres_server, "test_reader", password, f"SELECT count(*) FROM {table.name}")
        for sql in (f"DELETE FROM {table.name}", f"TRUNCATE {table.name}", f"DROP TABLE {table.name}"):
            with pytest.raises(pg8000.native.DatabaseError, match=r"permission denied|must be owner"):
                run_as(postgres_server, "test_reader", password, sql)
    for sql in (
        "UPDATE payloads SET blob_path = 'x'",
        "UPDATE query_results SET blob_path = 'x'",
        "UPDATE users SET email = 'x'",
        "UPDATE sessions SET revoked_at = NULL",
        "INSERT INTO actions DEFAULT VALUES",
        "CREATE TABLE own (a int)",
    ):
        with pytest.raises(pg8000.native.DatabaseError, match="permission denied"):
            run_as(postgres_server, "test_reader", password, sql)
    for sql in ("UPDATE payloads SET read_at = now()", "UPDATE payloads SET etag = ''"):
        assert run_as(postgres_server, "test_reader", password, sql) == []


def test_the_writer_changes_rows_and_no_table(
    postgres_server: RunningPostgres, addresses: dict[str, str]
) -> None:
    password = "it's 100%"
    assert run_as(postgres_server, "test_writer", password, "DELETE FROM expired_blobs") == []
    for sql in ("DROP TABLE actions", "ALTER TABLE actions ADD a int", "CREATE TABLE own (a int)"):
        with pytest.raises(pg8000.native.DatabaseError, match=r"permission denied|must be owner"):
            run_as(postgres_server, "test_writer", password, sql)
    with pytest.raises(pg8000.native.DatabaseError, match="permission denied"):
        run_as(postgres_server, "test_writer", password, "UPDATE alembic_version SET version_num = '0'")


def test_a_new_password_holds_after_the_next_migration(
    postgres_server: RunningPostgres, addresses: dict[str, str]
) -> None:
    renewed = address(postgres_server, "test_reader", "another")
    assert migrate(postgres_server, DATABASE_READER_URL=renewed).returncode == 0
    assert run_as(postgres_server, "test_reader", "another", "SELECT current_user") == [["test_reader"]]


@pytest.mark.parametrize(
    ("user", "password", "message"),
    [
        ("almanac", "almanac", "DATABASE_READER_URL names almanac, who migrates"),
        ("a-b", "secret", "DATABASE_READER_URL needs a user, of a-z, 0-9 and _, and a password"),
        ("reader", "", "DATABASE_READER_URL needs a user, of a-z, 0-9 and _, and a password"),
    ],
)
def test_an_address_that_makes_no_user_is_refused_and_shown_to_nobody(
    postgres_server: RunningPostgres, user: str, password: str, message: str
) -> None:
    done = migrate(postgres_server, DATABASE_READER_URL=address(postgres_server, user, password))
    assert done.returncode != 0
    assert message in done.stdout
    assert "secret@" not in done.stdout
