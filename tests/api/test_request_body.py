"""Bodies over the wire, at a function as functions-framework serves it: bounded, in time, or not read at all."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.bodies import MOST_BYTES, measure_growth
from deploy.local.functions import build_function_spec
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import get_manifest

HANDLER = """
import flask
from shared.api.endpoint import endpoint
from shared.api.responses import Reply

# An open path, so that the handler reads bodies of anybody.
@endpoint("viewer", span="viewer.serve")
def viewer(call):
    if call.request.path == "/docs":
        return Reply(b'"not read"')
    return Reply(str(len(call.read_body())).encode())
"""
PATIENCE_SECONDS = 60
LARGE = 31_000_000


class Server:
    def __init__(self, port: int, peers: ExitStack) -> None:
        self.port = port
        self._peers = peers

    def send(self, request: bytes) -> socket.socket:
        connection = self._peers.enter_context(
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        )
        connection.sendall(request)
        return connection

    def ask(self, path: str, *headers: str, body: bytes = b"") -> socket.socket:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
        return self.send("\r\n".join(lines).encode() + body)


def receive(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    assert part, "the connection ended"
    return part


def read_answer(connection: socket.socket) -> tuple[int, str, dict]:
    """Status, the Connection header, and the envelope, of which the length is known."""
    answer = receive(connection)
    while b"\r\n\r\n" not in answer:
        answer += receive(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while len(body) < int(fields["content-length"]):
        body += receive(connection)
    return int(head[9:12]), fields["connection"], json.loads(body)


def read_error(connection: socket.socket) -> tuple[int, str]:
    status, connected, envelope = read_answer(connection)
    assert connected == "close"
    return status, envelope["error"]["code"]


@pytest.fixture(scope="module")
def processes(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Ports of functions with four threads: one whose paths are open, and one that asks who is calling."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "viewer").mkdir()
    (folder / "viewer" / "main.py").write_text(HANDLER)
    environment = {"BODY_TIMEOUT_SECONDS": "2", "MAX_BODY_BYTES": "100000", "OTEL_TRACES_EXPORTER": "none"}
    sources = {"viewer": folder, "dashboards_validate": Path(__file__).parents[2] / "functions"}
    with ExitStack() as stack:
        ports = {}
        for name, source in sources.items():
            entry = get_manifest().get(name).model_copy(update={"concurrency": 4})
            ports[name] = pick_free_port()
            service = Service(build_function_spec(entry, ports[name], environment, folder, source))
            stack.enter_context(service.serving())
        yield ports


@pytest.fixture
def open_function(processes: dict[str, int]) -> Iterator[Server]:
    with ExitStack() as peers:
        yield Server(processes["viewer"], peers)


@pytest.fixture
def closed_function(processes: dict[str, int]) -> Iterator[Server]:
    with ExitStack() as peers:
        yield Server(processes["dashboards_validate"], peers)


def check_health(server: Server) -> None:
    status, connected, envelope = read_answer(server.ask("/healthz"))
    assert (status, connected, envelope["data"]) == (200, "keep-alive", {"status": "ok"})


HEAD = b"POST /dashboards/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("framing", [f"Content-Length: {LARGE}", "Transfer-Encoding: chunked"])
def test_who_is_not_known_is_refused_while_the_body_is_unsent(closed_function, framing):
    started = b"1d905c0\r\n" if "chunked" in framing else b""
    connection = closed_function.send(HEAD + framing.encode() + b"\r\n\r\n" + started + b"{" * 1000)
    assert read_error(connection) == (401, "UNAUTHENTICATED")


def test_who_sends_all_of_a_large_body_before_reading_gets_the_refusal_too(closed_function):
    connection = closed_function.send(HEAD + f"Content-Length: {LARGE}\r\n\r\n".encode() + b"{" * LARGE)
    assert read_error(connection) == (401, "UNAUTHENTICATED")
    assert connection.recv(1) == b""


def test_large_bodies_of_strangers_take_no_memory(closed_function):
    # docs/bench/bodies.md has the figures of 16 threads, and of a state that read the bodies.
    assert measure_growth(closed_function.port) < MOST_BYTES


def test_more_strangers_who_drip_than_there_are_threads_hold_up_nobody(closed_function):
    dripping = [closed_function.send(HEAD + b"Content-Length: 1000000\r\n\r\n{") for _ in range(6)]
    check_health(closed_function)
    assert [read_error(one) for one in dripping] == [(401, "UNAUTHENTICATED")] * 6
    for one in dripping:
        one.sendall(b" ")
    check_health(closed_function)


def test_a_body_over_the_bound_is_refused_while_it_is_unsent(open_function):
    assert read_error(open_function.ask("/", "Content-Length: 100001")) == (413, "PAYLOAD_TOO_LARGE")
    chunks = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\nffff\r\n" + b"x" * 0xFFFF
    assert read_error(open_function.ask("/", "Transfer-Encoding: chunked", body=chunks)) == (
        413, "PAYLOAD_TOO_LARGE",
    )  # fmt: skip


def test_bodies_in_time_are_read_and_the_connection_serves_on(open_function):
    connection = open_function.ask("/", "Content-Length: 3", body=b"abc")
    assert read_answer(connection)[::2][1]["data"] == 3
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
    )
    assert read_answer(connection)[2]["data"] == 5
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_answer(connection)[2]["data"] == 0


def test_a_body_that_comes_byte_by_byte_is_given_up(open_function):
    connection = open_function.ask("/", "Content-Length: 1000")
    connection.settimeout(0.05)
    answer = b""
    while not answer:
        connection.sendall(b"x")
        try:
            answer = connection.recv(65536)
        except TimeoutError:
            continue
    connection.settimeout(10)
    while b'"code":"REQUEST_TIMEOUT"' not in answer:
        more = connection.recv(65536)
        assert more, answer
        answer += more
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 2 seconds" in answer


def test_bodies_that_are_waited_for_leave_threads_to_others(open_function):
    dripping = [open_function.ask("/", "Content-Length: 1000", body=b"x") for _ in range(6)]
    check_health(open_function)
    assert [read_error(one) for one in dripping] == [(408, "REQUEST_TIMEOUT")] * 6


@pytest.mark.parametrize(
    ("framing", "body"),
    [("Content-Length: 10", b"abc"), ("Transfer-Encoding: chunked", b"5\r\nabc"),
     ("Transfer-Encoding: chunked", b"zz\r\nabc\r\n0\r\n\r\n")],
)  # fmt: skip
def test_a_body_without_its_end_is_an_invalid_request(open_function, framing, body):
    connection = open_function.ask("/", framing, body=body)
    connection.shutdown(socket.SHUT_WR)
    assert read_error(connection) == (400, "INVALID_REQUEST")


def test_a_body_nobody_wanted_is_left_and_the_connection_closed(open_function):
    connection = open_function.ask("/docs", "Content-Length: 1000000", body=b"x")
    status, connected, envelope = read_answer(connection)
    assert (status, connected, envelope["data"]) == (200, "close", "not read")
    assert connection.recv(1) == b""
    check_health(open_function)
