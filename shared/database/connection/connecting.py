"""Connections to PostgreSQL as every user of them gets them: pg8000's, with timeouts that hold."""

import socket
import ssl
import struct
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pg8000.dbapi
import pg8000.exceptions
from pg8000.converters import make_params
from pg8000.core import NULL_BYTE, SYNC_MSG, Context

from shared.settings import Settings

LOCK_TIMEOUT_SHARE = 0.8
"""Waiting for a lock ends before the statement timeout does, so that the error names the lock."""
_TLS_REQUEST = struct.pack("!ii", 8, 80877103)


class Connection(pg8000.dbapi.Connection):  # type: ignore[misc]  # pg8000 has no types
    """A connection that asks once for each statement, whose failing reads are errors of the driver, and that closes
    for good.

    pg8000 lets some OSErrors (a reset, a timeout) through as they are, and SQLAlchemy would not see a lost
    connection in them.
    """

    def execute_unnamed(
        self, statement: str, vals: Sequence[object] = (), oids: Sequence[int] = (), stream: None = None
    ) -> Context:
        """Run a statement with parameters in one exchange with the server.

        pg8000 waits for an answer three times: to parse, to describe and to execute. All it learns on the way is what
        the rows will look like, and the server says that before the first of them anyway. COPY is not supported.
        """
        # https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
        parameters = make_params(self.py_types, vals)
        context = Context(statement, stream=stream)
        self.send_PARSE(NULL_BYTE, statement, oids)
        self.send_DESCRIBE_STATEMENT(NULL_BYTE)
        self.send_BIND(NULL_BYTE, parameters)
        self.send_EXECUTE()
        self._end_of_messages()
        self.handle_messages(context)
        return context

    def begin(self) -> None:
        """Begin a transaction, which the server has to answer."""
        self.execute_simple("begin transaction")

    def _end_of_messages(self) -> None:
        try:
            self._sock.write(SYNC_MSG)
            self._sock.flush()
        except OSError as error:
            raise pg8000.exceptions.InterfaceError("network error") from error

    def handle_messages(self, context: Any) -> None:
        try:
            super().handle_messages(context)
        except OSError as error:
            raise pg8000.exceptions.InterfaceError("network error") from error

    def close(self) -> None:
        """Close, also when the server is gone: saying goodbye may fail, leaving a socket open may not."""
        stream = self._sock
        with suppress(pg8000.exceptions.InterfaceError):
            super().close()
        if stream is not None:
            with suppress(OSError):
                stream.close()

    def set_read_timeout(self, seconds: float) -> None:
        """Longest silence of the server that is waited for."""
        self._usock.settimeout(seconds)


def connect(arguments: dict[str, Any]) -> Connection:
    """A connection with pg8000's `arguments`, `timeout` among them. Raises the driver's errors only."""
    # pg8000 would leave the socket open when the server does not answer the first bytes: it is made here.
    try:
        with ExitStack() as on_failure:
            if "unix_sock" not in arguments:
                address = (arguments["host"], arguments.get("port", 5432))
                sock = socket.create_connection(address, arguments["timeout"])
                on_failure.callback(sock.close)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                sock = _encrypt(sock, arguments["host"])
                on_failure.callback(sock.close)
                arguments = {**arguments, "sock": sock}
            # No server offers TLS on a Unix socket: https://www.postgresql.org/docs/current/libpq-ssl.html
            connection = Connection(**arguments, ssl_context=False)
            on_failure.pop_all()
            return connection
    except OSError as error:
        raise pg8000.exceptions.InterfaceError("network error") from error


def _encrypt(sock: socket.socket, host: str) -> socket.socket:
    """The connection with TLS where the server offers it, else as it is.

    As pg8000 does on its own, which reads all certificates of the system anew for each connection, a quarter of what
    `/data` takes to start, and then checks none against them.
    """
    # https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
    sock.sendall(_TLS_REQUEST)
    if sock.recv(1) != b"S":
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(sock, server_hostname=host)


def make_session_arguments(settings: Settings, application_name: str) -> dict[str, Any]:
    """What every connection says of itself: name, timeouts, time zone."""
    statement_ms = int(settings.database_statement_timeout_seconds * 1000)
    return {
        "timeout": settings.database_connect_timeout_seconds,
        "application_name": application_name,
        "startup_params": {
            "statement_timeout": str(statement_ms),
            "lock_timeout": str(int(statement_ms * LOCK_TIMEOUT_SHARE)),
            "TimeZone": "UTC",
        },
    }


def read_address(database_url: str) -> dict[str, Any]:
    """pg8000's arguments for where `postgresql+pg8000://user:password@host:port/name?unix_sock=…` leads."""
    parts = urlsplit(database_url)
    place = {"host": parts.hostname, "port": parts.port} if parts.hostname else {}
    return {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password) if parts.password is not None else None,
        "database": unquote(parts.path.removeprefix("/")),
        **{name: value for name, value in place.items() if value is not None},
        **dict(parse_qsl(parts.query)),
    }
