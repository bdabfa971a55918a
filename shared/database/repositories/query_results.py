"""The last good result of each query, and why its newest refresh failed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import FromClause, Text, Update, case, cast, delete, exists, func, null, select, update
from sqlalchemy.dialects.postgresql import array, insert

from shared.database.models.leases import QueryLease
from shared.database.models.runs import Payload, QueryFailure, QueryResult
from shared.database.repositories.base import (
    Repository,
    excluded_values,
    json_rows,
    record_set,
    rows_of,
    table_of,
)
from shared.json_values import JsonObject


@dataclass(frozen=True)
class ResultCheck:
    """The sources of a query were looked at and the result stored under `fence` is still right.

    `known_error` is the refresh error that there was before the look.
    """

    fingerprint: str
    fence: int
    checked_at: datetime
    known_error: JsonObject | None = None


@dataclass(frozen=True)
class RefreshFailure:
    """A refresh of a query failed under the lease with this `fence`; its last good result stays."""

    fingerprint: str
    fence: int
    refresh_error: JsonObject


class QueryResultRepository(Repository):
    """Reads and writes `query_results`."""

    def get_many(self, fingerprints: Sequence[str]) -> dict[str, QueryResult]:
        """The results there are."""
        if not fingerprints:
            return {}
        statement = select(QueryResult).where(QueryResult.fingerprint.in_(fingerprints))
        return {row.fingerprint: row for row in self._session.scalars(statement)}

    def list_paths(self) -> list[str]:
        """Where the results lie."""
        return list(self._session.scalars(select(QueryResult.blob_path)))

    def find_by_prefix(self, prefixes: Sequence[str], length: int) -> dict[str, str]:
        """The fingerprints of results that begin with one of the prefixes, all `length` long, by these."""
        if not prefixes:
            return {}
        beginning = func.left(cast(QueryResult.fingerprint, Text), length)
        statement = select(QueryResult.fingerprint).where(beginning.in_(prefixes))
        return {one[:length]: one for one in self._session.scalars(statement)}

    def lock_many(self, fingerprints: Sequence[str]) -> dict[str, QueryResult]:
        """The results there are; none of them is retired before the transaction ends."""
        if not fingerprints:
            return {}
        statement = (
            select(QueryResult)
            .where(QueryResult.fingerprint.in_(fingerprints))
            .order_by(QueryResult.fingerprint)
            .with_for_update(read=True, key_share=True)
        )
        return {row.fingerprint: row for row in self._session.scalars(statement)}

    def upsert_many(self, results: Sequence[QueryResult]) -> set[str]:
        """Store results; the fingerprints that were stored.

        A result with a lower fence than the stored one is left out: its writer lost the lease.
        """
        latest = {result.fingerprint: result for result in results}
        if not latest:
            return set()
        table = table_of(QueryResult)
        new = insert(table)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.fingerprint],
            set_=excluded_values(table, new.excluded, ["fingerprint", "updated_at"])
            | {"updated_at": func.now()},
            where=table.c.fence <= new.excluded.fence,
        ).returning(table.c.fingerprint)
        return set(self._session.scalars(statement, rows_of([latest[key] for key in sorted(latest)])))

    def mark_checked_many(self, checks: Sequence[ResultCheck]) -> set[str]:
        """Move `checked_at` forward and clear the error known before; the fingerprints this was right for.

        A result that somebody replaced since the look is left alone, and so is an error of since then.
        """
        if not checks:
            return set()
        table = table_of(QueryResult)
        given = record_set(table, ["fingerprint", "fence", "checked_at", "refresh_error"])
        moved = func.greatest(table.c.checked_at, given.c.checked_at)
        is_known = table.c.refresh_error.is_not_distinct_from(given.c.refresh_error)
        statement = (
            update(table)
            .where(table.c.fence == given.c.fence)
            .values(
                checked_at=moved,
                refresh_error=case((is_known, null()), else_=table.c.refresh_error),
                updated_at=func.now(),
            )
        )
        rows = [
            {"fingerprint": one.fingerprint, "fence": one.fence, "checked_at": one.checked_at}
            | {"refresh_error": one.known_error}
            for one in checks
        ]
        return self._run(statement, given, rows)

    def record_failures(self, failures: Sequence[RefreshFailure]) -> set[str]:
        """Write why a refresh failed, and nothing else; the fingerprints that were told.

        A result with a higher fence is left out: the writer lost the lease, and its successor succeeded.
        """
        if not failures:
            return set()
        table = table_of(QueryResult)
        given = record_set(table, ["fingerprint", "fence", "refresh_error"])
        statement = (
            update(table)
            .where(table.c.fence <= given.c.fence)
            .values(refresh_error=given.c.refresh_error, updated_at=func.now())
        )
        return self._run(statement, given, [asdict(failure) for failure in failures])

    def retire_many(self, before: datetime, limit: int) -> list[str]:
        """Forget results not touched since a time that no payload is made of; their blob paths.

        Their leases go with them; a result whose lease is held stays.
        """
        unused = ~exists().where(Payload.fingerprints.contains(array([cast(QueryResult.fingerprint, Text)])))
        held = exists().where(
            QueryLease.fingerprint == QueryResult.fingerprint,
            QueryLease.owner.is_not(None),
            QueryLease.expires_at > func.now(),
        )
        candidates = list(
            self._session.scalars(
                select(QueryResult.fingerprint)
                .where(QueryResult.updated_at < before, unused, ~held)
                .order_by(QueryResult.updated_at)
                .limit(limit)
                .with_for_update(of=QueryResult, skip_locked=True)
            )
        )
        if not candidates:
            return []
        # Asked again under the lock: a payload made of one of them may have been stored in between.
        gone = self._session.execute(
            delete(QueryResult)
            .where(QueryResult.fingerprint.in_(candidates), unused, ~held)
            .returning(QueryResult.fingerprint, QueryResult.blob_path)
        ).all()
        fingerprints = [row[0] for row in gone]
        # Fences begin anew without the lease; a failure of before would be taken for a later one.
        for model in (QueryLease, QueryFailure):
            self._session.execute(delete(model).where(model.fingerprint.in_(fingerprints)))
        return [row[1] for row in gone]

    def _run(self, statement: Update, given: FromClause, rows: Sequence[Mapping[str, object]]) -> set[str]:
        table = table_of(QueryResult)
        matched = statement.where(table.c.fingerprint == given.c.fingerprint).returning(table.c.fingerprint)
        return set(self._session.scalars(matched, {"rows": json_rows(rows)}))


class QueryFailureRepository(Repository):
    """Reads and writes `query_failures`."""

    def get_many(self, fingerprints: Sequence[str]) -> dict[str, QueryFailure]:
        """The failures there are."""
        if not fingerprints:
            return {}
        statement = select(QueryFailure).where(QueryFailure.fingerprint.in_(fingerprints))
        return {row.fingerprint: row for row in self._session.scalars(statement)}

    def upsert_many(self, failures: Sequence[QueryFailure]) -> None:
        """Keep failures, but those of a holder whose successor has failed as well."""
        latest = {failure.fingerprint: failure for failure in failures}
        if not latest:
            return
        table = table_of(QueryFailure)
        new = insert(table)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.fingerprint],
            set_=excluded_values(table, new.excluded, ["fingerprint", "failed_at"])
            | {"failed_at": func.now()},
            where=table.c.fence <= new.excluded.fence,
        )
        self._session.execute(statement, rows_of([latest[key] for key in sorted(latest)]))

    def forget_many(self, fences: Mapping[str, int]) -> None:
        """Delete the failures of these fingerprints under a fence up to the given one."""
        if not fences:
            return
        table = table_of(QueryFailure)
        given = record_set(table, ["fingerprint", "fence"])
        statement = delete(table).where(
            table.c.fingerprint == given.c.fingerprint, table.c.fence <= given.c.fence
        )
        rows = json_rows({"fingerprint": key, "fence": fence} for key, fence in fences.items())
        self._session.execute(statement, {"rows": rows})
