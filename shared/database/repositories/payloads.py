"""The assembled answers of `/data`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.models.runs import Payload
from shared.database.repositories.base import Repository, excluded_values, rows_of, table_of

type PayloadKey = tuple[UUID, int, str]
"""Dashboard, version and variant hash."""


@dataclass(frozen=True)
class PayloadFreshness:
    """How fresh the oldest payload of a dashboard's current version is; `aged` means beyond its `max_age`."""

    as_of: datetime
    checked_at: datetime
    aged: bool


class PayloadRepository(Repository):
    """Reads and writes `payloads`."""

    def get_many(self, keys: Sequence[PayloadKey]) -> dict[PayloadKey, Payload]:
        """The payloads there are."""
        if not keys:
            return {}
        columns = tuple_(Payload.dashboard_id, Payload.version, Payload.variant_hash)
        rows = self._session.scalars(select(Payload).where(columns.in_(list(keys))))
        return {(row.dashboard_id, row.version, row.variant_hash): row for row in rows}

    def get_current(self, slug: str, variant_hash: str) -> Payload | None:
        """The payload of one variant of the current version of a live dashboard."""
        return self._session.scalars(
            select(Payload)
            .join(
                Dashboard,
                and_(Dashboard.id == Payload.dashboard_id, Dashboard.current_version == Payload.version),
            )
            .where(
                Dashboard.slug == slug, Dashboard.deleted_at.is_(None), Payload.variant_hash == variant_hash
            )
        ).one_or_none()

    def find_last_checks(self, dashboard_ids: Sequence[UUID]) -> dict[UUID, datetime]:
        """When the payloads of each dashboard's current version were last checked, the oldest of them.

        Dashboards without a payload of their current version are left out.
        """
        if not dashboard_ids:
            return {}
        rows = self._session.execute(
            select(Payload.dashboard_id, func.min(Payload.checked_at))
            .join(
                Dashboard,
                and_(Dashboard.id == Payload.dashboard_id, Dashboard.current_version == Payload.version),
            )
            .where(Payload.dashboard_id.in_(dashboard_ids))
            .group_by(Payload.dashboard_id)
        )
        return {row[0]: row[1] for row in rows}

    def find_freshness(self, dashboard_ids: Sequence[UUID], now: datetime) -> dict[UUID, PayloadFreshness]:
        """How fresh each dashboard is; those without a payload of their current version are left out."""
        if not dashboard_ids:
            return {}
        oldest = func.min(Payload.checked_at)
        max_age = func.min(DashboardVersion.definition["refresh"]["max_age"].as_integer())
        rows = self._session.execute(
            select(Payload.dashboard_id, func.min(Payload.as_of), oldest, max_age)
            .join(
                Dashboard,
                and_(Dashboard.id == Payload.dashboard_id, Dashboard.current_version == Payload.version),
            )
            .join(
                DashboardVersion,
                and_(
                    DashboardVersion.dashboard_id == Payload.dashboard_id,
                    DashboardVersion.version == Payload.version,
                ),
            )
            .where(Payload.dashboard_id.in_(dashboard_ids))
            .group_by(Payload.dashboard_id)
        )
        return {
            row[0]: PayloadFreshness(
                row[1], row[2], row[3] is not None and (now - row[2]).total_seconds() > row[3]
            )
            for row in rows
        }

    def upsert_many(self, payloads: Sequence[Payload]) -> set[PayloadKey]:
        """Store payloads; the keys that were stored. One checked earlier than the stored one is left out."""
        latest = {(row.dashboard_id, row.version, row.variant_hash): row for row in payloads}
        if not latest:
            return set()
        table = table_of(Payload)
        key = [table.c.dashboard_id, table.c.version, table.c.variant_hash]
        new = insert(table)
        keep = ["id", "dashboard_id", "version", "variant_hash", "updated_at"]
        statement = new.on_conflict_do_update(
            index_elements=key,
            set_=excluded_values(table, new.excluded, keep) | {"updated_at": func.now()},
            where=table.c.checked_at <= new.excluded.checked_at,
        ).returning(*key)
        stored = self._session.execute(statement, rows_of([latest[name] for name in sorted(latest)]))
        return {(row[0], row[1], row[2]) for row in stored}

    def delete_versions(self, dashboard_id: UUID, versions: Sequence[int]) -> list[str]:
        """Forget the payloads of versions; the blob paths that nothing points to any more."""
        if not versions:
            return []
        table = table_of(Payload)
        statement = delete(table).where(table.c.dashboard_id == dashboard_id, table.c.version.in_(versions))
        return sorted(self._session.scalars(statement.returning(table.c.blob_path)))
