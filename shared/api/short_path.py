"""The short path of a request: from the web server straight to the function.

functions-framework routes nearly every path and method to the function, Flask keeps contexts around the call that no
function of ours looks at, and after the call the framework reads the request's body into memory, whatever its size and
whoever sent it. The framework makes its Flask application before it imports the function, and imports it inside the
application's context: that is where the path is laid.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import flask

from shared.api.request_body import leave_unread, may_have_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Serve = Callable[[flask.Request], flask.Response]


class ShortPath:
    """A WSGI application that is `serve` and nothing else."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        if may_have_body(environ):
            return leave_unread(environ, start_response, lambda: self._answer(environ, start_response))
        return self._answer(environ, start_response)

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._serve(flask.Request(environ, populate_request=False))(environ, start_response)


def lay_short_path(serve: Serve) -> None:
    """Lay it for the function that is being imported; nothing happens when no framework imports it."""
    if flask.has_app_context():
        flask.current_app.wsgi_app = ShortPath(serve)  # type: ignore[method-assign]
