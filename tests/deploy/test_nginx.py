"""The rendered configuration in a real nginx, in front of real functions-framework processes."""

import http.client
import json
import re
import socket
import time
from datetime import datetime

import pytest
import requests

from shared.settings import Settings
from tests.deploy.conftest import Gateway

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
MAX_BODY_BYTES: int = Settings.max_body_bytes


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/things",
        "/things/special",
        "/things/nyc-flights",
        "/things/x/versions/12",
        "/a.b",
        "/things?a=%2F&b=1",
    ],
)
def test_a_route_of_the_manifest_reaches_its_function_unchanged(gateway: Gateway, path: str) -> None:
    answer = gateway.call(path)
    assert answer.status_code == 200
    assert answer.json()["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/things/", "/things/x/y", "/things/x/versions/two", "/things/x/versions/1234567890123456789",
        "/a-b", "/Things", "/_error/404",
    ],
)  # fmt: skip
def test_a_path_without_a_route_answers_404_in_the_envelope(gateway: Gateway, path: str) -> None:
    check_error(gateway.call(path), 404, "NOT_FOUND")


def test_an_encoded_slash_reaches_the_function_as_it_was_sent(gateway: Gateway) -> None:
    check_error(gateway.call("/things/a%2Fb"), 404, "NOT_FOUND")
    assert gateway.call("/things/a%20b").json()["path"] == "/things/a%20b"


def test_a_body_near_the_bound_is_left_to_the_function(gateway: Gateway) -> None:
    answer = gateway.call("/things", method="POST", data=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.json()["length"] == MAX_BODY_BYTES + 1


def test_a_body_far_over_the_bound_answers_413_in_the_envelope(gateway: Gateway) -> None:
    answer = gateway.call("/things", method="POST", data=b"x" * (MAX_BODY_BYTES * 12 // 10))
    check_error(answer, 413, "PAYLOAD_TOO_LARGE")


def test_a_function_that_does_not_run_answers_503_in_the_envelope(gateway: Gateway) -> None:
    answer = gateway.call("/missing")
    check_error(answer, 503, "DEPENDENCY_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "2"


def test_a_function_that_is_too_slow_answers_504_in_the_envelope(gateway: Gateway) -> None:
    started = time.monotonic()
    answer = gateway.call("/things?sleep=3", headers={"traceparent": TRACEPARENT})
    assert time.monotonic() - started < 2.5
    check_error(answer, 504, "WAREHOUSE_TIMEOUT")
    assert answer.json()["error"]["trace_id"] == TRACE_ID


def test_a_function_that_dies_answers_503_and_serves_again(gateway: Gateway) -> None:
    check_error(gateway.call("/things?exit=1"), 503, "DEPENDENCY_UNAVAILABLE")
    deadline = time.monotonic() + 15
    while gateway.call("/things").status_code != 200:
        assert time.monotonic() < deadline, "gunicorn did not bring its worker back"
        time.sleep(0.1)


@pytest.mark.parametrize("path", ["/things%0A", "/nothing/a%0Ab", "/things/%7F"])
def test_a_path_with_a_control_character_is_nowhere(gateway: Gateway, path: str) -> None:
    check_error(gateway.call(path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /things HTTP/1.1\r\nno colon\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /things?" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /things HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 40_000 + b"\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: surprise\r\n\r\n",
    ],
    ids=["header", "request line", "long URL", "long header", "known encoding", "unknown encoding"],
)
def test_an_unreadable_request_answers_400_in_the_envelope(gateway: Gateway, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(raw)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert b" 400 " in head.split(b"\r\n")[0]
    assert json.loads(body)["error"]["code"] == "INVALID_REQUEST"


def test_a_request_id_goes_to_the_function(gateway: Gateway) -> None:
    answer = gateway.call("/things", headers={"X-Request-Id": "given-id.1234"})
    assert answer.json()["headers"]["X-Request-Id"] == "given-id.1234"
    assert answer.headers["X-Request-Id"] == "given-id.1234"


@pytest.mark.parametrize("given", [None, "short", 'quote"quote"', "x" * 65, "new line"])
def test_a_missing_or_unsafe_request_id_is_replaced(gateway: Gateway, given: str | None) -> None:
    answer = gateway.call("/things", headers={"X-Request-Id": given} if given else {})
    assert re.fullmatch("[0-9a-f]{32}", answer.json()["headers"]["X-Request-Id"])
    assert answer.headers["X-Request-Id"] == answer.json()["headers"]["X-Request-Id"]


def test_a_header_the_function_sets_is_not_sent_twice(gateway: Gateway) -> None:
    answer = gateway.call(
        "/things?X-Request-Id=from-function&Cache-Control=private&Content-Security-Policy=default-src+none"
    )
    assert answer.headers["X-Request-Id"] == "from-function"
    assert answer.headers["Cache-Control"] == "private"
    assert answer.headers["Content-Security-Policy"] == "default-src none"


def test_a_trace_context_goes_through(gateway: Gateway) -> None:
    answer = gateway.call("/things", headers={"traceparent": TRACEPARENT, "tracestate": "a=b"})
    assert answer.json()["headers"]["Traceparent"] == TRACEPARENT
    assert answer.json()["headers"]["Tracestate"] == "a=b"


@pytest.mark.parametrize(
    "given",
    [
        None,
        "nonsense",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        TRACEPARENT.upper(),
    ],
)
def test_a_trace_begins_where_none_is_given(gateway: Gateway, given: str | None) -> None:
    seen = gateway.call("/things", headers={"traceparent": given} if given else {}).json()["headers"]
    assert seen["Traceparent"] == f"00-{seen['X-Request-Id']}-{seen['X-Request-Id'][:16]}-01"


def test_forwarding_headers_of_a_client_are_not_believed(gateway: Gateway) -> None:
    forged = {
        "X-Forwarded-For": "10.1.2.3", "X-Real-IP": "10.1.2.3",
        "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test",
    }  # fmt: skip
    seen = gateway.call("/things", headers=forged).json()["headers"]
    assert seen["X-Forwarded-For"] == seen["X-Real-Ip"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["X-Forwarded-Host"] == seen["Host"] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/things", "/nothing", "/missing", "/healthz"])
def test_every_answer_carries_the_security_headers_once(gateway: Gateway, path: str) -> None:
    headers = gateway.call(path).raw.headers
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert headers.getlist("X-Frame-Options") == ["DENY"]
    assert headers.getlist("Referrer-Policy") == ["same-origin"]
    assert len(headers.getlist("Content-Security-Policy")) == 1
    assert headers.getlist("Cache-Control") == ["no-store"]
    assert headers.getlist("Server") == ["nginx"]


def test_json_is_compressed_for_clients_that_take_it(gateway: Gateway) -> None:
    plain = gateway.call("/things?padding=5000", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    packed = gateway.call("/things?padding=5000", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.json()["padding"] == "x" * 5000


def test_an_answer_that_is_encoded_already_is_left_alone(gateway: Gateway) -> None:
    path = "/things?padding=5000&Content-Encoding=x-ours"
    answer = gateway.call(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "x-ours"
    assert json.loads(answer.content)["padding"] == "x" * 5000


def test_lines_of_precompute_arrive_as_they_are_written(gateway: Gateway) -> None:
    started = time.monotonic()
    arrived = []
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("POST", "/precompute", headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    while line := response.readline():
        arrived.append((json.loads(line)["line"], time.monotonic() - started))
    connection.close()
    assert [number for number, _ in arrived] == [1, 2]
    assert arrived[1][1] - arrived[0][1] > 0.8


def test_a_connection_to_a_function_is_used_again(gateway: Gateway) -> None:
    with requests.Session() as session:  # one connection, so one nginx worker
        session.trust_env = False
        url = f"http://127.0.0.1:{gateway.port}/things"
        peers = {session.get(url, timeout=10).json()["peer"] for _ in range(5)}
    assert len(peers) == 1


def test_a_request_after_idling_never_meets_a_connection_just_closed(gateway: Gateway) -> None:
    # gunicorn drops a connection that was idle for 2 s.
    for pause in (0, 0.9, 1.9, 2.0, 2.1):
        time.sleep(pause)
        assert gateway.call("/things", method="POST", data=b"x").status_code == 200


def test_a_head_request_has_no_body(gateway: Gateway) -> None:
    answer = gateway.call("/nothing", method="HEAD")
    assert answer.status_code == 404
    assert answer.content == b""


def test_the_log_is_json_without_sign_in_codes(gateway: Gateway) -> None:
    gateway.call("/auth/callback?code=one-time-secret&state=abc", headers={"User-Agent": 'a "quoted" agent'})
    gateway.call('/things?q=log-probe"', headers={"traceparent": TRACEPARENT})
    entries = read_log(gateway, "log-probe")
    probe = next(entry for entry in entries if "log-probe" in entry["message"])
    assert probe["severity"] == "INFO"
    assert probe["httpRequest"]["status"] == "200"
    assert probe["logging.googleapis.com/trace"] == TRACE_ID
    assert datetime.fromisoformat(probe["time"]).tzinfo is not None
    callback = [entry for entry in entries if entry["message"].startswith("GET /auth/callback")]
    assert callback
    assert callback[-1]["httpRequest"]["userAgent"] == 'a "quoted" agent'
    assert "one-time-secret" not in gateway.log_path.read_text()


def test_health_is_answered_by_nginx_in_the_envelope(gateway: Gateway) -> None:
    answer = gateway.call("/healthz")
    assert answer.json()["success"] is True
    assert answer.json()["metadata"]["version"] == "1.2.3"


def test_localhost_works_whatever_it_resolves_to(gateway: Gateway) -> None:
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"http://localhost:{gateway.port}/healthz", timeout=10).ok


def check_error(answer: requests.Response, status: int, code: str) -> None:
    """The envelope of the API: every member there, and metadata that belongs to this answer."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body["success"] is False
    assert body["data"] is None
    assert set(body["error"]) == {"code", "message", "remediation", "trace_id", "details"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    assert body["error"]["remediation"]
    assert body["error"]["details"] == []
    assert set(body["metadata"]) == {"timestamp", "request_id", "version", "trace_id"}
    assert body["metadata"]["request_id"] == answer.headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", body["metadata"]["trace_id"])
    assert body["metadata"]["trace_id"] == body["error"]["trace_id"]
    assert body["metadata"]["version"] == "1.2.3"
    assert datetime.fromisoformat(body["metadata"]["timestamp"]).tzinfo is not None


def read_log(gateway: Gateway, expected: str) -> list[dict[str, object]]:
    """The access log's entries, once the one that contains `expected` is written."""
    deadline = time.monotonic() + 5
    while expected not in gateway.log_path.read_text():
        assert time.monotonic() < deadline, "the request was not logged"
        time.sleep(0.05)
    return [json.loads(line) for line in gateway.log_path.read_text().splitlines() if line.startswith("{")]
