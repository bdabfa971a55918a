"""A request's body, which is read late, in time, or not at all.

Anybody can send one, at any speed, and no router may stand in front. So nothing reads a body before its caller is
known; what is read is bounded in time; and what was not read is left to a thread that throws it away, while the thread
that served goes on to the next request.

What leaves it unread is the short path of a request, from the web server straight to the function: functions-framework
routes nearly every path and method to the function, Flask keeps contexts around the call that no function of ours looks
at, and after the call the framework reads the request's body into memory, whatever its size and whoever sent it. The
framework makes its Flask application before it imports the function, and imports it inside the application's context:
that is where the path is laid.
"""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.wsgi import ClosingIterator

from shared.environment import count_server_threads
from shared.errors import InvalidRequestError, RequestTimeoutError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# WSGI has no word for the connection, but gunicorn hands it along.
_SOCKET = "gunicorn.socket"
_READ = "almanac.body_read"
# A body that takes longer is slow.
_QUICK_SECONDS = 1.0
# For how long what nobody wants is still taken: a connection that is closed on a client who sends loses the answer.
_LINGER_SECONDS = 2.0
_LINGERING = threading.BoundedSemaphore(16)
_DISCARDED_AT_ONCE = 65536


def may_have_body(environ: "WSGIEnvironment") -> bool:
    """True unless the request says that nothing follows its head."""
    return environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ


def read_in_time(environ: "WSGIEnvironment", read: Callable[[], bytes], seconds: float) -> bytes:
    """What `read` gets from the body, which must come to its end within `seconds`.

    Bodies that take more than a second hold half of the server's threads at most; one more of them is given up. Raises
    RequestTimeoutError when the time is over, and InvalidRequestError when the client ended the body before its end.
    """
    with _Deadline(environ, seconds) as deadline:
        try:
            body = read()
            if len(body) < int(environ.get("CONTENT_LENGTH") or 0):
                raise EOFError("the client sent no more")
            return body
        # gunicorn has a tree of exceptions of its own for chunks that are none; other servers have others.
        except Exception as error:
            if deadline.passed is not None:
                raise RequestTimeoutError(deadline.passed) from error
            raise InvalidRequestError(
                "The body ends before its end, or its chunks cannot be read."
            ) from error


def mark_read(environ: "WSGIEnvironment") -> None:
    """Say that nothing of the body is left on the connection, which may then be used again."""
    environ[_READ] = True


def leave_unread(
    environ: "WSGIEnvironment", start_response: "StartResponse", serve: Callable[[], Iterable[bytes]]
) -> Iterable[bytes]:
    """The answer that `serve` makes; what is then left of the body is thrown away behind the server's back.

    gunicorn would read on in the thread that served and, when it closes, in the one that accepts connections: a client
    who sends a byte now and then would hold up everybody.
    """
    chunks = serve()
    if _READ in environ:
        return chunks
    force_close = getattr(getattr(start_response, "__self__", None), "force_close", None)
    if force_close is not None:
        # Its answer says `Connection: close`: gunicorn takes no such header from an application.
        force_close()
    return ClosingIterator(chunks, partial(_part_with, environ.get(_SOCKET)))


class _Deadline:
    """Ends the reading of a request's connection when the time is over, if the block has not ended before.

    Not by a timeout of the socket: that begins anew with every byte. `passed` says which bound it was, None before.
    """

    def __init__(self, environ: "WSGIEnvironment", seconds: float) -> None:
        self.passed: str | None = None
        self._seconds = seconds
        self._connection = _find_connection(environ.get(_SOCKET))
        self._lock = threading.Lock()
        self._holds_slot = False
        self._is_left = False

    def __enter__(self) -> "_Deadline":
        self._wait(min(self._seconds, _QUICK_SECONDS), self._end_quick)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_left = True
            self._timer.cancel()
            if self._holds_slot:
                _get_slots().release()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, then)
        self._timer.daemon = True
        if self._connection is not None:
            self._timer.start()

    def _end_quick(self) -> None:
        with self._lock:
            left = self._seconds - _QUICK_SECONDS
            if left <= 0:
                self._give_up(f"The body did not arrive within {self._seconds:g} seconds.")
            elif not self._is_left and _get_slots().acquire(blocking=False):
                self._holds_slot = True
                self._wait(left, self._end_slow)
            else:
                self._give_up("The body is slow, and as many slow ones as may be are waited for already.")

    def _end_slow(self) -> None:
        with self._lock:
            self._give_up(f"The body did not arrive within {self._seconds:g} seconds.")

    def _give_up(self, reason: str) -> None:
        if self._is_left or self._connection is None:
            return
        self.passed = reason
        with contextlib.suppress(OSError):  # the client has left
            self._connection.shutdown(socket.SHUT_RD)


@cache
def _get_slots() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, count_server_threads() // 2))


def _find_connection(given: Any) -> socket.socket | None:
    # What is left on a connection with TLS cannot be told from its socket; Cloud Run and the router end TLS.
    return given if isinstance(given, socket.socket) and not isinstance(given, ssl.SSLSocket) else None


def _part_with(given: Any) -> None:
    """Take the connection from the server, which finds a closed one in its place, and end it elsewhere."""
    connection = _find_connection(given)
    if connection is None:
        return
    kept = connection.dup()
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        os.dup2(ours.fileno(), connection.fileno(), inheritable=False)
    if _LINGERING.acquire(blocking=False):
        threading.Thread(target=_discard, args=(kept,), daemon=True).start()
    else:
        kept.close()


def _discard(connection: socket.socket) -> None:
    """Read what still comes, for a while, and close."""
    until = time.monotonic() + _LINGER_SECONDS
    buffer = bytearray(_DISCARDED_AT_ONCE)
    try:
        with connection, contextlib.suppress(OSError):  # a client who leaves has nothing more to send
            connection.shutdown(socket.SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                if not connection.recv_into(buffer):
                    return
    finally:
        _LINGERING.release()


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
