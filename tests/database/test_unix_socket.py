"""PostgreSQL through a Unix socket, which is how Cloud Run hands Cloud SQL to a container."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from deploy.local.alone.postgres import alembic_config, make_state_dir
from deploy.local.parts import ensure_parts
from deploy.local.servers.postgres import PostgresServer
from deploy.local.supervision.process import Service, pick_free_port
from shared.database.unit_of_work import Database
from shared.errors import DependencyUnavailableError
from shared.settings import Settings

PASSWORD = "p@ss/w:rd"


@pytest.fixture(scope="module")
def socket_path(servers: None) -> Iterator[Path]:
    """The socket of a running server, in a folder named like a Cloud SQL instance."""
    ensure_parts()
    with make_state_dir() as folder:
        sockets = folder / "project:region:instance"
        sockets.mkdir()
        sockets.chmod(0o777)
        server = PostgresServer(folder / "postgres", pick_free_port(), PASSWORD, durable=False)
        server.prepare()
        spec = server.spec()
        command = [*spec.command, "-c", f"unix_socket_directories={sockets}"]
        with Service(replace(spec, command=command)).serving():
            yield sockets / f".s.PGSQL.{server.port}"


def make_url(path: Path) -> str:
    """As docs/deploy.md has it for Cloud SQL."""
    return f"postgresql+pg8000://almanac:p%40ss%2Fw%3Ard@/almanac?unix_sock={path}"


def test_migrations_and_the_service_connect_through_the_socket(socket_path: Path) -> None:
    url = make_url(socket_path)
    command.upgrade(alembic_config(url), "head")
    database = Database(Settings(database_url=url))
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT inet_client_addr()")).scalar() is None
        assert connection.execute(text("SELECT count(*) FROM users")).scalar() == 0
    database.dispose()


def test_a_socket_that_is_not_there_is_a_database_that_is_not_available(tmp_path: Path) -> None:
    database = Database(Settings(database_url=make_url(tmp_path / ".s.PGSQL.5432")))
    with pytest.raises(DependencyUnavailableError, match="cannot be reached"), database.engine.connect():
        pass
    database.dispose()
