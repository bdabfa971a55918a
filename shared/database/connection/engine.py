"""The SQLAlchemy engine: pool, timeouts and what a lost connection turns into."""

import json
from functools import partial
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from shared.database.connection.connecting import Connection, connect, make_session_arguments
from shared.database.connection.failures import raise_translated
from shared.database.connection.reach import DatabaseReach
from shared.settings import Settings

_encode_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def build_engine(settings: Settings, application_name: str, reach: DatabaseReach) -> Engine:
    """An engine on `settings.database_url`; connects on first use only, within what is left of `reach`.

    The server ends a statement at the statement timeout; should the server itself hang, the socket gives up
    a little later. A connection fresh from the pool is pinged within what is left of `reach`, by the beginning of its
    transaction: a statement for nothing but the ping would be one more exchange with the server.
    """
    engine = create_engine(
        settings.database_url.get_secret_value(),
        # One of the process's connections is that of QuickReads.
        pool_size=settings.database_pool_size - 1,
        max_overflow=0,
        pool_timeout=settings.database_statement_timeout_seconds,
        pool_pre_ping=True,
        pool_use_lifo=True,
        pool_recycle=1800,
        hide_parameters=True,
        json_serializer=_encode_json,
        connect_args=make_session_arguments(settings, application_name),
    )
    # pg8000's executemany is one round trip per row; this sends many rows in one statement.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    def open_connection(
        dialect: Dialect, record: ConnectionPoolEntry, args: Any, arguments: dict[str, Any]
    ) -> Connection:
        # A ping that was waited for in vain has used up the time for a new connection, too.
        return connect({**arguments, "timeout": reach.remaining_seconds()})

    def ping(dbapi_connection: Any) -> bool:
        dbapi_connection.set_read_timeout(reach.remaining_seconds())
        dbapi_connection.begin()
        return True

    engine.dialect.do_ping = ping  # type: ignore[method-assign]
    event.listen(engine, "do_connect", open_connection)
    event.listen(engine, "handle_error", raise_translated)
    _listen_for_timeouts(engine, settings)
    return engine


def _listen_for_timeouts(engine: Engine, settings: Settings) -> None:
    seconds = settings.database_statement_timeout_seconds + settings.database_connect_timeout_seconds

    def on_checkout(connection: Connection, record: ConnectionPoolEntry, proxy: object) -> None:
        connection.set_read_timeout(seconds)

    event.listen(engine, "checkout", on_checkout)
