"""Refreshing dashboards: bring their queries up to date, assemble what is served."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from shared.dashboards.catalog import DashboardCatalog, SavedDashboard
from shared.dashboards.document import DashboardDefinition
from shared.dashboards.expansion import ExpansionLimits, QueryUnit, expand_dashboard, expand_variants_of
from shared.dashboards.lineage_sources import DashboardLineage
from shared.database.unit_of_work import Database
from shared.precompute.assembly import PayloadAssembler
from shared.precompute.departure import Departure
from shared.precompute.failure_log import FailureLog
from shared.precompute.models import DashboardRefresh, QueryRefresh
from shared.precompute.refresher import QueryRefresher
from shared.precompute.reporting import describe_query, describe_refresh, find_first_error
from shared.precompute.tasks import DashboardRun, RefreshTask, TaskOutcome, make_tasks
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.refresh_budget import RefreshBudget


@dataclass(frozen=True)
class QueryEvent:
    """One query of one dashboard is done; there will be `total` such events."""

    slug: str
    refresh: QueryRefresh
    total: int


@dataclass(frozen=True)
class StillRunning:
    """Nothing was done for some seconds; jobs go on."""


type RefreshEvent = QueryEvent | DashboardRefresh | StillRunning


class PrecomputeService:
    """Keeps answers ready."""

    def __init__(
        self,
        catalog: DashboardCatalog,
        refresher: QueryRefresher,
        assembler: PayloadAssembler,
        lineage: DashboardLineage,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        departure: Departure,
    ) -> None:
        self._catalog = catalog
        self._refresher = refresher
        self._assembler = assembler
        self._lineage = lineage
        self._database = database
        self._settings = settings
        self._clock = clock
        self._departure = departure
        self._failures = FailureLog(database, clock)

    def refresh_dashboards(
        self, slugs: Sequence[str], *, actor: str, force: bool = False, all_variants: bool = True
    ) -> Generator[RefreshEvent]:
        """Refresh each dashboard; yields each query as it is done and each dashboard when it is assembled.

        A query that fails keeps its last good result and that result's `as_of`. Raises NotFoundError before
        anything runs when a slug does not exist. Closing the generator cancels the jobs that run, settles
        them, and starts no more; so does the end of this process (DependencyUnavailableError).
        """
        saved = self._catalog.load_current(list(dict.fromkeys(slugs)))
        runs = [self._make_run(dashboard, all_variants) for dashboard in saved]
        return self._refresh(runs, actor, force)

    def refresh_variant(
        self, slug: str, values: Mapping[str, object], *, actor: str
    ) -> Generator[RefreshEvent]:
        """Compute one variant on demand, under the same guard, caps and budgets.

        `values` are JSON values by parameter name; values that are not listed are accepted where the
        dashboard says `allow_other`. Raises NotFoundError and InvalidRequestError before anything runs.
        """
        (saved,) = self._catalog.load_current([slug])
        parameters = saved.head.resolve_values(values)
        expansion = expand_variants_of(saved.definition, saved.parsed.sql_texts, self._limits, [parameters])
        run = DashboardRun(saved, expansion, self._make_budget(saved.definition), on_demand=True)
        return self._refresh([run], actor, force=False)

    def assemble_dashboards(self, slugs: Sequence[str]) -> Mapping[str, int]:
        """Assemble payloads from the results there are, asking no warehouse; variants ready, by slug."""
        runs = [self._make_run(dashboard, True) for dashboard in self._catalog.load_current(slugs)]
        return {run.dashboard.slug: self._assemble_stored(run) for run in runs}

    def _assemble_stored(self, run: DashboardRun) -> int:
        errors = self._failures.read_errors([unit.fingerprint for unit in run.expansion.units])
        return self._assembler.assemble(run.dashboard, run.expansion, errors).ready

    def choose_slugs(self, slugs: Sequence[str], *, due_only: bool) -> list[str]:
        """The slugs asked for; without any, every saved dashboard, or those whose schedule is due."""
        if slugs:
            return list(dict.fromkeys(slugs))
        return self._catalog.list_due_slugs(self._clock()) if due_only else self._catalog.list_slugs()

    def _make_run(self, dashboard: SavedDashboard, all_variants: bool) -> DashboardRun:
        expansion = expand_dashboard(
            dashboard.definition, dashboard.parsed.sql_texts, self._limits, all_variants=all_variants
        )
        return DashboardRun(dashboard, expansion, self._make_budget(dashboard.definition))

    def _make_budget(self, definition: DashboardDefinition) -> RefreshBudget:
        limit = self._settings.max_bytes_per_refresh
        return RefreshBudget(min(definition.budget.per_refresh_bytes or limit, limit))

    @property
    def _limits(self) -> ExpansionLimits:
        settings = self._settings
        return ExpansionLimits(
            settings.google_cloud_project, settings.max_rows_per_query, settings.max_variants_per_dashboard
        )

    def _refresh(self, runs: Sequence[DashboardRun], actor: str, force: bool) -> Generator[RefreshEvent]:
        total = sum(len(run.expansion.units) for run in runs)
        with closing(self._refresher.refresh(make_tasks(runs), actor=actor, force=force)) as outcomes:
            for one in outcomes:
                if one is None:
                    yield StillRunning()
                else:
                    yield from self._report(*one, total)
                self._departure.check()
        for run in runs:
            self._departure.check()
            with start_span("precompute.assemble", {"almanac.dashboard.slug": run.dashboard.slug}):
                yield self._finish(run)

    def _report(self, task: RefreshTask, outcome: TaskOutcome, total: int) -> Iterator[QueryEvent]:
        for run, unit in task.uses:
            paid = run is task.payer
            refresh = describe_query(run.dashboard.definition, unit, outcome, paid=paid)
            run.done.append(refresh)
            self._note_tables(run, unit, outcome)
            yield QueryEvent(run.dashboard.slug, refresh, total)

    def _note_tables(self, run: DashboardRun, unit: QueryUnit, outcome: TaskOutcome) -> None:
        if outcome.tables:
            for name in unit.names:
                run.job_tables[name] = outcome.tables

    def _finish(self, run: DashboardRun) -> DashboardRefresh:
        dashboard = run.dashboard
        report = self._assembler.assemble(dashboard, run.expansion, run.errors)
        with self._database.begin() as uow:
            self._lineage.record_jobs(
                uow, dashboard.dashboard_id, dashboard.version, dashboard.slug, run.job_tables
            )
            if not run.on_demand:
                error = find_first_error(run.done, report.problems)
                uow.dashboards.record_refresh(dashboard.dashboard_id, dashboard.version, error)
        return describe_refresh(run, report, self._settings.price_per_tib_usd)
