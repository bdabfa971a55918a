"""PostgreSQL alone, without the rest of the stack: a migrated server for tests and benches."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.native
from alembic import command
from alembic.config import Config

from deploy.local.parts import REPOSITORY, ensure_parts
from deploy.local.servers.postgres import PostgresServer
from deploy.local.supervision.process import Service, pick_free_port
from shared.environment import SecretStr
from shared.settings import Settings


@dataclass
class RunningPostgres:
    """A server that tests may stop, kill and start again."""

    server: PostgresServer
    _service: Service | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the server's own database."""
        return self.server.url

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._service.pid if self._service else None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.server.prepare()
        self._service = Service(self.server.spec())
        self._service.start()
        self._service.wait_ready()

    def stop(self) -> None:
        """Shut the server down cleanly."""
        if self._service:
            self._service.stop()

    def kill(self) -> None:
        """End the server with SIGKILL."""
        if self._service:
            self._service.kill()

    def settings(self, **changes: Any) -> Settings:
        """Settings whose database is this server's."""
        return Settings(**{"database_url": SecretStr(self.url), **changes})

    def connect(self, database: str | None = None) -> pg8000.native.Connection:
        """A connection past the repositories; the caller closes it."""
        server = self.server
        return pg8000.native.Connection(
            server.user, "127.0.0.1", database or server.database, server.port, "almanac", timeout=10
        )

    def run(self, sql: str, database: str | None = None, **parameters: object) -> list[Any]:
        """Rows of one statement, past the repositories."""
        with closing(self.connect(database)) as connection:
            return list(connection.run(sql, **parameters) or [])


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    config = Config(REPOSITORY / "alembic.ini")
    config.attributes["database_url"] = url
    return config


@contextmanager
def make_state_dir() -> Iterator[Path]:
    """A temporary folder for a server. Not below tmp_path: pytest closes that to `nobody`."""
    folder = Path(tempfile.mkdtemp(prefix="almanac-postgres-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def start_empty_postgres() -> Iterator[RunningPostgres]:
    """Start a server without a schema on a free port; stop it and delete its files on leaving."""
    ensure_parts()
    with make_state_dir() as folder:
        running = RunningPostgres(PostgresServer(folder / "postgres", pick_free_port(), durable=False))
        running.start()
        try:
            yield running
        finally:
            running.stop()


@contextmanager
def start_postgres() -> Iterator[RunningPostgres]:
    """The same, migrated to the newest schema."""
    with start_empty_postgres() as running:
        command.upgrade(alembic_config(running.url), "head")
        yield running
