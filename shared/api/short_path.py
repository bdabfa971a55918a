"""The short path of a request without a body: from the web server straight to the function.

functions-framework routes nearly every path and method to the function, and Flask keeps contexts around the call that
no function of ours looks at; together they cost more than `/data` itself. The framework makes its Flask application
before it imports the function, and imports it inside the application's context: that is where the path is laid.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Serve = Callable[[flask.Request], flask.Response]


class ShortPath:
    """A WSGI application: `serve` for requests without a body, the framework's `application` for the others.

    The framework reads a body to its end before it answers, so that a client which still sends is not cut off. It also
    gets every request until `is_ready`: how a function answers that cannot start is the framework's to say.
    """

    def __init__(self, application: "WSGIApplication", serve: Serve, is_ready: Callable[[], bool]) -> None:
        self._application = application
        self._serve = serve
        self._is_ready = is_ready

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        if not self._is_ready() or _may_have_body(environ):
            return self._application(environ, start_response)
        return self._serve(flask.Request(environ, populate_request=False))(environ, start_response)


def lay_short_path(serve: Serve, is_ready: Callable[[], bool]) -> None:
    """Lay it for the function that is being imported; nothing happens when no framework imports it."""
    if flask.has_app_context():
        application = flask.current_app
        application.wsgi_app = ShortPath(application.wsgi_app, serve, is_ready)  # type: ignore[method-assign]


def _may_have_body(environ: "WSGIEnvironment") -> bool:
    return environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ
