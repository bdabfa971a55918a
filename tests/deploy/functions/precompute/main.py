"""A function that answers line by line."""

import time
from collections.abc import Iterator

import flask


def precompute(request: flask.Request) -> flask.Response:
    """Two lines of NDJSON, a second apart."""
    if request.path == "/healthz":
        return flask.Response("ok")

    def write_lines() -> Iterator[bytes]:
        yield b'{"line":1}\n'
        time.sleep(1)
        yield b'{"line":2}\n'

    return flask.Response(write_lines(), content_type="application/x-ndjson")
