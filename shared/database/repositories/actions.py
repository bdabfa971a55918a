"""The append-only record of who did what."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from shared.database.models.activity import Action
from shared.database.repositories.base import Repository
from shared.database.repositories.paging import Page, make_page, number_rows, pick_page


class ActionRepository(Repository):
    """Appends to and reads `actions`; the database refuses anything else."""

    def create_many(self, actions: Sequence[Action]) -> list[Action]:
        """Append and return the actions."""
        self._add_all(actions)
        return list(actions)

    def search(
        self,
        *,
        user_id: UUID | None = None,
        target: str | None = None,
        since: datetime | None = None,
        page: int = 1,
        page_size: int = 50,
    ) -> Page[Action]:
        """Actions that match, the latest first."""
        statement = select(Action)
        if user_id is not None:
            statement = statement.where(Action.user_id == user_id)
        if target is not None:
            statement = statement.where(Action.target == target)
        if since is not None:
            statement = statement.where(Action.created_at >= since)
        numbered = number_rows(statement, [Action.created_at.desc(), Action.id.desc()])
        found = select(aliased(Action, numbered), numbered.c.row_position, numbered.c.row_total)
        rows = self._session.execute(pick_page(found, numbered, page, page_size))
        return make_page(rows, page, page_size)
