"""Refreshing dashboards: bring their queries up to date, assemble what is served.

A process that was told to stop ends its refreshes by itself, before it is killed.

Cloud Run sends SIGTERM and kills ten seconds later (https://cloud.google.com/run/docs/container-contract), and a
refresh may take half an hour. Killed, it would leave jobs that go on billing, and leases and reservations that
nobody may use until they run out. Ended in time it cancels, settles and gives back, and the next call goes on
where it left off, because every finished query is kept.
"""

import logging
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from uuid import UUID

from shared.dashboards.plans.expansion import QueryUnit
from shared.dashboards.saved.catalog import DashboardCatalog, UnreadableDashboard
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, DependencyUnavailableError, ForbiddenError
from shared.lineage.service import LineageService
from shared.precompute.assembly.assembler import AssemblyReport, PayloadAssembler
from shared.precompute.refresh.failure_log import FailureLog
from shared.precompute.refresh.models import (
    DashboardRefresh,
    QueryEvent,
    QueryRefresh,
    RefreshEvent,
    StillRunning,
)
from shared.precompute.refresh.outcomes import TaskOutcome
from shared.precompute.refresh.planning import (
    DashboardRun,
    PlannedRun,
    RefreshPlanner,
    RefreshTask,
    make_tasks,
)
from shared.precompute.refresh.refresher import QueryRefresher
from shared.precompute.refresh.reporting import (
    describe_failure,
    describe_query,
    describe_refresh,
    find_first_error,
)
from shared.settings import Settings
from shared.telemetry.tracing import start_span

RETRY_AFTER_SECONDS = 5


def is_worker_leaving() -> bool:
    """True when the gunicorn worker that this thread belongs to was told to stop; False anywhere else.

    gunicorn starts the workers itself and tells nobody; the handler it installs for SIGTERM is a method of the
    worker, and the worker's `alive` is what that method clears.
    """
    worker = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(worker, "alive", True) is False


class Departure:
    """The time this process has left for work that could go on elsewhere."""

    def __init__(self, drain_seconds: float, is_leaving: Callable[[], bool] = is_worker_leaving) -> None:
        self._drain_seconds = drain_seconds
        self._is_leaving = is_leaving
        self._noticed_at: float | None = None

    def check(self) -> None:
        """Raise DependencyUnavailableError when the process is leaving and `drain_seconds` are over."""
        if not self._is_leaving():
            return
        now = time.monotonic()
        if self._noticed_at is None:
            self._noticed_at = now
        if now - self._noticed_at >= self._drain_seconds:
            raise DependencyUnavailableError(
                "This instance is being stopped; what the refresh has finished is kept.",
                remediation="Call again: another instance goes on where this one left off.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )


_LOGGER = logging.getLogger(__name__)


class PrecomputeService:
    """Keeps answers ready."""

    def __init__(
        self,
        catalog: DashboardCatalog,
        planner: RefreshPlanner,
        refresher: QueryRefresher,
        assembler: PayloadAssembler,
        lineage: LineageService,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        departure: Departure,
    ) -> None:
        self._catalog = catalog
        self._planner = planner
        self._refresher = refresher
        self._assembler = assembler
        self._lineage = lineage
        self._database = database
        self._settings = settings
        self._clock = clock
        self._departure = departure
        self._failures = FailureLog(database, clock)

    def refresh_dashboards(
        self,
        slugs: Sequence[str],
        *,
        actor: str,
        force: bool = False,
        all_variants: bool = True,
        restart: bool = False,
    ) -> Generator[RefreshEvent]:
        """Refresh each dashboard; yields each query as it is done and each dashboard when it is assembled.

        A query that fails keeps its last good result and that result's `as_of`; a dashboard that fails has
        problems of its own, and the others go on. Raises NotFoundError before anything runs when a slug does
        not exist. Closing the generator cancels the jobs that run, settles them, and starts no more; so does
        the end of this process (DependencyUnavailableError). Only with `restart`, which a person has to say, does a
        query run again that was running when processes were killed.
        """
        planned = self._planner.plan(slugs, all_variants=all_variants)
        return self._refresh(planned, actor, force=force, restart=restart)

    def refresh_variant(
        self,
        slug: str,
        values: Mapping[str, object],
        *,
        actor: str,
        may_refresh: bool,
        force: bool = False,
        restart: bool = False,
    ) -> Generator[RefreshEvent]:
        """Compute one variant on demand, under the same guard, caps and budgets.

        `values` are by parameter name, in JSON or as texts; values that are not listed are accepted where the
        dashboard says `allow_other`. That is the author's leave for everybody who may see the dashboard: who
        may not refresh (`may_refresh`) may ask for those, and for nothing else. Raises NotFoundError,
        InvalidRequestError and ForbiddenError before anything runs.
        """
        (saved,) = self._catalog.load_current([slug])
        parameters = saved.head.resolve_values(values)
        if not may_refresh and (force or saved.head.lists(parameters)):
            raise ForbiddenError(
                f"Only an editor may refresh {slug}; anybody may ask for values that are not listed, "
                "where a parameter says allow_other, and only without force."
            )
        planned = [self._planner.plan_variant(saved, parameters)]
        return self._refresh(planned, actor, force=force, restart=restart)

    def assemble_dashboards(self, slugs: Sequence[str]) -> Mapping[str, int]:
        """Assemble payloads from the results there are, asking no warehouse; variants ready, by slug."""
        runs = self._planner.plan(slugs, all_variants=True)
        return {
            run.dashboard.slug: self._assemble_stored(run) for run in runs if isinstance(run, DashboardRun)
        }

    def _assemble_stored(self, run: DashboardRun) -> int:
        errors = self._failures.read_errors([unit.fingerprint for unit in run.expansion.units])
        return self._assembler.assemble(run.dashboard, run.expansion, errors).ready

    def choose_slugs(self, slugs: Sequence[str], *, due_only: bool) -> list[str]:
        """The slugs asked for; without any, every saved dashboard, or those that are due."""
        if slugs:
            return list(dict.fromkeys(slugs))
        return self._catalog.list_due_slugs(self._clock()) if due_only else self._catalog.list_slugs()

    def _refresh(
        self, planned: Sequence[PlannedRun], actor: str, *, force: bool, restart: bool
    ) -> Generator[RefreshEvent]:
        runs = [run for run in planned if isinstance(run, DashboardRun)]
        total = sum(len(run.expansion.units) for run in runs)
        refreshing = self._refresher.refresh(make_tasks(runs), actor=actor, force=force, restart=restart)
        with closing(refreshing) as outcomes:
            for one in outcomes:
                if one is None:
                    yield StillRunning()
                else:
                    yield from self._report(*one, total)
                self._departure.check()
        for run in planned:
            self._departure.check()
            yield self._finish(run)

    def _report(self, task: RefreshTask, outcome: TaskOutcome, total: int) -> Iterator[QueryEvent]:
        for run, unit in task.uses:
            paid = run is task.payer
            refresh = describe_query(
                run.dashboard.definition, unit, outcome, self._settings.usd_per_tib, paid=paid
            )
            run.done.append(refresh)
            self._note_tables(run, unit, outcome)
            yield QueryEvent(run.dashboard.slug, refresh, total)

    def _note_tables(self, run: DashboardRun, unit: QueryUnit, outcome: TaskOutcome) -> None:
        if outcome.tables:
            for name in unit.names:
                run.job_tables[name] = outcome.tables

    def _finish(self, run: PlannedRun) -> DashboardRefresh:
        if isinstance(run, UnreadableDashboard):
            self._record(run.dashboard_id, run.version, [], [run.error])
            return describe_failure(run.slug, run.version, run.error)
        dashboard = run.dashboard
        with start_span("precompute.assemble", {"almanac.dashboard.slug": dashboard.slug}):
            report = self._assemble(run)
        if not run.on_demand:
            self._record(dashboard.dashboard_id, dashboard.version, run.done, report.problems)
        return describe_refresh(run, report, self._settings.usd_per_tib)

    def _record(
        self,
        dashboard_id: UUID,
        version: int,
        done: Sequence[QueryRefresh],
        problems: Sequence[AlmanacError],
    ) -> None:
        with self._database.begin() as uow:
            uow.dashboards.record_refresh(dashboard_id, version, find_first_error(done, problems))

    def _assemble(self, run: DashboardRun) -> AssemblyReport:
        dashboard = run.dashboard
        try:
            report = self._assembler.assemble(dashboard, run.expansion, run.errors)
            tables = {query: [str(table) for table in refs] for query, refs in run.job_tables.items()}
            with self._database.begin() as uow:
                self._lineage.record_job_tables(
                    uow, dashboard.dashboard_id, dashboard.version, dashboard.slug, tables
                )
        except AlmanacError as error:
            _LOGGER.warning("%s was not assembled: %s", dashboard.slug, error.message)
            return AssemblyReport(0, 0, 0, (error,))
        return report
