"""A function's container that is told to stop, as its router sees it."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from deploy.local.parts import REPOSITORY
from deploy.local.supervision.process import pick_free_port

SERVE = REPOSITORY / "deploy" / "container" / "serve.py"


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 60
    while not listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_says_that_it_leaves_and_serves_until_it_has_left(servers: None) -> None:
    port, leaving = pick_free_port(), pick_free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-SE", SERVE, sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port),
        ],
        env={**os.environ, "LEAVING_PORT": str(leaving), "LEAVING_SECONDS": "3"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until_it_listens(port)
        assert not listens(leaving)
        process.send_signal(signal.SIGTERM)
        wait_until_it_listens(leaving)
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 200
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not listens(port)
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.usefixtures("programs")
def test_a_server_that_ends_by_itself_ends_the_container_with_its_code() -> None:
    done = subprocess.run(
        [sys.executable, "-SE", SERVE, sys.executable, "-c", "raise SystemExit(7)"], check=False
    )
    assert done.returncode == 7
