"""The server that a function of ours runs in: what it says of itself is in the envelope, and nobody keeps a thread."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.functions import build_function_spec
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import get_manifest
from shared.api.server import HEAD_SECONDS

PATIENCE_SECONDS = 60
FUNCTION = get_manifest().get("viewer")


@pytest.fixture(scope="module")
def port(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = pick_free_port()
    spec = build_function_spec(
        FUNCTION, port, {"OTEL_TRACES_EXPORTER": "none"}, tmp_path_factory.mktemp("server")
    )
    with Service(spec).serving():
        yield port


def send(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    connection.sendall(request)
    return connection


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], dict]:
    """Status, headers and the envelope of an answer after which the connection ends."""
    answer = b""
    with connection:
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:]), json.loads(body)


@pytest.mark.parametrize(
    "request_head",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: brotli\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nnot a header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01 not HTTP at all\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_cannot_be_read_gets_the_envelope(port: int, request_head: bytes) -> None:
    status, headers, body = read_answer(send(port, request_head))
    assert (status, headers["content-type"], headers["connection"]) == (400, "application/json", "close")
    assert (body["success"], body["data"], body["error"]["code"]) == (False, None, "INVALID_REQUEST")
    assert body["error"]["trace_id"] == body["metadata"]["trace_id"]
    assert "cannot be read" in body["error"]["message"]
    assert "<" not in json.dumps(body)


def test_who_sends_the_head_byte_by_byte_keeps_a_thread_for_seconds_only(port: int) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not over.wait(0.1):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    with ExitStack() as leaving:
        drippers = [
            leaving.enter_context(send(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "))
            for _ in range(FUNCTION.concurrency)
        ]
        threads = [threading.Thread(target=drip, args=(one,)) for one in drippers]
        for thread in threads:
            leaving.callback(thread.join)
            thread.start()
        leaving.callback(over.set)
        began = time.monotonic()
        connection = send(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        status, _, _ = read_answer(connection)
        assert status == 200
        # All threads were taken, and given back.
        assert time.monotonic() - began > HEAD_SECONDS / 2
        first = drippers[0]
        first.settimeout(PATIENCE_SECONDS)
        status, _, body = read_answer(first)
        assert (status, body["error"]["code"]) == (408, "REQUEST_TIMEOUT")


def test_a_head_in_several_pieces_is_waited_for(port: int) -> None:
    connection = send(port, b"GET /healthz HTTP/1.1\r\nHost: loc")
    time.sleep(0.5)
    connection.sendall(b"alhost\r\nConnection: close\r\n\r\n")
    assert read_answer(connection)[0] == 200
