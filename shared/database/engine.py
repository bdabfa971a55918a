"""The SQLAlchemy engine: pool, timeouts and what a lost connection turns into."""

import json
import socket
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import pg8000.dbapi
import pg8000.exceptions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from shared.database.failures import raise_translated
from shared.settings import Settings

LOCK_TIMEOUT_SHARE = 0.8
"""Waiting for a lock ends before the statement timeout does, so that the error names the lock."""

_encode_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Connection(pg8000.dbapi.Connection):  # type: ignore[misc]  # pg8000 has no types
    """A connection whose failing reads are errors of the driver, and that closes for good.

    pg8000 lets some OSErrors (a reset, a timeout) through as they are, and SQLAlchemy would not see a lost
    connection in them.
    """

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


def build_engine(settings: Settings, application_name: str) -> Engine:
    """An engine on `settings.database_url`; connects on first use only.

    The server ends a statement at the statement timeout; should the server itself hang, the socket gives up
    a little later. A connection fresh from the pool is pinged under the shorter connect timeout.
    """
    engine = create_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_statement_timeout_seconds,
        pool_pre_ping=True,
        pool_use_lifo=True,
        pool_recycle=1800,
        hide_parameters=True,
        json_serializer=_encode_json,
        connect_args={
            "timeout": settings.database_connect_timeout_seconds,
            "application_name": application_name,
            "startup_params": _startup_parameters(settings),
        },
    )
    # pg8000's executemany is one round trip per row; this sends many rows in one statement.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "handle_error", raise_translated)
    _listen_for_timeouts(engine, settings)
    return engine


def _startup_parameters(settings: Settings) -> dict[str, str]:
    statement_ms = int(settings.database_statement_timeout_seconds * 1000)
    return {
        "statement_timeout": str(statement_ms),
        "lock_timeout": str(int(statement_ms * LOCK_TIMEOUT_SHARE)),
        "TimeZone": "UTC",
    }


def _connect(
    dialect: Dialect, record: ConnectionPoolEntry, args: Any, arguments: dict[str, Any]
) -> Connection:
    # pg8000 would leave the socket open when the server does not answer the first bytes: it is made here.
    try:
        with ExitStack() as on_failure:
            if "unix_sock" not in arguments:
                address = (arguments["host"], arguments.get("port", 5432))
                sock = socket.create_connection(address, arguments["timeout"])
                on_failure.callback(sock.close)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                arguments = {**arguments, "sock": sock}
            connection = Connection(**arguments)
            on_failure.pop_all()
            return connection
    except OSError as error:
        raise pg8000.exceptions.InterfaceError("network error") from error


def _listen_for_timeouts(engine: Engine, settings: Settings) -> None:
    ping_seconds = settings.database_connect_timeout_seconds
    work_seconds = settings.database_statement_timeout_seconds + ping_seconds

    def on_checkout(connection: Connection, record: ConnectionPoolEntry, proxy: object) -> None:
        connection.set_read_timeout(work_seconds)

    def on_checkin(connection: Connection | None, record: ConnectionPoolEntry) -> None:
        if connection is not None:
            connection.set_read_timeout(ping_seconds)

    event.listen(engine, "checkout", on_checkout)
    event.listen(engine, "checkin", on_checkin)
