"""The immutable versions of dashboards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Select, Text, and_, any_, exists, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import aliased

from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.repositories.base import RowRepository, json_rows, record_set, table_of
from shared.database.repositories.paging import Page, make_page, number_rows, pick_page
from shared.json_values import JsonObject


@dataclass(frozen=True)
class VersionSummary:
    """A version without its text."""

    id: UUID
    version: int
    content_sha256: str
    blob_path: str
    blob_revision: str | None
    author: str
    message: str
    plan_totals: JsonObject
    created_at: datetime


@dataclass(frozen=True)
class DefinitionPart:
    """A member of a version's definition as JSON; None where the version has none."""

    dashboard_id: UUID
    version: int
    value: Any


@dataclass(frozen=True)
class StoredVersion:
    """Where the current version of a dashboard is in the blob store; no revision while it is still to be written."""

    version: int
    blob_path: str
    blob_revision: str | None
    has_files: bool
    """Whether it has more than the one file."""


@dataclass(frozen=True)
class PendingVersion:
    """A version whose blobs still have to be written."""

    slug: str
    row: DashboardVersion


_SUMMARY_COLUMNS = list(VersionSummary.__dataclass_fields__)


class VersionRepository(RowRepository[DashboardVersion]):
    """Appends to and reads `dashboard_versions`; versions of deleted dashboards stay readable by number."""

    _CONFLICTS: ClassVar = {
        "uq_dashboard_versions_dashboard_id_version": "Somebody saved this version of the dashboard first."
    }

    def get_current(self, slugs: Sequence[str]) -> dict[str, DashboardVersion]:
        """The current version of each live dashboard of `slugs`."""
        if not slugs:
            return {}
        rows = self._session.execute(
            select(Dashboard.slug, DashboardVersion)
            .join(
                DashboardVersion,
                and_(
                    DashboardVersion.dashboard_id == Dashboard.id,
                    DashboardVersion.version == Dashboard.current_version,
                ),
            )
            .where(Dashboard.slug.in_(slugs), Dashboard.deleted_at.is_(None))
        )
        return {row[0]: row[1] for row in rows}

    def read_parts(self, slugs: Sequence[str], part: str) -> dict[str, DefinitionPart]:
        """The member `part` of the current definition of each live dashboard of `slugs`.

        As one document: what is asked of all dashboards need not carry their texts, nor come as a row for each.
        """
        columns = (Dashboard.slug, Dashboard.id, Dashboard.current_version, DashboardVersion.definition[part])
        found = self._session.scalar(
            select(func.json_agg(func.json_build_array(*columns)))
            .join(
                DashboardVersion,
                and_(
                    DashboardVersion.dashboard_id == Dashboard.id,
                    DashboardVersion.version == Dashboard.current_version,
                ),
            )
            .where(Dashboard.slug == any_(literal(list(slugs), ARRAY(Text))), Dashboard.deleted_at.is_(None))
        )
        return {
            slug: DefinitionPart(UUID(dashboard_id), version, value)
            for slug, dashboard_id, version, value in found or ()
        }

    def list_stored(self) -> dict[str, StoredVersion]:
        """Where the current version of every live dashboard is, by slug; one document, as `read_parts` answers."""
        version = DashboardVersion
        columns = (version.version, version.blob_path, version.blob_revision, version.files != {})
        found = self._session.scalar(
            select(func.json_object_agg(Dashboard.slug, func.json_build_array(*columns)))
            .join(
                version,
                and_(version.dashboard_id == Dashboard.id, version.version == Dashboard.current_version),
            )
            .where(Dashboard.deleted_at.is_(None))
        )
        return {slug: StoredVersion(*values) for slug, values in (found or {}).items()}

    def get_published(self, slugs: Sequence[str]) -> dict[str, DashboardVersion]:
        """The latest version of each dashboard of `slugs` that is in the blob store."""
        if not slugs:
            return {}
        rows = self._session.execute(
            select(Dashboard.slug, DashboardVersion)
            .join(DashboardVersion, DashboardVersion.dashboard_id == Dashboard.id)
            .where(Dashboard.slug.in_(slugs), DashboardVersion.blob_revision.is_not(None))
            .ext(distinct_on(Dashboard.slug))
            .order_by(Dashboard.slug, DashboardVersion.version.desc())
        )
        return {row[0]: row[1] for row in rows}

    def get(self, slug: str, version: int) -> DashboardVersion | None:
        """One version of one dashboard."""
        return self.get_many([(slug, version)]).get((slug, version))

    def get_many(self, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], DashboardVersion]:
        """Those of the versions, each named by slug and number, that exist."""
        if not wanted:
            return {}
        rows = self._session.execute(
            select(Dashboard.slug, DashboardVersion)
            .join(DashboardVersion, DashboardVersion.dashboard_id == Dashboard.id)
            .where(tuple_(Dashboard.slug, DashboardVersion.version).in_(wanted))
        )
        return {(row[0], row[1].version): row[1] for row in rows}

    def list_all(self, slugs: Sequence[str]) -> dict[str, list[DashboardVersion]]:
        """Every version of the dashboards of `slugs`, deleted ones included, by number."""
        rows = self._session.execute(
            select(Dashboard.slug, DashboardVersion)
            .join(DashboardVersion, DashboardVersion.dashboard_id == Dashboard.id)
            .where(Dashboard.slug.in_(slugs))
            .order_by(Dashboard.slug, DashboardVersion.version)
        )
        found: dict[str, list[DashboardVersion]] = {slug: [] for slug in slugs}
        for slug, version in rows:
            found[slug].append(version)
        return found

    def list_pending(self, slugs: Sequence[str] | None = None) -> list[PendingVersion]:
        """Versions that are not in the blob store yet, by number; of all dashboards unless given.

        One that was overtaken is not pending any more: the store has a later version of its dashboard.
        """
        later = aliased(DashboardVersion)
        overtaken = exists().where(
            later.dashboard_id == DashboardVersion.dashboard_id,
            later.version > DashboardVersion.version,
            later.blob_revision.is_not(None),
        )
        statement = (
            select(Dashboard.slug, DashboardVersion)
            .join(DashboardVersion, DashboardVersion.dashboard_id == Dashboard.id)
            .where(DashboardVersion.blob_revision.is_(None), ~overtaken)
            .order_by(DashboardVersion.version, Dashboard.slug)
        )
        if slugs is not None:
            statement = statement.where(Dashboard.slug.in_(slugs))
        return [PendingVersion(row[0], row[1]) for row in self._session.execute(statement)]

    def set_blob_revisions(self, revisions: Mapping[UUID, str]) -> None:
        """Record that versions are in the blob store, under the store's own revisions."""
        if not revisions:
            return
        table = table_of(DashboardVersion)
        given = record_set(table, ["id", "blob_revision"])
        self._session.execute(
            update(table).where(table.c.id == given.c.id).values(blob_revision=given.c.blob_revision),
            {"rows": json_rows({"id": key, "blob_revision": value} for key, value in revisions.items())},
        )

    def list_versions(self, slug: str, page: int = 1, page_size: int = 50) -> Page[VersionSummary]:
        """The versions of a dashboard, the latest first, without their text."""
        columns = [DashboardVersion.__table__.c[name] for name in _SUMMARY_COLUMNS]
        numbered = number_rows(_of_dashboard(select(*columns), slug), [DashboardVersion.version.desc()])
        rows = self._session.execute(pick_page(select(numbered), numbered, page, page_size)).mappings()
        return make_page(
            (
                (
                    VersionSummary(*(row[name] for name in _SUMMARY_COLUMNS)),
                    row["row_position"],
                    row["row_total"],
                )
                for row in rows
            ),
            page,
            page_size,
        )


def _of_dashboard[S: Select[*tuple[Any, ...]]](statement: S, slug: str) -> S:
    return statement.join(Dashboard, Dashboard.id == DashboardVersion.dashboard_id).where(
        Dashboard.slug == slug
    )
