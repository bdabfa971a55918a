"""The web server of one function: gunicorn with the application that functions-framework makes of the function.

`python -m shared.api.server` takes FUNCTION_TARGET, FUNCTION_SOURCE, HOST, PORT, THREADS, WORKERS and
CLOUD_RUN_TIMEOUT_SECONDS as functions-framework does. The framework's own server answers what it cannot read as HTTP
with a page of its own, and lets whoever sends the head of a request byte by byte keep a thread for as long as they
like. A function that Google's buildpack starts has that one; what reaches it Google's front end has read to the end of
its head.
"""

import contextlib
import logging
import socket
import threading
import time
from typing import Any
from uuid import uuid4

import flask
from functions_framework import create_app
from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from shared.api.responses import ResponseFactory
from shared.environment import ServerEnvironment
from shared.errors import AlmanacError, InternalError, InvalidRequestError, RequestTimeoutError

HEAD_SECONDS = 10.0
"""How long the lines before a body may take; nginx gives them as long."""
_GIVEN_UP = 0.0
_LOGGER = logging.getLogger(__name__)


class FunctionWorker(ThreadWorker):  # type: ignore[misc]
    """A worker that answers in the envelope, and waits for the head of a request for `HEAD_SECONDS` at most."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._heads: dict[TConn, float] = {}
        self._lock = threading.Lock()

    def handle(self, conn: TConn) -> Any:
        """Serve one request of a connection."""
        self._heads[conn] = time.monotonic() + HEAD_SECONDS
        answer = super().handle(conn)
        if self._heads.pop(conn, None) == _GIVEN_UP:
            error = RequestTimeoutError(f"The request's head did not arrive within {HEAD_SECONDS:g} seconds.")
            _answer(conn.sock, error)
        return answer

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head has been read."""
        with self._lock:
            if self._heads[conn] == _GIVEN_UP:
                return False
            del self._heads[conn]
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Give up connections whose time is over; called at least once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._heads.items()):
            if _GIVEN_UP < deadline < now:
                self._give_up(conn)

    def _give_up(self, conn: TConn) -> None:
        with self._lock:
            if conn in self._heads:
                self._heads[conn] = _GIVEN_UP
                with contextlib.suppress(OSError):  # it has left
                    conn.sock.shutdown(socket.SHUT_RD)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what could not be read as a request, or an error that no application caught."""
        error: AlmanacError
        is_request = not isinstance(exc, InvalidResponseHeader | InvalidResponseHeaderName)
        if is_request and isinstance(exc, ParseException):
            error = InvalidRequestError(
                f"The request line or its headers cannot be read: {exc}",
                remediation="Check that they are valid HTTP; of transfer codings only chunked is known.",
            )
        else:
            _LOGGER.error("A request failed outside of the function", exc_info=exc)
            error = InternalError("Something went wrong on our side.")
        _answer(client, error)


def _answer(client: socket.socket, error: AlmanacError) -> None:
    response: flask.Response = ResponseFactory(str(uuid4()), uuid4().hex, "").build_error(error)
    response.headers["Connection"] = "close"
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    with contextlib.suppress(OSError):  # it has left
        client.setblocking(True)
        client.sendall(f"HTTP/1.1 {response.status}\r\n{head}\r\n".encode("latin-1") + response.get_data())


class FunctionServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn, set up as functions-framework does."""

    def __init__(self, environment: ServerEnvironment) -> None:
        self._environment = environment
        self._application = create_app(environment.target, environment.source, "http")  # type: ignore[no-untyped-call]
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's own."""
        environment = self._environment
        self.cfg.set("bind", f"{environment.host}:{environment.port}")
        self.cfg.set("workers", environment.workers)
        self.cfg.set("threads", environment.threads)
        self.cfg.set("timeout", environment.timeout_seconds)
        self.cfg.set("loglevel", "error")
        self.cfg.set("limit_request_line", 0)
        self.cfg.set("worker_class", FunctionWorker)

    def load(self) -> Any:
        """The application."""
        return self._application


if __name__ == "__main__":
    FunctionServer(ServerEnvironment.read()).run()
