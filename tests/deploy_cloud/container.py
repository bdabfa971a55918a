"""A function's process the way Cloud Run's container holds it, as far as a process without an image can be.

As there: its port comes by PORT, SIGTERM ends it, and as root its file system is read-only but for one folder with
the stores of the test and TMPDIR. Not as there: the memory limit is not enforced but compared with the most it took,
files come from the checkout instead of the image, and it runs as whoever runs the tests. A real image with a real limit
is what deploy/ci/compose.sh has.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.local.functions import build_function_spec
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import FunctionEntry
from shared.settings import Settings
from tests.functions.data_router import make_environment

# Cloud Run kills ten seconds after SIGTERM: https://cloud.google.com/run/docs/container-contract#instance-shutdown
GRACE_SECONDS = 10
BUSY_GRACE_SECONDS = 30
ANSWER_SECONDS = 60
_READ_ONLY = 'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'
_UNITS = {"Mi": 2**20, "Gi": 2**30}


def allow_seconds() -> float:
    """How long a function may take to leave: as on Cloud Run, or longer while others take the processors from it."""
    is_busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    return BUSY_GRACE_SECONDS if is_busy else GRACE_SECONDS


def wrap_read_only(folder: Path) -> list[str]:
    """What runs a command with a read-only root, `folder` apart; nothing where that is not allowed."""
    wrapper = ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(folder)]
    tried = subprocess.run([*wrapper, "true"], capture_output=True, check=False) if os.getuid() == 0 else None
    return wrapper if tried is not None and tried.returncode == 0 else []


def parse_memory(limit: str) -> int:
    """Bytes of `512Mi` and the like."""
    return int(limit[:-2]) * _UNITS[limit[-2:]]


class RunningFunction:
    """A function's process on a port of its own, which may write below `folder`."""

    def __init__(self, entry: FunctionEntry, settings: Settings, folder: Path) -> None:
        self.entry = entry
        self.port = pick_free_port()
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {**make_environment(settings), "TMPDIR": str(temporary)}
        spec = build_function_spec(entry, self.port, environment, folder)
        self.service = Service(replace(spec, command=[*wrap_read_only(folder), *spec.command]))
        self.service.start()

    def send(self, request: bytes) -> socket.socket:
        """A connection on which these bytes were sent."""
        return send_request(self.port, request)

    def wait_until_all_is_read(self) -> None:
        """Until it has taken every connection and read what was sent: a router signals no earlier."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while count_unread(self.port):
            assert time.monotonic() < deadline, f"{self.entry.name} reads nothing"
            time.sleep(0.01)

    def tell_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait_gone(self, since: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired when it does not leave in time, counted from `since`."""
        return self._process.wait(max(0.1, since + allow_seconds() - time.monotonic()))

    def read_peak_memory(self) -> int:
        """The most memory that its processes have taken, each at its own time, in bytes."""
        return sum(map(_read_peak, self._list_processes()))

    def _list_processes(self) -> list[int]:
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    @property
    def _process(self) -> "subprocess.Popen[Any]":
        process = self.service._process
        assert process is not None
        return process


def count_unread(port: int) -> int:
    """Connections nobody accepted and bytes nobody read at a port of 127.0.0.1, by the kernel's own account."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[4].partition(":")[2], 16) for row in rows if row[1] == f"0100007F:{port:04X}")


def _read_peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def send_request(port: int, request: bytes) -> socket.socket:
    """A connection to a port of this machine on which these bytes were sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
    connection.sendall(request)
    return connection


def build_request(method: str, path: str, token: str, body: bytes) -> bytes:
    """The bytes of a call on a connection of its own."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body, read to its end."""
    answer = b""
    with connection:
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 "), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" in head or f"content-length: {len(body)}".encode() in head.lower(), head
    return int(answer[9:12]), body


class Load:
    """Calls in a loop on some threads, until it is told to stop; `answers` are what they got."""

    def __init__(self, function: RunningFunction, request: bytes, threads: int) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self._function = function
        self._request = request
        self._sending = threading.Lock()
        self._is_over = False
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Until so many calls are answered."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while len(self.answers) < count:
            assert time.monotonic() < deadline, f"{self._function.entry.name}: {len(self.answers)} answers"
            time.sleep(0.01)

    def send_no_more(self) -> None:
        """What was sent is under way, and nothing follows: Cloud Run, too, stops sending before it signals."""
        with self._sending:
            self._is_over = True

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._sending:
                if self._is_over:
                    return
                connection = self._function.send(self._request)
            self.answers.append(read_answer(connection))
