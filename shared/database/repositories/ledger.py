"""Bytes per user, dashboard, environment and day."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.costs import CostLedgerRow, CostScope
from shared.database.repositories.base import Repository, table_of


@dataclass(frozen=True)
class Charge:
    """Bytes billed to one ledger row."""

    scope: CostScope
    key: str
    day: date
    bytes_billed: int


class LedgerRepository(Repository):
    """Reads and writes `cost_ledger`."""

    def add_billed(self, charges: Sequence[Charge]) -> None:
        """Add billed bytes to the ledger; charges of one row are summed. Right under concurrency."""
        totals: defaultdict[tuple[CostScope, str, date], int] = defaultdict(int)
        for charge in charges:
            totals[charge.scope, charge.key, charge.day] += charge.bytes_billed
        if not totals:
            return
        table = table_of(CostLedgerRow)
        new = insert(table)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.scope, table.c.key, table.c.day],
            set_={"bytes_billed": table.c.bytes_billed + new.excluded.bytes_billed},
        )
        # In one order everywhere: two transactions must not wait for each other in a circle.
        self._session.execute(
            statement,
            [
                {
                    "id": uuid4(),
                    "scope": scope,
                    "key": key,
                    "day": day,
                    "bytes_billed": totals[scope, key, day],
                }
                for scope, key, day in sorted(totals)
            ],
        )

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
