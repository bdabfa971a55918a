"""Transactions: `Database.begin()` opens one and hands out the repositories that work inside it.

SQLAlchemy and the models are loaded with the first transaction: who needs none, as `/data` mostly does, starts
without them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from opentelemetry import trace

from shared.errors import DependencyUnavailableError
from shared.once import once
from shared.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

    from shared.database.connection.reach import DatabaseReach
    from shared.database.models.activity import Action
    from shared.database.quick_reads import QuickReads
    from shared.database.repositories.base import RowRepository
    from shared.database.repositories.cost_report import CostReportRepository
    from shared.database.repositories.dashboards import DashboardRepository
    from shared.database.repositories.kept_dry_runs import KeptDryRunRepository
    from shared.database.repositories.leases import LeaseRepository
    from shared.database.repositories.ledger import LedgerRepository
    from shared.database.repositories.lineage import LineageRepository
    from shared.database.repositories.payloads import ExpiredBlobRepository, PayloadRepository
    from shared.database.repositories.prompts import PromptRepository
    from shared.database.repositories.query_results import QueryFailureRepository, QueryResultRepository
    from shared.database.repositories.query_runs import QueryRunRepository
    from shared.database.repositories.reservations import ReservationRepository
    from shared.database.repositories.sessions import SessionRepository
    from shared.database.repositories.users import UserRepository
    from shared.database.repositories.versions import VersionRepository

_tracer = trace.get_tracer(__name__)


class UnitOfWork:
    """The repositories of one transaction. What they return stays readable after it ends."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    @cached_property
    def users(self) -> "UserRepository":
        """People and service accounts."""
        from shared.database.repositories.users import UserRepository

        return UserRepository(self._session)

    @cached_property
    def sessions(self) -> "SessionRepository":
        """Signed-in browsers."""
        from shared.database.repositories.sessions import SessionRepository

        return SessionRepository(self._session)

    @cached_property
    def actions(self) -> "RowRepository[Action]":
        """The record of who did what; the database refuses to change or delete what is there."""
        from shared.database.repositories.base import RowRepository

        return RowRepository(self._session)

    @cached_property
    def prompts(self) -> "PromptRepository":
        """Questions in plain words."""
        from shared.database.repositories.prompts import PromptRepository

        return PromptRepository(self._session)

    @cached_property
    def dashboards(self) -> "DashboardRepository":
        """The index of dashboards."""
        from shared.database.repositories.dashboards import DashboardRepository

        return DashboardRepository(self._session)

    @cached_property
    def versions(self) -> "VersionRepository":
        """The immutable versions of dashboards."""
        from shared.database.repositories.versions import VersionRepository

        return VersionRepository(self._session)

    @cached_property
    def lineage(self) -> "LineageRepository":
        """Nodes and edges."""
        from shared.database.repositories.lineage import LineageRepository

        return LineageRepository(self._session)

    @cached_property
    def query_runs(self) -> "QueryRunRepository":
        """BigQuery jobs."""
        from shared.database.repositories.query_runs import QueryRunRepository

        return QueryRunRepository(self._session)

    @cached_property
    def query_results(self) -> "QueryResultRepository":
        """The last good result of each query."""
        from shared.database.repositories.query_results import QueryResultRepository

        return QueryResultRepository(self._session)

    @cached_property
    def query_failures(self) -> "QueryFailureRepository":
        """Why queries could not be refreshed."""
        from shared.database.repositories.query_results import QueryFailureRepository

        return QueryFailureRepository(self._session)

    @cached_property
    def kept_dry_runs(self) -> "KeptDryRunRepository":
        """What dry runs said of queries."""
        from shared.database.repositories.kept_dry_runs import KeptDryRunRepository

        return KeptDryRunRepository(self._session)

    @cached_property
    def payloads(self) -> "PayloadRepository":
        """The assembled answers of `/data`."""
        from shared.database.repositories.payloads import PayloadRepository

        return PayloadRepository(self._session)

    @cached_property
    def expired_blobs(self) -> "ExpiredBlobRepository":
        """Blobs that nothing points to any more."""
        from shared.database.repositories.payloads import ExpiredBlobRepository

        return ExpiredBlobRepository(self._session)

    @cached_property
    def ledger(self) -> "LedgerRepository":
        """Bytes per user, dashboard, environment and day."""
        from shared.database.repositories.ledger import LedgerRepository

        return LedgerRepository(self._session)

    @cached_property
    def leases(self) -> "LeaseRepository":
        """Who is refreshing which query."""
        from shared.database.repositories.leases import LeaseRepository

        return LeaseRepository(self._session)

    @cached_property
    def cost_report(self) -> "CostReportRepository":
        """What was billed, summed."""
        from shared.database.repositories.cost_report import CostReportRepository

        return CostReportRepository(self._session)

    @cached_property
    def reservations(self) -> "ReservationRepository":
        """Bytes held for jobs that may still run."""
        from shared.database.repositories.reservations import ReservationRepository

        return ReservationRepository(self._session)


class Database:
    """The PostgreSQL database of this process. Nothing connects before the first `begin()`."""

    def __init__(self, settings: Settings, application_name: str = "almanac") -> None:
        self._settings = settings
        self._application_name = application_name
        self._lock = Lock()
        # One of the process's connections is that of QuickReads.
        self._slots = BoundedSemaphore(settings.database_pool_size - 1)
        self._engine: Engine | None = None

    @property
    def engine(self) -> "Engine":
        """The engine, built on first use: after the web server forked."""
        with self._lock:
            if self._engine is None:
                from shared.database.connection.engine import build_engine

                self._engine = build_engine(self._settings, self._application_name, self.reach)
            return self._engine

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises DependencyUnavailableError within seconds when PostgreSQL cannot be reached, has no free
        connection, or ends a statement at its timeout.
        """
        with _tracer.start_as_current_span("postgres.transaction", attributes={"db.system": "postgresql"}):
            self.reach.require()
            with self._slot():
                engine = self.engine  # loading SQLAlchemy is not waiting for the server
                # Who had the connection before may have found out that nobody answers.
                with self.reach.trying():
                    connection = engine.connect()
                # Connecting first keeps the driver's failures apart from those of the caller's block.
                with connection, _open_session(connection) as session, session.begin():
                    yield UnitOfWork(session)

    @once
    def quick(self) -> "QuickReads":
        """What serving reads without the ORM, on connections of its own."""
        from shared.database.quick_reads import QuickReads

        return QuickReads(self._settings, self._application_name, self.reach)

    @once
    def reach(self) -> "DatabaseReach":
        """Whether PostgreSQL answers."""
        from shared.database.connection.reach import DatabaseReach

        return DatabaseReach(self._settings.database_connect_timeout_seconds)

    def ping(self) -> None:
        """Return when PostgreSQL answers; raises DependencyUnavailableError when it does not.

        It is asked also while everybody else leaves it alone.
        """
        from sqlalchemy import text

        with self._slot():
            engine = self.engine
            with self.reach.waiting(), engine.connect() as connection:
                connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close the pooled connections; the next `begin()` opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None
        if "quick" in vars(self):
            self.quick.close()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """The right to one of the pool's connections.

        It is waited for here and not in the pool, where nobody sees that a server which answers no holder of a
        connection will not answer who waits for one.
        """
        began = time.monotonic()
        longest = self._settings.database_statement_timeout_seconds
        patience = min(self.reach.patience_seconds, longest)
        is_taken = self._slots.acquire(timeout=patience) or (
            self.reach.has_answered_since(began) and self._slots.acquire(timeout=longest - patience)
        )
        if not is_taken:
            self.reach.require()
            from shared.database.connection.failures import BUSY

            raise DependencyUnavailableError(BUSY)
        try:
            yield
        finally:
            self._slots.release()


def _open_session(connection: "Connection") -> "Session":
    from sqlalchemy.orm import Session

    return Session(
        connection,
        autoflush=False,
        expire_on_commit=False,
        # Bulk statements pass by the session's memory of rows; every read takes what the database says.
        execution_options={"populate_existing": True},
    )
