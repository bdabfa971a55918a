"""Requests without a body reach the function past the framework, and its own routes answer alike either way."""

import re

import pytest

# Whether Flask's context is there says which way a request came.
WAY = """
import json
if call.path_parameters.get('slug') == 'broken':
    raise RuntimeError('no')
if call.path_parameters.get('slug') == 'lines':
    return flask.Response((f'{n}\\n' for n in range(3)), content_type='text/plain')
return Reply(json.dumps('framework' if flask.has_request_context() else 'short').encode())
"""
VIEWER = {"Authorization": "Bearer viewer"}


@pytest.fixture
def client(serve_handler):
    return serve_handler(WAY)


def get_way(answer):
    return answer.json["data"]


def test_the_first_request_shows_the_framework_that_the_function_can_serve(client):
    assert [get_way(client.get("/things")) for _ in range(3)] == ["framework", "short", "short"]


def test_a_body_is_read_by_the_framework(client):
    client.get("/things")
    assert get_way(client.post("/things", json={"a": 1})) == "framework"
    chunked = {"Transfer-Encoding": "chunked"}
    assert get_way(client.post("/things", headers=chunked)) == "framework"
    assert get_way(client.post("/things")) == "short"
    assert get_way(client.get("/things", headers={"Content-Length": "0"})) == "short"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/things", 200), ("HEAD", "/things", 200), ("GET", "/things/lines", 200),
        ("HEAD", "/things/lines", 200),
        ("GET", "/things/broken", 500), ("GET", "/nowhere", 404), ("DELETE", "/things", 405), ("GET", "/secrets", 401),
        ("GET", "/healthz", 200),
    ],
)  # fmt: skip
def test_both_ways_answer_alike(client, method, path, status):
    headers = VIEWER if path.startswith("/things/") else {}
    first, *others = [client.open(path, method=method, headers=headers) for _ in range(3)]
    assert first.status_code == status
    for other in others:
        assert other.status == first.status
        assert describe(other) == describe(first)


def describe(answer):
    """Headers and content, without what is every request's own."""
    own = {"X-Request-Id", "Server-Timing", "traceparent", "Content-Length"}
    headers = sorted((name, value) for name, value in answer.headers if name not in own)
    ids = r'"(timestamp|request_id|trace_id)":"[^"]*"'
    text = re.sub(ids, "", answer.get_data(as_text=True)).replace('"framework"', '"short"')
    return headers, text
