"""A function that says what reached it; the query string makes it misbehave."""

import os
import time

import flask


def echo(request: flask.Request) -> flask.Response:
    """Answer with the request as the function saw it."""
    if request.path == "/healthz":
        return flask.Response("ok")
    if "exit" in request.args:
        os._exit(9)
    time.sleep(float(request.args.get("sleep", "0")))
    seen = {
        "method": request.method,
        "path": request.environ["RAW_URI"],
        "peer": request.environ["REMOTE_PORT"],
        "headers": dict(request.headers),
        "length": len(request.get_data()),
        "environment": {name: value for name, value in os.environ.items() if name.isupper()},
        "padding": "x" * int(request.args.get("padding", "0")),
    }
    response = flask.jsonify(seen)
    for name in ("Content-Encoding", "Content-Security-Policy", "X-Request-Id", "Cache-Control"):
        if name in request.args:
            response.headers[name] = request.args[name]
    return response
