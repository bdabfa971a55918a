"""Saved dashboards as people browse them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.database.models.dashboards import Dashboard, DashboardVersion, LastRefresh
from shared.database.repositories.dashboards import DashboardChoices
from shared.database.repositories.paging import Page
from shared.database.repositories.payloads import PayloadFreshness
from shared.database.repositories.versions import VersionSummary
from shared.database.unit_of_work import Database
from shared.errors import NotFoundError
from shared.sizes import dollars

COST_WINDOW = timedelta(days=31)


@dataclass(frozen=True)
class DashboardSearch:
    """What to list; pages count from 1."""

    q: str | None = None
    tag: str | None = None
    owner: str | None = None
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True)
class DashboardOverview:
    """A dashboard in a list.

    `freshness` is that of the payloads of its current version, None without one; `last_bytes_billed` and
    `last_usd_billed` are what its last refresh within `COST_WINDOW` billed, None when there was none.
    """

    dashboard: Dashboard
    freshness: PayloadFreshness | None
    last_bytes_billed: int | None
    last_usd_billed: Decimal | None

    @property
    def stale(self) -> bool:
        """True when what it serves is older than `max_age`, or its last refresh failed."""
        failed = self.dashboard.last_refresh_status is LastRefresh.FAILED
        return self.freshness is not None and (failed or self.freshness.aged)


@dataclass(frozen=True)
class DashboardListing:
    """A page of dashboards, and what all of them can be narrowed to."""

    page: Page[DashboardOverview]
    choices: DashboardChoices


@dataclass(frozen=True)
class DashboardDetail:
    """A dashboard and one of its versions."""

    dashboard: Dashboard
    version: DashboardVersion


class SavedDashboardReader:
    """Lists and reads saved dashboards."""

    def __init__(self, database: Database, now: Callable[[], datetime], usd_per_tib: Decimal | None) -> None:
        self._database = database
        self._now = now
        self._usd_per_tib = usd_per_tib

    def search(self, search: DashboardSearch) -> DashboardListing:
        """A page of live dashboards in slug order."""
        now = self._now()
        with self._database.begin() as uow:
            found = uow.dashboards.search(
                q=search.q, tag=search.tag, owner=search.owner, page=search.page, page_size=search.page_size
            )
            fresh = uow.payloads.find_freshness([row.id for row in found.items], now)
            costs = uow.query_runs.find_last_costs([row.slug for row in found.items], now - COST_WINDOW)
            choices = uow.dashboards.list_choices()
        items = [self._describe(row, fresh.get(row.id), costs.get(row.slug)) for row in found.items]
        return DashboardListing(Page(items, found.total, found.page, found.page_size), choices)

    def _describe(
        self, row: Dashboard, freshness: PayloadFreshness | None, billed: int | None
    ) -> DashboardOverview:
        usd = dollars(billed, self._usd_per_tib)
        return DashboardOverview(row, freshness, billed, usd)

    def read(self, slug: str, version: int | None = None) -> DashboardDetail:
        """A dashboard with its current version, or with the one numbered. Raises NotFoundError."""
        with self._database.begin() as uow:
            dashboard = uow.dashboards.get_by_slugs([slug]).get(slug)
            if dashboard is None:
                raise NotFoundError(
                    f"There is no dashboard {slug!r}.", remediation="List them: GET /dashboards."
                )
            # A number beyond the last one may be more than PostgreSQL's integer holds.
            wanted = dashboard.current_version if version is None else version
            found = uow.versions.get(slug, wanted) if wanted <= dashboard.current_version else None
        if found is None:
            raise NotFoundError(
                f"{slug} has no version {version}; the latest is {dashboard.current_version}.",
                remediation=f"List them: GET /dashboards/{slug}/versions.",
            )
        return DashboardDetail(dashboard, found)

    def list_versions(self, slug: str, page: int, page_size: int) -> Page[VersionSummary]:
        """A page of a dashboard's versions, the latest first. Raises NotFoundError."""
        self.read(slug)
        with self._database.begin() as uow:
            return uow.versions.list_versions(slug, page, page_size)
