"""Bytes per user, dashboard, environment and day, and whether the database knows them all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, text, union, update
from sqlalchemy.dialects.postgresql import JSONB

from shared.database.models.costs import CostLedgerRow, CostReservation, CostScope, LedgerOpening
from shared.database.models.dashboards import DashboardVersion
from shared.database.models.runs import QueryRun
from shared.database.models.users import User
from shared.database.repositories.base import Repository, json_rows, table_of

# The cluster, its past, and the database in it: a copy that is put back anywhere differs in one of them.
_IDENTITY = text("""
SELECT (SELECT system_identifier FROM pg_control_system()) || '.' ||
       (SELECT timeline_id FROM pg_control_checkpoint()) || '.' ||
       (SELECT oid FROM pg_database WHERE datname = current_database())
""")
_ADD = text("""
INSERT INTO cost_ledger AS ledger (id, scope, key, day, bytes_reserved, bytes_billed)
SELECT gen_random_uuid(), scope, key, day, sum(bytes_reserved), sum(bytes_billed)
FROM jsonb_to_recordset(:rows) AS one(
    scope text, key text, day date, bytes_reserved bigint, bytes_billed bigint)
GROUP BY scope, key, day ORDER BY scope, key, day
ON CONFLICT (scope, key, day) DO UPDATE
SET bytes_reserved = ledger.bytes_reserved + excluded.bytes_reserved,
    bytes_billed = ledger.bytes_billed + excluded.bytes_billed
""").bindparams(bindparam("rows", type_=JSONB))


class LedgerRepository(Repository):
    """Reads and writes `cost_ledger`, and what opened it."""

    def list_rows(
        self, scope: CostScope, first_day: date, last_day: date, keys: Sequence[str] | None = None
    ) -> list[CostLedgerRow]:
        """The rows of a scope between two days (both included), by day and key; of all keys unless given."""
        statement = select(CostLedgerRow).where(
            CostLedgerRow.scope == scope, CostLedgerRow.day.between(first_day, last_day)
        )
        if keys is not None:
            statement = statement.where(CostLedgerRow.key.in_(keys))
        return list(self._session.scalars(statement.order_by(CostLedgerRow.day, CostLedgerRow.key)))

    def find_opening(self) -> LedgerOpening | None:
        """What lets this very database admit jobs; None when nothing does."""
        return self._session.get(LedgerOpening, self._session.scalar(_IDENTITY))

    def open(self, opened_by: str, now: datetime, unknown_users: Iterable[str] = ()) -> None:
        """Let this database admit jobs; one that does already has these unknown users more."""
        opening = self.find_opening()
        if opening is None:
            identity = self._session.scalar(_IDENTITY)
            opening = LedgerOpening(database=identity, opened_at=now, opened_by=opened_by, unknown_users=[])
            self._session.add(opening)
        opening.unknown_users = sorted({*opening.unknown_users, *unknown_users})
        self._session.flush()

    def lock(self) -> None:
        """Let nobody else enter past jobs until the transaction ends."""
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("ledger", 0))))

    def find_unentered(self, reservation_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the reservations that are not known."""
        known = self._session.scalars(
            select(CostReservation.id).where(CostReservation.id.in_(reservation_ids))
        )
        return set(reservation_ids).difference(known)

    def enter(self, reservations: Sequence[CostReservation], environment: str) -> None:
        """Add reservations of the past, open or settled, to their table and to the budgets they count against."""
        if not reservations:
            return
        self._session.add_all(reservations)
        self._session.flush()
        self._add([line for row in reservations for line in _list_lines(row, environment)])

    def adopt_user(self, opening: LedgerOpening, user: str, unknown: str, actor: str) -> None:
        """Give `actor` what stands under the name `unknown`, for the hash `user`."""
        for model in (CostReservation, QueryRun):
            self._session.execute(update(model).where(model.actor == unknown).values(actor=actor))
        table = table_of(CostLedgerRow)
        gone = delete(table).where(table.c.scope == CostScope.USER, table.c.key == unknown)
        columns = table.c.day, table.c.bytes_reserved, table.c.bytes_billed
        found = self._session.execute(gone.returning(*columns)).mappings().all()
        self._add([{"scope": CostScope.USER, "key": actor, **row} for row in found])
        opening.unknown_users = [one for one in opening.unknown_users if one != user]

    def list_known_actors(self) -> list[str]:
        """Everybody who has signed in or saved."""
        return list(self._session.scalars(union(select(User.email), select(DashboardVersion.author))))

    def _add(self, lines: Sequence[Mapping[str, object]]) -> None:
        self._session.execute(_ADD, {"rows": json_rows(lines)})


def _list_lines(row: CostReservation, environment: str) -> list[dict[str, object]]:
    """The budgets that a reservation counts against, each with its bytes."""
    keys = {CostScope.USER: row.actor, CostScope.ENVIRONMENT: environment, CostScope.DASHBOARD: row.slug}
    taken = {
        "day": row.day,
        "bytes_reserved": row.bytes_reserved if row.settled_at is None else 0,
        "bytes_billed": row.bytes_settled or 0,
    }
    return [{"scope": scope, "key": key, **taken} for scope, key in keys.items() if key is not None]
