"""Reserving and settling bytes against budgets."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, text, update

from shared.database.models.costs import CostReservation, CostScope
from shared.database.repositories.base import Repository, take_once


@dataclass(frozen=True)
class BudgetLine:
    """One budget a reservation counts against: at most `limit_bytes` a day, reserved and billed together."""

    scope: CostScope
    key: str
    limit_bytes: int


@dataclass(frozen=True)
class BudgetState:
    """A budget line and what is taken of it on a day, in bytes."""

    line: BudgetLine
    bytes_reserved: int
    bytes_billed: int

    @property
    def remaining_bytes(self) -> int:
        """What a new reservation may still take."""
        return max(0, self.line.limit_bytes - self.bytes_reserved - self.bytes_billed)


# One statement: every budget line takes the bytes or the reservation is not written. The rows are taken in
# one order everywhere, so that two reservations never wait for each other in a circle.
_RESERVE = text("""
WITH given AS (
    SELECT scope, key, limit_bytes
    FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS line(scope text, key text, limit_bytes bigint)
    ORDER BY scope, key
), granted AS (
    INSERT INTO cost_ledger AS ledger (id, scope, key, day, bytes_reserved, bytes_billed)
    SELECT gen_random_uuid(), scope, key, :day, :bytes, 0
    FROM given WHERE limit_bytes >= :bytes ORDER BY scope, key
    ON CONFLICT (scope, key, day)
    DO UPDATE SET bytes_reserved = ledger.bytes_reserved + excluded.bytes_reserved
    WHERE ledger.bytes_reserved + ledger.bytes_billed + excluded.bytes_reserved <= (
        SELECT limit_bytes FROM given WHERE given.scope = ledger.scope AND given.key = ledger.key)
    RETURNING scope
)
INSERT INTO cost_reservations
    (id, created_at, expires_at, bytes_reserved, actor, slug, query_name, fingerprint, job_id, day)
SELECT :id, :created_at, :expires_at, :bytes, :actor, :slug, :query_name, :fingerprint, :job_id, :day
WHERE (SELECT count(*) FROM granted) = (SELECT count(*) FROM given)
RETURNING id
""")

_SETTLE = text("""
WITH settled AS (
    UPDATE cost_reservations
    SET settled_at = :now, bytes_billed = :billed, bytes_settled = coalesce(CAST(:billed AS bigint), bytes_reserved)
    WHERE id = :id AND settled_at IS NULL RETURNING bytes_reserved, bytes_settled, day
), line AS (
    SELECT scope, key FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS one(scope text, key text)
), locked AS (
    SELECT ledger.id FROM cost_ledger AS ledger JOIN line USING (scope, key)
    JOIN settled ON settled.day = ledger.day ORDER BY ledger.scope, ledger.key FOR UPDATE OF ledger
)
UPDATE cost_ledger AS ledger
SET bytes_reserved = ledger.bytes_reserved - settled.bytes_reserved,
    bytes_billed = ledger.bytes_billed + settled.bytes_settled
FROM settled, locked WHERE ledger.id = locked.id
RETURNING ledger.id
""")

_STATES = text("""
SELECT line.scope, line.key, coalesce(ledger.bytes_reserved, 0), coalesce(ledger.bytes_billed, 0)
FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS line(scope text, key text)
LEFT JOIN cost_ledger AS ledger ON ledger.scope = line.scope AND ledger.key = line.key AND ledger.day = :day
""")


class ReservationRepository(Repository):
    """Reads and writes `cost_reservations` together with the ledger rows they count against."""

    def reserve(self, reservation: CostReservation, lines: Sequence[BudgetLine]) -> bool:
        """Take the reservation's bytes from every line, atomically; False when one has no room.

        After False the transaction must be rolled back: lines that had room were taken.
        """
        row = self._session.execute(
            _RESERVE,
            {
                "lines": _dump(lines),
                "day": reservation.day,
                "bytes": reservation.bytes_reserved,
                "id": reservation.id,
                "created_at": reservation.created_at,
                "expires_at": reservation.expires_at,
                "actor": reservation.actor,
                "slug": reservation.slug,
                "query_name": reservation.query_name,
                "fingerprint": reservation.fingerprint,
                "job_id": reservation.job_id,
            },
        ).first()
        return row is not None

    def settle(
        self, reservation_id: UUID, billed: int | None, lines: Sequence[BudgetLine], now: datetime
    ) -> bool:
        """Replace the reserved bytes by the billed ones; False when it was settled already.

        With None nobody will ever know what was billed: the reserved bytes are charged.
        """
        values = {"id": reservation_id, "billed": billed, "lines": _dump(lines), "now": now}
        return self._session.execute(_SETTLE, values).first() is not None

    def rename_job(self, reservation_id: UUID, job_id: str) -> None:
        """Name another job as the one the bytes are held for."""
        statement = update(CostReservation).where(CostReservation.id == reservation_id)
        self._session.execute(statement.values(job_id=job_id))

    def claim_expired(self, now: datetime, again_at: datetime, limit: int) -> list[CostReservation]:
        """Open reservations whose time is over, but those that another worker is claiming.

        The longest expired come first, at most `limit`. They expire anew at `again_at`: until then nobody
        else looks at them.
        """
        expired = (
            select(CostReservation.id)
            .where(CostReservation.settled_at.is_(None), CostReservation.expires_at < now)
            .order_by(CostReservation.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claim = (
            update(CostReservation)
            .where(CostReservation.id.in_(take_once(expired)))
            .values(expires_at=again_at)
            .returning(CostReservation)
        )
        return list(self._session.scalars(claim))

    def read_states(self, lines: Sequence[BudgetLine], day: date) -> list[BudgetState]:
        """What is taken of each line on `day`, in input order."""
        rows = self._session.execute(_STATES, {"lines": _dump(lines), "day": day}).all()
        taken = {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}
        return [BudgetState(line, *taken[line.scope.value, line.key]) for line in lines]


def _dump(lines: Sequence[BudgetLine]) -> str:
    return json.dumps([{"scope": x.scope.value, "key": x.key, "limit_bytes": x.limit_bytes} for x in lines])
