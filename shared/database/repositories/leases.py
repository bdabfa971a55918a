"""Leases on queries. When one is over is a matter of the database's clock alone: workers' clocks differ."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.leases import QueryLease
from shared.database.repositories.base import Repository, table_of


class LeaseRepository(Repository):
    """Reads and writes `query_leases`."""

    def acquire_many(self, fingerprints: Sequence[str], owner: UUID, lifetime: timedelta) -> dict[str, int]:
        """Take the leases that are free or have run out; their fences. Right under concurrency."""
        if not fingerprints:
            return {}
        table = table_of(QueryLease)
        new = insert(table).values(
            fingerprint=bindparam("key"), owner=owner, fence=1, expires_at=func.now() + lifetime
        )
        statement = new.on_conflict_do_update(
            index_elements=[table.c.fingerprint],
            set_={
                "owner": new.excluded.owner,
                "fence": table.c.fence + 1,
                "expires_at": new.excluded.expires_at,
            },
            where=or_(table.c.owner.is_(None), table.c.expires_at <= func.now()),
        ).returning(table.c.fingerprint, table.c.fence)
        # In one order everywhere: two workers must not wait for each other in a circle.
        rows = [{"key": key} for key in sorted(set(fingerprints))]
        return {row[0]: row[1] for row in self._session.execute(statement, rows)}

    def renew_many(self, fingerprints: Sequence[str], owner: UUID, lifetime: timedelta) -> set[str]:
        """Let leases the owner still holds end `lifetime` from now; those."""
        if not fingerprints:
            return set()
        table = table_of(QueryLease)
        statement = (
            update(table)
            .where(table.c.fingerprint.in_(list(fingerprints)), table.c.owner == owner)
            .values(expires_at=func.now() + lifetime)
            .returning(table.c.fingerprint)
        )
        return set(self._session.scalars(statement))

    def begin_many(self, fingerprints: Sequence[str], owner: UUID) -> None:
        """Note that the owner begins to refresh what it holds; `end_many` forgets it."""
        self._write(fingerprints, owner, {"unfinished": table_of(QueryLease).c.unfinished + 1})

    def end_many(self, fingerprints: Sequence[str], owner: UUID) -> None:
        """Note that the refreshes of what the owner still holds ended, well or not: its process lives."""
        self._write(fingerprints, owner, {"unfinished": 0})

    def count_unfinished(self, fingerprints: Sequence[str]) -> dict[str, int]:
        """How many refreshes in a row began and never ended; those without any are left out."""
        if not fingerprints:
            return {}
        rows = self._session.execute(
            select(QueryLease.fingerprint, QueryLease.unfinished).where(
                QueryLease.fingerprint.in_(list(fingerprints)), QueryLease.unfinished > 0
            )
        )
        return {row[0]: int(row[1]) for row in rows}

    def release_many(self, fingerprints: Sequence[str], owner: UUID) -> None:
        """Give back the leases the owner still holds."""
        self._write(fingerprints, owner, {"owner": None})

    def release_expired(self, long_ago: timedelta) -> int:
        """Give back every lease that ran out so long ago that its holder is dead; how many. The fences stay."""
        table = table_of(QueryLease)
        statement = (
            update(table)
            .where(table.c.owner.is_not(None), table.c.expires_at <= func.now() - long_ago)
            .values(owner=None)
            .returning(table.c.fingerprint)
        )
        return len(self._session.execute(statement).all())

    def list_held(self, fingerprints: Sequence[str]) -> set[str]:
        """Those of the fingerprints that somebody is refreshing."""
        if not fingerprints:
            return set()
        return set(
            self._session.scalars(
                select(QueryLease.fingerprint).where(
                    QueryLease.fingerprint.in_(list(fingerprints)),
                    QueryLease.owner.is_not(None),
                    QueryLease.expires_at > func.now(),
                )
            )
        )

    def _write(self, fingerprints: Sequence[str], owner: UUID, values: Mapping[str, object]) -> None:
        """Change the leases that the owner holds."""
        if not fingerprints:
            return
        table = table_of(QueryLease)
        self._session.execute(
            update(table)
            .where(table.c.fingerprint.in_(list(fingerprints)), table.c.owner == owner)
            .values(**values)
        )
