"""What dry runs said, by fingerprint."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.runs import KeptDryRun
from shared.database.repositories.base import Repository, excluded_values, rows_of, table_of, take_once


class KeptDryRunRepository(Repository):
    """Reads and writes `kept_dry_runs`."""

    def get_many(
        self, fingerprints: Sequence[str], conditions_sha256: str, oldest: datetime, newest: datetime
    ) -> dict[str, KeptDryRun]:
        """Those asked for under these conditions, between the two moments."""
        if not fingerprints:
            return {}
        statement = select(KeptDryRun).where(
            KeptDryRun.fingerprint.in_(fingerprints),
            KeptDryRun.conditions_sha256 == conditions_sha256,
            KeptDryRun.asked_at.between(oldest, newest),
        )
        return {row.fingerprint: row for row in self._session.scalars(statement)}

    def upsert_many(self, rows: Sequence[KeptDryRun]) -> None:
        """Store answers; the latest of a query is kept."""
        if not rows:
            return
        table = table_of(KeptDryRun)
        new = insert(table)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.fingerprint],
            set_=excluded_values(table, new.excluded, ["fingerprint"]),
            where=table.c.asked_at < new.excluded.asked_at,
        ).returning(table.c.fingerprint)
        # In order: two plans that share queries must not wait for each other in a circle.
        latest = {row.fingerprint: row for row in rows}
        self._session.execute(statement, rows_of([latest[key] for key in sorted(latest)]))

    def delete_old(self, before: datetime, most: int, limit: int) -> int:
        """Delete up to `limit` that were asked for before, or that `most` others were asked for after; how many."""
        beyond = select(KeptDryRun.asked_at).order_by(KeptDryRun.asked_at.desc()).offset(most).limit(1)
        old = (
            select(KeptDryRun.fingerprint)
            .where(or_(KeptDryRun.asked_at < before, KeptDryRun.asked_at <= beyond.scalar_subquery()))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = delete(KeptDryRun).where(KeptDryRun.fingerprint.in_(take_once(old)))
        return len(self._session.execute(statement.returning(KeptDryRun.fingerprint)).all())
