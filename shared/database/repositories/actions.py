"""The append-only record of who did what."""

from collections.abc import Sequence

from shared.database.models.activity import Action
from shared.database.repositories.base import Repository


class ActionRepository(Repository):
    """Appends to `actions`; the database refuses to change or delete what is there."""

    def create_many(self, actions: Sequence[Action]) -> list[Action]:
        """Append and return the actions."""
        self._add_all(actions)
        return list(actions)
