"""The service's own users of the database: one that writes, one that reads, made by whoever migrates.

The migrator owns the tables. The functions' users own nothing, can change no table's form, and the reader changes only
what reading leaves behind. Their names and passwords come with the addresses that the functions are given, so that a
password is in one place; a new one is set by the next migration.
"""

import re
from collections.abc import Mapping

from sqlalchemy import Connection, make_url, text

from shared.settings import Settings

MARKED_BY_READING: Mapping[str, tuple[str, ...]] = {
    "sessions": ("last_used_at", "expires_at"),
    # The name of its content is taken from a payload whose bytes are found to be damaged.
    "payloads": ("read_at", "etag"),
    # Whoever comes with a token for the first time is noted, and bound to the account it is of.
    "users": ("display_name", "role", "kind", "last_seen_at", "subject"),
}
"""What a reader may update: columns by table. Into `users` it may insert, too."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_HISTORY = "alembic_version"
"""Alembic's own table: which migrations have run is the migrator's to say."""


def make_service_users(connection: Connection, settings: Settings) -> None:
    """Make the users of DATABASE_WRITER_URL and DATABASE_READER_URL, or give them their passwords and rights anew.

    One that is empty is left out. Raises ValueError for an address without a plain name and a password, or with the
    migrator's own name.
    """
    listed = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))
    tables = set(listed) - {_HISTORY}
    if address := settings.database_writer_url.get_secret_value():
        writer = _make_user(connection, "DATABASE_WRITER_URL", address)
        for table in sorted(tables):
            _execute(connection, "GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I", table, writer)
    if address := settings.database_reader_url.get_secret_value():
        reader = _make_user(connection, "DATABASE_READER_URL", address)
        for table in sorted(tables):
            _execute(connection, "GRANT SELECT ON %I TO %I", table, reader)
        for table in sorted(tables & set(MARKED_BY_READING)):
            for column in MARKED_BY_READING[table]:
                _execute(connection, "GRANT UPDATE (%I) ON %I TO %I", column, table, reader)
        if "users" in tables:
            _execute(connection, "GRANT INSERT ON users TO %I", reader)


def _make_user(connection: Connection, variable: str, address: str) -> str:
    """The name of a user that can sign in and has no right to any table yet."""
    url = make_url(address)
    name, password = url.username or "", url.password
    if not _NAME.fullmatch(name) or not password:
        raise ValueError(f"{variable} needs a user, of a-z, 0-9 and _, and a password: …://user:password@…")
    if name == connection.scalar(text("SELECT current_user")):
        raise ValueError(f"{variable} names {name}, who migrates; give the functions a user of their own")
    known = connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
    verb = "ALTER" if known else "CREATE"
    _execute(connection, f"{verb} ROLE %I LOGIN PASSWORD %L", name, str(password))
    _execute(connection, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I", name)
    return name


def _execute(connection: Connection, template: str, *values: str) -> None:
    """Run what takes no parameters, with names and texts quoted by the server."""
    names = [f"value{index}" for index in range(len(values))]
    quoting = text(f"SELECT format(:template, {', '.join(f'CAST(:{name} AS text)' for name in names)})")
    statement = connection.scalar(quoting, {"template": template, **dict(zip(names, values, strict=True))})
    connection.exec_driver_sql(str(statement))
