"""What a refresh has to do: the variants of each dashboard to bring up to date, and a task for each distinct query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.parameter_values import ParameterValue
from shared.dashboards.plans.expansion import (
    Expansion,
    ExpansionLimits,
    QueryUnit,
    expand_dashboard,
    expand_variants_of,
)
from shared.dashboards.saved.catalog import DashboardCatalog, SavedDashboard, UnreadableDashboard
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, BudgetExceededError, BytesLimitExceededError
from shared.precompute.refresh.models import QueryRefresh
from shared.settings import Settings
from shared.warehouse.models.bill import RefreshBudget
from shared.warehouse.models.tables import TableRef


@dataclass
class DashboardRun:
    """A dashboard on its way through a refresh; what is done so far collects here.

    `on_demand` marks one variant that somebody asked for: how it goes says nothing of the dashboard.
    """

    dashboard: SavedDashboard
    expansion: Expansion
    budget: RefreshBudget
    on_demand: bool = False
    done: list[QueryRefresh] = field(default_factory=list)
    errors: dict[str, dict[str, object]] = field(default_factory=dict)
    job_tables: dict[str, Sequence[TableRef]] = field(default_factory=dict)


@dataclass
class RefreshTask:
    """One query to look at, and the dashboards that use it; the first one whose bounds let it run pays."""

    fingerprint: str
    uses: list[tuple[DashboardRun, QueryUnit]]
    turn: int = 0

    @property
    def unit(self) -> QueryUnit:
        """The query, as the dashboard that pays has it."""
        return self.uses[self.turn][1]

    @property
    def payer(self) -> DashboardRun:
        """The dashboard whose budget the query counts against."""
        return self.uses[self.turn][0]

    def pass_on(self, error: AlmanacError) -> bool:
        """Let the next dashboard pay, when only the bounds of this one refused; False when there is no next."""
        if not _is_about_dashboard(error) or self.turn + 1 == len(self.uses):
            return False
        self.turn += 1
        return True


def _is_about_dashboard(error: AlmanacError) -> bool:
    """True when a dashboard's own cap, refresh or day has no room, and nothing was sent."""
    if isinstance(error, BytesLimitExceededError):
        return error.failed_job is None
    refused = {detail["scope"] for detail in error.details if detail.get("refused")}
    return isinstance(error, BudgetExceededError) and bool(refused) and refused <= {"refresh", "dashboard"}


def make_tasks(runs: Sequence[DashboardRun]) -> list[RefreshTask]:
    """One task per distinct fingerprint, in first-use order."""
    tasks: dict[str, RefreshTask] = {}
    for run in runs:
        for unit in run.expansion.units:
            tasks.setdefault(unit.fingerprint, RefreshTask(unit.fingerprint, [])).uses.append((run, unit))
    return list(tasks.values())


type PlannedRun = DashboardRun | UnreadableDashboard
"""A dashboard to refresh, or why it cannot be."""


class RefreshPlanner:
    """Expands saved dashboards to what a refresh runs."""

    def __init__(
        self,
        catalog: DashboardCatalog,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._database = database
        self._settings = settings
        self._clock = clock

    def plan(self, slugs: Sequence[str], *, all_variants: bool) -> list[PlannedRun]:
        """The default variant of each dashboard, or all listed ones and those read lately on demand.

        In input order. Raises NotFoundError; a dashboard that fails keeps no other from being planned.
        """
        loaded = self._catalog.load_each(list(dict.fromkeys(slugs)))
        saved = [one for one in loaded if isinstance(one, SavedDashboard)]
        extra = self._find_on_demand(saved) if all_variants else {}
        return [
            self._plan(one, extra.get(one.slug, []), all_variants) if isinstance(one, SavedDashboard) else one
            for one in loaded
        ]

    def plan_variant(self, saved: SavedDashboard, parameters: dict[str, ParameterValue]) -> DashboardRun:
        """One variant of one dashboard."""
        limits = ExpansionLimits.from_settings(self._settings)
        expansion = expand_variants_of(saved.definition, saved.parsed.sql_texts, limits, [parameters])
        return DashboardRun(saved, expansion, self._make_budget(saved.definition), on_demand=True)

    def _plan(
        self, saved: SavedDashboard, extra: Sequence[dict[str, ParameterValue]], all_variants: bool
    ) -> PlannedRun:
        limits = ExpansionLimits.from_settings(self._settings)
        definition, texts = saved.definition, saved.parsed.sql_texts
        try:
            listed = expand_dashboard(definition, texts, limits, all_variants=all_variants)
            combinations = [variant.parameters for variant in listed.variants]
            room = limits.max_variants - len(combinations)
            expansion = listed
            if chosen := extra[:room]:
                expansion = expand_variants_of(definition, texts, limits, [*combinations, *chosen])
        except AlmanacError as error:
            return UnreadableDashboard(saved.dashboard_id, saved.slug, saved.version, error)
        return DashboardRun(saved, expansion, self._make_budget(definition))

    def _find_on_demand(self, saved: Sequence[SavedDashboard]) -> dict[str, list[dict[str, ParameterValue]]]:
        """Parameters that were asked for lately, by slug."""
        slugs = {
            one.dashboard_id: one.slug
            for one in saved
            if any(parameter.allow_other for parameter in one.definition.parameters)
        }
        if not slugs:
            return {}
        since = self._clock() - timedelta(days=self._settings.on_demand_refresh_days)
        with self._database.begin() as uow:
            found = uow.payloads.list_on_demand(list(slugs), since)
        return {slugs[key]: [row.parameters for row in rows] for key, rows in found.items()}

    def _make_budget(self, definition: DashboardDefinition) -> RefreshBudget:
        limit = self._settings.max_bytes_per_refresh
        return RefreshBudget(min(definition.budget.per_refresh_bytes or limit, limit))
