"""Answers are compressed by the wrapper: once, when it pays, and never while they are being made."""

import gzip
import json

import pytest
import zstandard

LARGE = "return Reply(b'\"' + b'x' * 5000 + b'\"')"


def decode(answer):
    match answer.headers.get("Content-Encoding"):
        case "gzip":
            return gzip.decompress(answer.data)
        case "zstd":
            return zstandard.ZstdDecompressor().decompress(answer.data)
        case None:
            return answer.data


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("gzip, zstd;q=0.5", "gzip"),
     ("identity", None), ("br", None), ("gzip;q=0", None), ("", None)],
)  # fmt: skip
def test_a_large_answer_comes_as_the_client_likes_it(serve_handler, accepted, encoding):
    answer = serve_handler(LARGE).get("/things", headers={"Accept-Encoding": accepted})
    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, encoding)
    assert answer.headers.getlist("Vary") == ["Accept-Encoding"]
    assert answer.content_length == len(answer.data)
    assert json.loads(decode(answer))["data"] == "x" * 5000
    assert encoding is None or len(answer.data) < 500


def test_an_error_with_much_to_say_is_compressed_too(serve_handler):
    client = serve_handler("raise ValidationFailedError('No.', details=[{'line': n} for n in range(500)])")
    answer = client.get("/things", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (422, "gzip")
    assert len(json.loads(decode(answer))["error"]["details"]) == 500


@pytest.mark.parametrize(
    "body",
    [
        "return Reply(b'1')",
        "return flask.Response((b'{}\\n' * 100 for _ in range(20)), content_type='application/x-ndjson')",
        "return flask.Response((b'data: 1\\n\\n' * 100 for _ in range(9)), content_type='text/event-stream')",
        "return flask.Response(b'x' * 5000, content_type='application/vnd.apache.arrow.stream')",
        "return flask.Response(status=204)",
    ],
    ids=["small", "lines", "events", "no text", "nothing"],
)
def test_what_does_not_pay_or_is_being_made_is_left_alone(serve_handler, body):
    answer = serve_handler(body).get("/things", headers={"Accept-Encoding": "gzip, zstd"})
    assert answer.status_code in {200, 204}
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


def test_an_answer_that_is_encoded_already_is_left_alone(serve_handler):
    body = (
        "import gzip\n"
        "return flask.Response(gzip.compress(b'x' * 90000), content_type='text/plain', "
        "headers={'Content-Encoding': 'gzip', 'Vary': 'Accept-Encoding'})"
    )
    answer = serve_handler(body).get("/things", headers={"Accept-Encoding": "gzip"})
    assert decode(answer) == b"x" * 90000
    assert answer.headers.getlist("Vary") == ["Accept-Encoding"]


def test_an_answer_that_chose_to_come_as_it_is_stays_so(serve_handler):
    body = "return flask.Response('x' * 5000, headers={'Vary': 'Accept-Encoding, Cookie'})"
    answer = serve_handler(body).get("/things", headers={"Accept-Encoding": "gzip"})
    assert answer.data == b"x" * 5000


def test_head_says_what_get_would(serve_handler):
    client = serve_handler(LARGE)
    get, head = (
        client.open("/things", method=method, headers={"Accept-Encoding": "gzip"})
        for method in ("GET", "HEAD")
    )
    names = ("Content-Encoding", "Vary", "Content-Type")
    assert [head.headers[name] for name in names] == [get.headers[name] for name in names]
    assert head.data == b""
