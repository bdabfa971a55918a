"""The index of dashboards."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Select, Text, func, literal, or_, select, union, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from shared.database.models.dashboards import Dashboard, LastRefresh
from shared.database.repositories.base import RowRepository, json_rows, record_set, table_of
from shared.database.repositories.paging import Page, make_page, number_rows, pick_page
from shared.json_values import JsonObject


@dataclass(frozen=True)
class DashboardUpdate:
    """The index entry of a dashboard as its new current version says; brings a deleted one back."""

    id: UUID
    title: str
    description: str
    owner: str
    tags: list[str]
    current_version: int
    schedule: str | None
    time_zone: str
    updated_at: datetime


@dataclass(frozen=True)
class DashboardSchedule:
    """When a dashboard is refreshed: five fields of cron, on the clocks of a zone."""

    slug: str
    schedule: str
    time_zone: str


@dataclass(frozen=True)
class DashboardChoices:
    """What lists of dashboards can be narrowed to, in alphabetical order."""

    tags: tuple[str, ...]
    owners: tuple[str, ...]


_MOST_CHOICES = 200
_UPDATE_COLUMNS = [name for name in DashboardUpdate.__dataclass_fields__ if name != "id"]


class DashboardRepository(RowRepository[Dashboard]):
    """Reads and writes `dashboards_index`. A deleted dashboard is seen by `lock_by_slugs` and `find_all` only."""

    _CONFLICTS: ClassVar = {"uq_dashboards_index_slug": "A dashboard with this slug exists already."}

    def get_by_slugs(self, slugs: Sequence[str]) -> dict[str, Dashboard]:
        """The live ones of `slugs`."""
        if not slugs:
            return {}
        statement = select(Dashboard).where(Dashboard.slug.in_(slugs), Dashboard.deleted_at.is_(None))
        return {row.slug: row for row in self._session.scalars(statement)}

    def find_all(self, slugs: Sequence[str] | None = None) -> dict[str, Dashboard]:
        """Those of `slugs` that there are, deleted ones included; every one unless given."""
        statement = select(Dashboard).order_by(Dashboard.slug)
        if slugs is not None:
            statement = statement.where(Dashboard.slug.in_(slugs))
        return {row.slug: row for row in self._session.scalars(statement)}

    def lock_by_slugs(self, slugs: Sequence[str]) -> dict[str, Dashboard]:
        """Lock the slugs until the transaction ends; their dashboards, deleted ones included.

        A slug without a dashboard is locked too: two first saves of one slug happen one after the other.
        Raises DependencyUnavailableError when another transaction holds a slug for too long.
        """
        if not slugs:
            return {}
        self._lock_names("dashboard", slugs)
        statement = (
            select(Dashboard).where(Dashboard.slug.in_(slugs)).order_by(Dashboard.slug).with_for_update()
        )
        return {row.slug: row for row in self._session.scalars(statement)}

    def lock_files(self, slugs: Sequence[str]) -> None:
        """Lock the files of the slugs in the blob store until the transaction ends.

        Apart from `lock_by_slugs`, so that a save need not wait for the store. Raises as that does.
        """
        if slugs:
            self._lock_names("files", slugs)

    def _lock_names(self, kind: str, slugs: Sequence[str]) -> None:
        ordered = sorted(set(slugs))  # the same order everywhere: no deadlock
        keys = func.unnest(literal(ordered, ARRAY(Text))).table_valued("slug").render_derived()
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"{kind}:" + keys.c.slug, 0))
        self._session.execute(select(func.count(lock)).select_from(keys))

    def update_many(self, updates: Sequence[DashboardUpdate]) -> None:
        """Write the index entries of dashboards, in one statement; how the old version's refresh went is forgotten."""
        if not updates:
            return
        table = table_of(Dashboard)
        given = record_set(table, ["id", *_UPDATE_COLUMNS])
        self._session.execute(
            update(table)
            .where(table.c.id == given.c.id)
            .values(
                {name: given.c[name] for name in _UPDATE_COLUMNS}
                | {"deleted_at": None, "last_refresh_status": None, "last_refresh_error": None}
            ),
            {"rows": json_rows(asdict(entry) for entry in updates)},
        )

    def delete_many(self, deleted_at: Mapping[UUID, datetime]) -> None:
        """Mark dashboards as deleted; their versions stay."""
        if not deleted_at:
            return
        table = table_of(Dashboard)
        given = record_set(table, ["id", "deleted_at"])
        rows = json_rows({"id": key, "deleted_at": moment} for key, moment in deleted_at.items())
        self._session.execute(
            update(table).where(table.c.id == given.c.id).values(deleted_at=given.c.deleted_at),
            {"rows": rows},
        )

    def record_refresh(self, dashboard_id: UUID, version: int, error: JsonObject | None) -> None:
        """Write how a refresh of a version went, unless another version is the current one by now."""
        status = LastRefresh.FAILED if error else LastRefresh.SUCCEEDED
        self._session.execute(
            update(Dashboard)
            .where(Dashboard.id == dashboard_id, Dashboard.current_version == version)
            .values(last_refresh_status=status, last_refresh_error=error)
        )

    def list_live(self, *, scheduled_only: bool = False) -> list[Dashboard]:
        """Every live dashboard in slug order, or only those with a schedule."""
        statement = select(Dashboard).where(Dashboard.deleted_at.is_(None)).order_by(Dashboard.slug)
        if scheduled_only:
            statement = statement.where(Dashboard.schedule.is_not(None))
        return list(self._session.scalars(statement))

    def list_schedules(self) -> list[DashboardSchedule]:
        """Every live dashboard with a schedule, in slug order."""
        columns = (Dashboard.slug, Dashboard.schedule, Dashboard.time_zone)
        statement = select(*columns).where(Dashboard.schedule.is_not(None), Dashboard.deleted_at.is_(None))
        rows = self._session.execute(statement.order_by(Dashboard.slug))
        return [DashboardSchedule(slug, schedule or "", time_zone) for slug, schedule, time_zone in rows]

    def list_choices(self) -> DashboardChoices:
        """The tags and owners of live dashboards, at most `_MOST_CHOICES` of each."""
        live = Dashboard.deleted_at.is_(None)
        tag = func.unnest(Dashboard.tags).label("name")
        tags = select(literal("tag").label("kind"), tag).where(live).distinct().order_by(tag)
        owners = select(literal("owner").label("kind"), Dashboard.owner.label("name")).distinct()
        owners = owners.where(live, Dashboard.owner != "").order_by(Dashboard.owner)
        rows = self._session.execute(
            union(
                select(tags.limit(_MOST_CHOICES).subquery()), select(owners.limit(_MOST_CHOICES).subquery())
            )
        )
        found = sorted((row[0], row[1]) for row in rows)
        return DashboardChoices(
            tuple(name for kind, name in found if kind == "tag"),
            tuple(name for kind, name in found if kind == "owner"),
        )

    def search(
        self,
        *,
        q: str | None = None,
        tag: str | None = None,
        owner: str | None = None,
        page: int = 1,
        page_size: int = 50,
    ) -> Page[Dashboard]:
        """Live dashboards in slug order; `q` is looked for in slug, title and description, without case."""
        numbered = number_rows(_filter(q, tag, owner), [Dashboard.slug])
        found = select(aliased(Dashboard, numbered), numbered.c.row_position, numbered.c.row_total)
        rows = self._session.execute(pick_page(found, numbered, page, page_size))
        return make_page(rows, page, page_size)


def _filter(q: str | None, tag: str | None, owner: str | None) -> Select[Dashboard]:
    statement = select(Dashboard).where(Dashboard.deleted_at.is_(None))
    if q:
        texts = (Dashboard.slug, Dashboard.title, Dashboard.description)
        statement = statement.where(or_(*(text.icontains(q, autoescape=True) for text in texts)))
    if tag:
        statement = statement.where(table_of(Dashboard).c.tags.contains([tag]))
    if owner:
        statement = statement.where(Dashboard.owner == owner)
    return statement
