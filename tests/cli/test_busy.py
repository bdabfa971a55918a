"""A front end that has nobody to pass requests on to says so in HTML: reads are tried again, the rest is told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.conftest import Program

PAGE = b"<html><title>Error</title><h1>Server Error</h1></html>"
LISTED = b'{"success":true,"data":{"results":[],"total":0},"error":null,"metadata":{}}'
OURS = (
    b'{"success":false,"data":null,"error":{"code":"BUDGET_EXCEEDED","message":"No room.","remediation":"Wait.",'
    b'"trace_id":"","details":[]},"metadata":{}}'
)


class FrontEnd(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: status, type, body, Retry-After."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str, bytes, str | None]] = []
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def say(
        self, status: int, *, body: bytes = PAGE, kind: str = "text/html", after: str | None = None
    ) -> None:
        self.answers.append((status, kind, body, after))


class _Handler(BaseHTTPRequestHandler):
    server: FrontEnd

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.append(f"{self.command} {self.path.partition('?')[0]}")
        status, kind, body, after = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if after is not None:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server looks for it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def front_end(program: Program) -> Iterator[FrontEnd]:
    with FrontEnd() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        program.environment |= {"ALMANAC_URL": address, "ALMANAC_TOKEN": "ey.x.y"}
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_tried_again(program: Program, front_end: FrontEnd, status: int) -> None:
    front_end.say(status)
    front_end.say(status, after="0")
    front_end.say(200, body=LISTED, kind="application/json")
    program.run("list")
    assert len(front_end.seen) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_who_stays_busy_is_told_of_as_busy(program: Program, front_end: FrontEnd, status: int) -> None:
    for _ in range(3):
        front_end.say(status)
    shown = program.run("list", code=3).stderr
    assert f"The service is busy: what stands before it answered {status}." in " ".join(shown.split())
    assert "Try again in a moment." in shown
    assert len(front_end.seen) == 3


def test_a_long_time_to_wait_is_left_to_the_person(program: Program, front_end: FrontEnd) -> None:
    front_end.say(429, after="3600")
    assert "Try again in 3600 seconds." in program.run("list", code=3).stderr
    assert len(front_end.seen) == 1


def test_what_may_cost_something_is_not_sent_twice(program: Program, front_end: FrontEnd) -> None:
    front_end.say(503)
    assert "The service is busy" in program.run("run", "SELECT 1", code=3).stderr
    assert front_end.seen == ["POST /sql/run"]


def test_a_refusal_of_the_service_itself_stands(program: Program, front_end: FrontEnd) -> None:
    front_end.say(429, body=OURS, kind="application/json")
    assert "error[BUDGET_EXCEEDED]" in program.run("list", code=1).stderr
    assert len(front_end.seen) == 1


def test_another_page_is_no_busy_service(program: Program, front_end: FrontEnd) -> None:
    front_end.say(200)
    assert "not this API" in " ".join(program.run("list", code=3).stderr.split())
