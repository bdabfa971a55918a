"""One child process of the local stack: start, wait until ready, stop.

Children get PR_SET_PDEATHSIG, so that a supervisor killed with -9 leaves nothing behind. The signal is tied
to the parent *thread*: start children from a thread that lives as long as the supervisor.
"""

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
NOBODY = 65534
_LOG_END_BYTES = 16_384
_LOG_ROTATE_BYTES = 10_000_000
_LIBC = ctypes.CDLL(None, use_errno=True)


class ServiceFailedError(Exception):
    """A service did not start or did not become ready; the message holds the end of its log."""


@dataclass(frozen=True)
class ServiceSpec:
    """How to run one service.

    `is_ready` is polled until it answers True; `stop_signal` is the one the program shuts down cleanly on;
    `as_nobody` drops root's rights first (PostgreSQL refuses to run as root).
    """

    name: str
    command: Sequence[str | Path]
    is_ready: Callable[[], bool]
    log_path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    as_nobody: bool = False
    ready_timeout_seconds: float = 180.0
    stop_timeout_seconds: float = 10.0


class Service:
    """A running service."""

    def __init__(self, spec: ServiceSpec) -> None:
        self.spec = spec
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """The exit code once it ended; negative: the signal that ended it."""
        return self._process.poll() if self._process else None

    @contextmanager
    def serving(self) -> Iterator["Service"]:
        """Started and ready inside the block, stopped behind it. Raises ServiceFailedError as `wait_ready` does."""
        self.start()
        try:
            self.wait_ready()
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start the process; does not wait. Raises ServiceFailedError when there is nothing to run."""
        spec = self.spec
        spec.log_path.parent.mkdir(parents=True, exist_ok=True)
        _rotate(spec.log_path)
        with spec.log_path.open("ab") as log:
            self._log_start = log.tell()
            try:
                self._process = subprocess.Popen(
                    [str(part) for part in spec.command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=spec.working_directory,
                    env={**os.environ, **spec.environment},
                    process_group=0,
                    preexec_fn=_prepare_child(spec),
                )
            except OSError as error:
                raise ServiceFailedError(f"{spec.name} cannot be started: {error}") from error

    def wait_ready(self) -> None:
        """Block until the service answers. Raises ServiceFailedError when it ends or takes too long."""
        deadline = time.monotonic() + self.spec.ready_timeout_seconds
        while time.monotonic() < deadline:
            if self.pid is None:
                raise ServiceFailedError(f"{self.spec.name} ended while starting:\n{self.read_log_end()}")
            if self.spec.is_ready():
                return
            time.sleep(0.05)
        waited = f"{self.spec.ready_timeout_seconds:.0f} s"
        raise ServiceFailedError(f"{self.spec.name} was not ready within {waited}:\n{self.read_log_end()}")

    def stop(self) -> None:
        """Stop the process cleanly, and by force when it does not end in time."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.spec.stop_signal)
            try:
                process.wait(self.spec.stop_timeout_seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.end_group()
        self._process = None

    def kill(self) -> None:
        """End the process the hard way (SIGKILL), as a test of recovery does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def end_group(self) -> None:
        """End children that outlived a process which is gone; they may still hold its port."""
        process = self._process
        if process is None or process.poll() is None:
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def read_log_end(self, lines: int = 20) -> str:
        """The last lines it wrote since it was started."""
        with self.spec.log_path.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _LOG_END_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def _prepare_child(spec: ServiceSpec) -> Callable[[], None]:
    drop = spec.as_nobody and os.geteuid() == 0
    parent = os.getpid()

    def prepare() -> None:
        if drop:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        # After setuid: changing credentials clears the setting.
        _LIBC.prctl(PR_SET_PDEATHSIG, spec.stop_signal)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _rotate(log_path: Path) -> None:
    """Keep one older log when this one has grown large."""
    if log_path.exists() and log_path.stat().st_size > _LOG_ROTATE_BYTES:
        log_path.replace(log_path.with_name(f"{log_path.name}.1"))


def pick_free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int, host: str = "127.0.0.1") -> bool:
    """True when something listens on `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def answers_ok(port: int, path: str) -> bool:
    """True when a GET of `path` on loopback answers 200 within two seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
