"""Every function as Cloud Run runs it: told its port by PORT, stopped by SIGTERM while requests are under way."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from deploy.local.functions import build_function_spec
from deploy.local.process import Service, pick_free_port
from shared.api.manifest import FunctionEntry, get_manifest
from shared.settings import Settings
from tests.fixtures.functions import FunctionHost
from tests.fixtures.postgres import RunningPostgres

REQUESTS_PER_FUNCTION = 5
# Cloud Run kills after ten seconds; the rest is for a machine with other things to do.
LEAVE_SECONDS = 25

OPEN_RESERVATIONS = "SELECT count(*) FROM cost_reservations WHERE settled_at IS NULL"
HELD_LEASES = "SELECT count(*) FROM query_leases WHERE owner IS NOT NULL"
SLOW = """\
version: 1
slug: slow
title: Takes the emulator a minute
dataset: shop
queries:
  crossed:
    sql: |
      SELECT COUNT(*) AS n
      FROM people, UNNEST(GENERATE_ARRAY(1, 6000)) AS a, UNNEST(GENERATE_ARRAY(1, 3000)) AS b
      WHERE MOD(a * b + id, 7) = 3
charts:
  - {id: crossed, title: Crossed, query: crossed, type: metric, value: n}
"""


def list_environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a process."""
    return {name.upper(): _write(value) for name, value in settings if value is not None}


def _write(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, list) else str(value)


class RunningFunction:
    """A function's process on a port of its own."""

    def __init__(self, entry: FunctionEntry, settings: Settings, folder: Path) -> None:
        self.entry = entry
        self.port = pick_free_port()
        self.service = Service(build_function_spec(entry, self.port, list_environment(settings), folder))
        self.service.start()

    def begin_request(self) -> socket.socket:
        """Half a request: taken by a thread, and not to be answered before the other half is there."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=LEAVE_SECONDS)
        path = next(route.path for route in self.entry.routes).partition("{")[0]
        method = self.entry.routes[0].methods[0]
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode())
        return connection

    def tell_to_stop(self) -> None:
        process = self.service._process
        assert process is not None
        process.send_signal(signal.SIGTERM)

    def wait_gone(self) -> int:
        """The exit code. Raises subprocess.TimeoutExpired when it does not leave."""
        process = self.service._process
        assert process is not None
        return process.wait(LEAVE_SECONDS)


def finish_request(connection: socket.socket) -> int:
    """Send the other half; the status of the answer."""
    with connection:
        connection.sendall(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 "), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body or b"Content-Length: 0" in head
    return int(answer[9:12])


@pytest.fixture
def running(function_settings: Settings, tmp_path: Path) -> Iterator[list[RunningFunction]]:
    """Every function of the manifest, started together."""
    with ExitStack() as stack:
        started = []
        for entry in get_manifest().functions:
            one = RunningFunction(entry, function_settings, tmp_path)
            stack.callback(one.service.stop)
            started.append(one)
        for one in started:
            one.service.wait_ready()
        yield started


def test_a_function_told_to_stop_answers_what_it_has_begun_and_leaves(running: list[RunningFunction]) -> None:
    for one in running:
        begun = [one.begin_request() for _ in range(REQUESTS_PER_FUNCTION)]
        time.sleep(0.3)
        one.tell_to_stop()
        time.sleep(0.3)
        statuses = {finish_request(connection) for connection in begun}
        assert max(statuses) < 500, (one.entry.name, statuses)
        assert one.wait_gone() == 0, one.entry.name
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", one.port), timeout=5)


def test_a_refresh_is_ended_settled_and_can_be_called_again_when_its_process_is_told_to_stop(
    functions: FunctionHost, function_settings: Settings, postgres_server: RunningPostgres, tmp_path: Path
) -> None:
    saved = functions.call(
        "dashboards_save",
        "POST",
        "/dashboards/save",
        json={"dashboards": [{"path": "slow.yaml", "yaml": SLOW}], "message": "Slow"},
    )
    assert saved.status_code == 200, saved.text
    settings = function_settings.model_copy(update={"drain_seconds": 0.5, "warehouse_timeout_seconds": 300.0})
    precompute = RunningFunction(get_manifest().get("precompute"), settings, tmp_path)
    try:
        precompute.service.wait_ready()
        answers: list[requests.Response] = []
        token = functions._token("editor@example.com")
        caller = threading.Thread(
            target=lambda: answers.append(
                requests.post(
                    f"http://127.0.0.1:{precompute.port}/precompute",
                    json={"slugs": ["slow"]},
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=120,
                )
            )
        )
        caller.start()
        wait_for_job(postgres_server)
        precompute.tell_to_stop()
        assert precompute.wait_gone() == 0
        caller.join(10)
    finally:
        precompute.service.stop()
    (answer,) = answers
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert postgres_server.run(HELD_LEASES) == [[0]]
    assert postgres_server.run(OPEN_RESERVATIONS) == [[0]]


def wait_for_job(postgres_server: RunningPostgres) -> None:
    deadline = time.monotonic() + 30
    while postgres_server.run(OPEN_RESERVATIONS) == [[0]]:
        assert time.monotonic() < deadline, "the refresh does not begin"
        time.sleep(0.05)
    time.sleep(1)  # reserved; the job begins now
