"""Requests reach the function past the framework, bodies and all."""

import io

import pytest

from shared.container import use_container
from shared.settings import get_settings

# Whether Flask's context is there says which way a request came.
WAY = """
import json
return Reply(json.dumps('framework' if flask.has_request_context() else 'short').encode())
"""


@pytest.fixture
def client(serve_handler):
    return serve_handler(WAY)


def test_no_request_meets_the_framework(client):
    chunked = {"Transfer-Encoding": "chunked"}
    answers = [
        client.get("/things"),
        client.get("/things"),
        client.post("/things"),
        client.post("/things", json={"a": 1}),
        client.post("/things", headers=chunked),
        client.get("/things", headers={"Content-Length": "0"}),
    ]
    assert [answer.json["data"] for answer in answers] == ["short"] * 6


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/things%0A"])
def test_the_frameworks_own_paths_are_the_functions(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")


def test_a_body_that_nobody_asked_for_is_not_read(client):
    class Body(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("read")

    answers = [
        client.open(path, method="POST", input_stream=Body(), headers={"Content-Length": "1000"})
        for path in ("/things", "/edits", "/nowhere")
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404]


def test_a_function_that_cannot_start_answers_with_the_envelope_and_says_why_in_its_log(
    client, monkeypatch, caplog
):
    use_container(None)
    get_settings.cache_clear()  # another test of this process may have read them
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    monkeypatch.setenv("MAX_ROWS_PER_QUERY", "hunter2")
    answer = client.get("/things", headers={"X-Request-Id": "first-request"})
    assert (answer.status_code, answer.json["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert answer.json["metadata"]["request_id"] == "first-request"
    assert "hunter2" not in answer.text
    assert "MAX_ROWS_PER_QUERY" in caplog.text
