"""Blobs that nothing points to any more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.runs import ExpiredBlob
from shared.database.repositories.base import Repository, table_of


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
        statement = delete(ExpiredBlob).where(ExpiredBlob.path.in_(due.scalar_subquery()))
        return list(self._session.scalars(statement.returning(ExpiredBlob.path)))
