"""The smallest function there is: the same bytes for every request."""

import os
from pathlib import Path

import flask

BODY = Path(os.environ["HELLO_BODY"]).read_bytes()


def hello(request: flask.Request) -> flask.Response:
    """Answer with the body that HELLO_BODY names."""
    return flask.Response(BODY, content_type="application/json")
