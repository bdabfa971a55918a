"""Transactions: `Database.begin()` opens one and hands out the repositories that work inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import Lock

import sqlalchemy.exc
from opentelemetry import trace
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from shared.database.engine import build_engine
from shared.database.failures import translate_failure
from shared.database.repositories.actions import ActionRepository
from shared.database.repositories.cost_report import CostReportRepository
from shared.database.repositories.dashboards import DashboardRepository
from shared.database.repositories.leases import LeaseRepository
from shared.database.repositories.ledger import LedgerRepository
from shared.database.repositories.lineage import LineageRepository
from shared.database.repositories.payloads import PayloadRepository
from shared.database.repositories.prompts import PromptRepository
from shared.database.repositories.query_results import QueryResultRepository
from shared.database.repositories.query_runs import QueryRunRepository
from shared.database.repositories.reservations import ReservationRepository
from shared.database.repositories.sessions import SessionRepository
from shared.database.repositories.users import UserRepository
from shared.database.repositories.versions import VersionRepository
from shared.settings import Settings

_tracer = trace.get_tracer(__name__)


class UnitOfWork:
    """The repositories of one transaction. What they return stays readable after it ends."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def users(self) -> UserRepository:
        """People and service accounts."""
        return UserRepository(self._session)

    @cached_property
    def sessions(self) -> SessionRepository:
        """Signed-in browsers."""
        return SessionRepository(self._session)

    @cached_property
    def actions(self) -> ActionRepository:
        """The append-only record of who did what."""
        return ActionRepository(self._session)

    @cached_property
    def prompts(self) -> PromptRepository:
        """Questions in plain words."""
        return PromptRepository(self._session)

    @cached_property
    def dashboards(self) -> DashboardRepository:
        """The index of dashboards."""
        return DashboardRepository(self._session)

    @cached_property
    def versions(self) -> VersionRepository:
        """The immutable versions of dashboards."""
        return VersionRepository(self._session)

    @cached_property
    def lineage(self) -> LineageRepository:
        """Nodes and edges."""
        return LineageRepository(self._session)

    @cached_property
    def query_runs(self) -> QueryRunRepository:
        """BigQuery jobs."""
        return QueryRunRepository(self._session)

    @cached_property
    def query_results(self) -> QueryResultRepository:
        """The last good result of each query."""
        return QueryResultRepository(self._session)

    @cached_property
    def payloads(self) -> PayloadRepository:
        """The assembled answers of `/data`."""
        return PayloadRepository(self._session)

    @cached_property
    def ledger(self) -> LedgerRepository:
        """Bytes per user, dashboard, environment and day."""
        return LedgerRepository(self._session)

    @cached_property
    def leases(self) -> LeaseRepository:
        """Who is refreshing which query."""
        return LeaseRepository(self._session)

    @cached_property
    def cost_report(self) -> CostReportRepository:
        """What was billed, summed."""
        return CostReportRepository(self._session)

    @cached_property
    def reservations(self) -> ReservationRepository:
        """Bytes held for jobs that may still run."""
        return ReservationRepository(self._session)


class Database:
    """The PostgreSQL database of this process. Nothing connects before the first `begin()`."""

    def __init__(self, settings: Settings, application_name: str = "almanac") -> None:
        self._settings = settings
        self._application_name = application_name
        self._lock = Lock()
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine, built on first use: after the web server forked."""
        with self._lock:
            if self._engine is None:
                self._engine = build_engine(self._settings, self._application_name)
            return self._engine

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises DependencyUnavailableError within seconds when PostgreSQL cannot be reached, has no free
        connection, or ends a statement at its timeout.
        """
        with _tracer.start_as_current_span("postgres.transaction", attributes={"db.system": "postgresql"}):
            connection = self._connect()
            # Connecting first keeps the driver's failures apart from those of the caller's block.
            with connection, _open_session(connection) as session, session.begin():
                yield UnitOfWork(session)

    def ping(self) -> None:
        """Return when PostgreSQL answers; raises DependencyUnavailableError when it does not."""
        with self._connect() as connection:
            connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close the pooled connections; the next `begin()` opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _connect(self) -> Connection:
        try:
            return self.engine.connect()
        except sqlalchemy.exc.TimeoutError as error:  # the pool's own: no event reports it
            translated = translate_failure(error)
            raise translated or error from error


def _open_session(connection: Connection) -> Session:
    return Session(
        connection,
        autoflush=False,
        expire_on_commit=False,
        # Bulk statements pass by the session's memory of rows; every read takes what the database says.
        execution_options={"populate_existing": True},
    )
