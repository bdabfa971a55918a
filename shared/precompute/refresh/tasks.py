"""The unit of work of a refresh: one fingerprint, whoever needs it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.dashboards.plans.expansion import Expansion, QueryUnit
from shared.dashboards.saved.catalog import SavedDashboard
from shared.errors import AlmanacError, BudgetExceededError, BytesLimitExceededError
from shared.precompute.refresh.models import QueryRefresh, RefreshProblem, RefreshStatus
from shared.warehouse.models.queries import Receipt
from shared.warehouse.models.refresh_budget import RefreshBudget
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


@dataclass(frozen=True)
class TaskOutcome:
    """What became of a task; `tables` are those the executed job read.

    `bytes_pending` stay reserved for a job of which nobody knows yet what it billed.
    """

    status: RefreshStatus
    reason: str
    receipt: Receipt
    rows: int | None = None
    job_id: str | None = None
    problem: RefreshProblem | None = None
    tables: tuple[TableRef, ...] = ()
    bytes_pending: int = 0


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
