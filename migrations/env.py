"""Alembic's entry: one transaction, one migrator at a time, no lock held for long.

The database is DATABASE_URL, read by `shared.settings`; a caller in Python may put another one into
`config.attributes["database_url"]`.
"""

import logging

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text

from shared.database.models.registry import METADATA
from shared.settings import get_settings

MIGRATION_LOCK = 7_265_101
"""Key of the advisory lock that migrators take in turn; any number that nothing else uses."""

STATEMENT_TIMEOUT = "60s"
LOCK_TIMEOUT = "5s"


def get_database_url() -> str:
    """The SQLAlchemy URL of the database to migrate."""
    given = context.config.attributes.get("database_url")
    return given if isinstance(given, str) else get_settings().database_url.get_secret_value()


def set_limits(connection: Connection) -> None:
    """Wait for other migrators first, then for tables only briefly: services queue behind a waiting DDL."""
    connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))


def run_online() -> None:
    """Migrate the database."""
    engine = create_engine(
        get_database_url(),
        poolclass=NullPool,
        connect_args={"timeout": 90, "application_name": "almanac-migrate"},
    )
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=METADATA, compare_server_default=True)
        with context.begin_transaction():
            set_limits(connection)
            context.run_migrations()
    engine.dispose()


def run_offline() -> None:
    """Print the SQL instead (alembic upgrade head --sql)."""
    context.configure(dialect_name="postgresql", target_metadata=METADATA, literal_binds=True)
    with context.begin_transaction():
        context.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        context.run_migrations()


if context.config.cmd_opts is not None:  # run from the command line
    logging.basicConfig(format="%(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
if context.is_offline_mode():
    run_offline()
else:
    run_online()
