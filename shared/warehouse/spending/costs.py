"""The cost report: what was billed, and what is left of today's budgets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shared.database.models.costs import CostScope
from shared.database.repositories.cost_report import CostFilter, CostGrouping, CostPage
from shared.database.repositories.reservations import BudgetLine
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import ForbiddenError, InvalidRequestError
from shared.settings import Settings
from shared.warehouse.spending.budgets import BudgetService

MAX_DAYS = 400
DEFAULT_DAYS = 30


@dataclass(frozen=True)
class CostSearch:
    """Which days (of the budget's time zone, both included) and which page; None: up to today, 30 days.

    `by` holds at least one grouping; `user` and `slug` leave out everything else.
    """

    by: Sequence[CostGrouping]
    first_day: date | None
    last_day: date | None
    page: int
    page_size: int
    user: str | None = None
    slug: str | None = None


@dataclass(frozen=True)
class CostReport:
    """Lines and totals of the days asked for; `budgets` are today's, whatever was asked."""

    search: CostFilter
    page: int
    page_size: int
    costs: CostPage
    budgets: tuple[dict[str, object], ...]


class CostService:
    """Answers `/costs`."""

    def __init__(self, database: Database, settings: Settings, budgets: BudgetService) -> None:
        self._database = database
        self._settings = settings
        self._budgets = budgets

    def read_report(self, search: CostSearch, *, actor: str, sees_everyone: bool) -> CostReport:
        """The report for `actor`, who sees other users' lines only with `sees_everyone`.

        Reservations of processes that died are settled first. Raises InvalidRequestError for days that make
        no range, ForbiddenError for who asks about somebody else and may not.
        """
        if not sees_everyone and search.user not in (None, actor):
            raise ForbiddenError("Only administrators see what other users cost.")
        self._budgets.release_expired()
        wanted = self._resolve(search, None if sees_everyone else actor)
        with self._database.begin() as uow:
            costs = uow.cost_report.read_page(wanted, search.page, search.page_size)
            lines = self._list_budgets(uow, actor, sees_everyone)
            states = uow.reservations.read_states(lines, self._budgets.today())
        budgets = tuple(self._budgets.describe_state(state) for state in states)
        return CostReport(wanted, search.page, search.page_size, costs, budgets)

    def _resolve(self, search: CostSearch, only_user: str | None) -> CostFilter:
        last = search.last_day or self._budgets.today()
        first = search.first_day or last - timedelta(days=DEFAULT_DAYS - 1)
        if not 0 <= (last - first).days < MAX_DAYS:
            raise InvalidRequestError(
                f"The days {first} to {last} are no range of 1 to {MAX_DAYS} days.",
                remediation=f"Send from and to as YYYY-MM-DD, from not after to, at most {MAX_DAYS} days.",
            )
        settings = self._settings
        user = only_user if CostGrouping.USER in search.by else search.user
        return CostFilter(
            search.by, first, last, settings.budget_time_zone, settings.environment.value,
            search.user if user is None else user, search.slug,
        )  # fmt: skip

    def _list_budgets(self, uow: UnitOfWork, actor: str, sees_everyone: bool) -> list[BudgetLine]:
        """The environment's, the caller's, and those of dashboards (and users) that took something today."""
        today = self._budgets.today()
        environment, own = self._list_fixed_lines(actor)
        users = (
            [row.key for row in uow.ledger.list_rows(CostScope.USER, today, today)] if sees_everyone else []
        )
        others = [BudgetLine(CostScope.USER, key, own.limit_bytes) for key in users if key != actor]
        slugs = [row.key for row in uow.ledger.list_rows(CostScope.DASHBOARD, today, today)]
        return [environment, own, *others, *self._list_dashboard_lines(uow, slugs)]

    def _list_fixed_lines(self, actor: str) -> tuple[BudgetLine, BudgetLine]:
        lines = {line.scope: line for line in self._budgets.list_lines(actor, None, None)}
        return lines[CostScope.ENVIRONMENT], lines[CostScope.USER]

    def _list_dashboard_lines(self, uow: UnitOfWork, slugs: Iterable[str]) -> list[BudgetLine]:
        listed = list(slugs)
        budgets = uow.versions.read_parts(listed, "budget")
        lines = []
        for slug in listed:
            budget = budgets[slug].value if slug in budgets else None
            own = budget.get("per_day") if isinstance(budget, dict) else None
            limit = self._settings.max_bytes_per_dashboard_day
            lines.append(BudgetLine(CostScope.DASHBOARD, slug, min(own or limit, limit)))
        return lines
