"""Alembic's entry: one transaction, one migrator at a time, no lock held for long.

The database is DATABASE_URL, read by `shared.settings`; a caller in Python may put another one into
`config.attributes["database_url"]`. `alembic -x statement_timeout=30min upgrade head` gives one migration more time
than usual, and `-x lock_timeout=…` more patience.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from shared.database.connection.failures import read_server_error
from shared.database.models.registry import METADATA
from shared.database.service_users import make_service_users
from shared.settings import get_settings

MIGRATION_LOCK = 7_265_101
"""Key of the advisory lock that migrators take in turn; any number that nothing else uses."""

STATEMENT_TIMEOUT = "60s"
LOCK_TIMEOUT = "5s"


def get_database_url() -> str:
    """The SQLAlchemy URL of the database to migrate."""
    given = context.config.attributes.get("database_url")
    return given if isinstance(given, str) else get_settings().database_url.get_secret_value()


def get_limit(name: str, default: str) -> str:
    """A PostgreSQL duration: `-x name=…` of the command line, or the default."""
    given = context.get_x_argument(as_dictionary=True).get(name, default)
    return str(given)


def set_limits(connection: Connection) -> None:
    """Wait for other migrators first, then for tables only briefly: services queue behind a waiting DDL."""
    statement_timeout = get_limit("statement_timeout", STATEMENT_TIMEOUT)
    lock_timeout = get_limit("lock_timeout", LOCK_TIMEOUT)
    set_limit = text("SELECT set_config(:name, :value, true)")
    connection.execute(set_limit, {"name": "statement_timeout", "value": statement_timeout})
    with explain_failure(
        f"Another migration has kept this database busy for {statement_timeout}. Nothing was changed; wait for it and "
        "run this one again."
    ):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(set_limit, {"name": "lock_timeout", "value": lock_timeout})


@contextmanager
def explain_failure(timed_out: str) -> Iterator[None]:
    """Turn PostgreSQL's two timeouts into one sentence and what to do."""
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    explanations = {
        "57014": timed_out,
        "55P03": (
            f"A table this migration changes stayed locked for {get_limit('lock_timeout', LOCK_TIMEOUT)}, so it gave "
            "way to the service. Nothing was changed; run it again, and if that does not help look for long "
            "transactions in pg_stat_activity."
        ),
    }
    try:
        yield
    except DBAPIError as error:
        explanation = explanations.get(read_server_error(error).get("C", ""))
        if explanation is None:
            raise
        raise CommandError(explanation) from error


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
            with explain_failure(
                f"A statement of this migration took longer than {get_limit('statement_timeout', STATEMENT_TIMEOUT)}. "
                "Nothing was changed; give it more with -x statement_timeout=…, or do the work in smaller steps."
            ):
                context.run_migrations()
            make_service_users(connection, get_settings())
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
