"""Why the newest refresh of each query failed."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.runs import QueryFailure
from shared.database.repositories.base import (
    Repository,
    excluded_values,
    json_rows,
    record_set,
    rows_of,
    table_of,
)


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
