"""Bytes per user, dashboard, environment and day."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from shared.database.models.costs import CostLedgerRow, CostScope
from shared.database.repositories.base import Repository


class LedgerRepository(Repository):
    """Reads and writes `cost_ledger`."""

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
