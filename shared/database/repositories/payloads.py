"""The assembled answers of `/data`, and blobs that nothing points to any more."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.models.runs import ExpiredBlob, Payload
from shared.database.repositories.base import (
    Repository,
    excluded_values,
    json_rows,
    record_set,
    rows_of,
    table_of,
    take_once,
)

type PayloadKey = tuple[UUID, int, str]
"""Dashboard, version and variant hash."""

# A variant that somebody asked for once may be old without the dashboard being so.
_IS_LISTED = ~Payload.on_demand
_IS_CURRENT = and_(Dashboard.id == Payload.dashboard_id, Dashboard.current_version == Payload.version)


@dataclass(frozen=True)
class PayloadFreshness:
    """How fresh the oldest payload of a dashboard's current version is; `aged` means beyond its `max_age`."""

    as_of: datetime
    checked_at: datetime
    aged: bool


@dataclass(frozen=True)
class PayloadCheck:
    """The payload `id` whose content lies at `blob_path` was found to be right at `checked_at`."""

    id: UUID
    blob_path: str
    checked_at: datetime


class PayloadRepository(Repository):
    """Reads and writes `payloads`."""

    def get_many(self, keys: Sequence[PayloadKey]) -> dict[PayloadKey, Payload]:
        """The payloads there are."""
        if not keys:
            return {}
        columns = tuple_(Payload.dashboard_id, Payload.version, Payload.variant_hash)
        rows = self._session.scalars(select(Payload).where(columns.in_(list(keys))))
        return {(row.dashboard_id, row.version, row.variant_hash): row for row in rows}

    def find_checks(self, keys: Sequence[PayloadKey]) -> dict[PayloadKey, datetime]:
        """When each of the payloads there are was last checked."""
        if not keys:
            return {}
        columns = (Payload.dashboard_id, Payload.version, Payload.variant_hash)
        rows = self._session.execute(
            select(*columns, Payload.checked_at).where(tuple_(*columns).in_(list(keys)))
        )
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def find_last_checks(self, dashboard_ids: Sequence[UUID]) -> dict[UUID, datetime]:
        """When the payloads of each dashboard's current version were last checked, the oldest of them.

        Dashboards without a payload of their current version are left out.
        """
        if not dashboard_ids:
            return {}
        rows = self._session.execute(
            select(Payload.dashboard_id, func.min(Payload.checked_at))
            .join(Dashboard, _IS_CURRENT)
            .where(Payload.dashboard_id.in_(dashboard_ids), _IS_LISTED)
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
            .where(Payload.dashboard_id.in_(dashboard_ids), _IS_LISTED)
            .group_by(Payload.dashboard_id)
        )
        return {
            row[0]: PayloadFreshness(
                row[1], row[2], row[3] is not None and (now - row[2]).total_seconds() > row[3]
            )
            for row in rows
        }

    def list_on_demand(
        self, dashboard_ids: Sequence[UUID], read_since: datetime
    ) -> dict[UUID, list[Payload]]:
        """The on-demand payloads of current versions that were read since, by dashboard.

        First those read after they were last checked, then by how lately they were read: who can take only
        some of them gets to all of them in turn.
        """
        if not dashboard_ids:
            return {}
        statement = (
            select(Payload)
            .join(Dashboard, _IS_CURRENT)
            .where(Payload.dashboard_id.in_(dashboard_ids), Payload.on_demand, Payload.read_at >= read_since)
            .order_by((Payload.read_at > Payload.checked_at).desc(), Payload.read_at.desc(), Payload.id)
        )
        found: dict[UUID, list[Payload]] = {}
        for row in self._session.scalars(statement):
            found.setdefault(row.dashboard_id, []).append(row)
        return found

    def list_read_stale(self) -> list[str]:
        """Slugs of live dashboards without a schedule of which a payload was read after its `max_age`."""
        max_age = DashboardVersion.definition["refresh"]["max_age"].as_integer()
        age_when_read = func.extract("epoch", Payload.read_at - Payload.checked_at)
        return list(
            self._session.scalars(
                select(Dashboard.slug)
                .join(Payload, _IS_CURRENT)
                .join(
                    DashboardVersion,
                    and_(
                        DashboardVersion.dashboard_id == Dashboard.id,
                        DashboardVersion.version == Dashboard.current_version,
                    ),
                )
                .where(Dashboard.schedule.is_(None), Dashboard.deleted_at.is_(None), age_when_read > max_age)
                .distinct()
                .order_by(Dashboard.slug)
            )
        )

    def upsert_many(self, payloads: Sequence[Payload]) -> dict[PayloadKey, datetime]:
        """Store payloads; the keys of those that were stored, and when: later writers have later times.

        One checked earlier than the stored one is left out. `read_at` stays what it is.
        """
        latest = {(row.dashboard_id, row.version, row.variant_hash): row for row in payloads}
        if not latest:
            return {}
        table = table_of(Payload)
        key = [table.c.dashboard_id, table.c.version, table.c.variant_hash]
        new = insert(table)
        keep = ["id", "dashboard_id", "version", "variant_hash", "read_at", "updated_at"]
        statement = new.on_conflict_do_update(
            index_elements=key,
            # Not now(): that is when the transaction began, which may be before another one ended.
            set_=excluded_values(table, new.excluded, keep) | {"updated_at": func.clock_timestamp()},
            where=table.c.checked_at <= new.excluded.checked_at,
        ).returning(*key, table.c.updated_at)
        stored = self._session.execute(statement, rows_of([latest[name] for name in sorted(latest)]))
        return {(row[0], row[1], row[2]): row[3] for row in stored}

    def mark_checked_many(self, checks: Sequence[PayloadCheck]) -> dict[PayloadKey, datetime]:
        """Move `checked_at` forward and nothing else; the keys this was right for, and when it was written.

        A payload that somebody replaced since the look is left alone.
        """
        if not checks:
            return {}
        table = table_of(Payload)
        given = record_set(table, ["id", "blob_path", "checked_at"])
        statement = (
            update(table)
            .where(table.c.id == given.c.id, table.c.blob_path == given.c.blob_path)
            .values(
                checked_at=func.greatest(table.c.checked_at, given.c.checked_at),
                updated_at=func.clock_timestamp(),
            )
            .returning(table.c.dashboard_id, table.c.version, table.c.variant_hash, table.c.updated_at)
        )
        rows = self._session.execute(statement, {"rows": json_rows(asdict(one) for one in checks)})
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def retire_many(self, before: datetime, limit: int) -> list[str]:
        """Forget payloads nobody will be served any more; the blob paths that nothing points to.

        Those are payloads of versions that were replaced before a time, of dashboards that were deleted before
        it, and on-demand ones that were not read since.
        """
        successor = (
            select(DashboardVersion.id)
            .where(
                DashboardVersion.dashboard_id == Payload.dashboard_id,
                DashboardVersion.version == Payload.version + 1,
                DashboardVersion.created_at < before,
            )
            .exists()
        )
        unread = and_(Payload.on_demand, Payload.read_at < before)
        retired = (
            select(Payload.id)
            .join(Dashboard, Dashboard.id == Payload.dashboard_id)
            .where(or_(successor, Dashboard.deleted_at < before, unread))
            .order_by(Payload.id)
            .limit(limit)
            .with_for_update(of=Payload, skip_locked=True)
        )
        statement = delete(Payload).where(Payload.id.in_(take_once(retired)))
        return list(self._session.scalars(statement.returning(Payload.blob_path)))


class ExpiredBlobRepository(Repository):
    """Reads and writes `expired_blobs`, in the transaction in which the last row stops pointing to a blob."""

    def add_many(self, paths: Sequence[str], delete_after: datetime) -> None:
        """Have blobs deleted after a time. Their paths are never used again."""
        rows = [{"path": path, "delete_after": delete_after} for path in sorted(set(paths))]
        if rows:
            self._session.execute(insert(table_of(ExpiredBlob)).values(rows).on_conflict_do_nothing())

    def take_due(self, now: datetime, limit: int) -> list[str]:
        """Forget blobs whose time has come; their paths. Who takes them deletes them before committing."""
        due = (
            select(ExpiredBlob.path)
            .where(ExpiredBlob.delete_after <= now)
            .order_by(ExpiredBlob.delete_after)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = delete(ExpiredBlob).where(ExpiredBlob.path.in_(take_once(due)))
        return list(self._session.scalars(statement.returning(ExpiredBlob.path)))
