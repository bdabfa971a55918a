"""Reads heads from the index, for when the cache has none."""

from collections.abc import Sequence

from shared.dashboards.definition.head import DashboardHead
from shared.database.unit_of_work import Database


class HeadReader:
    """Reads the heads of saved dashboards from PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_heads(self, slugs: Sequence[str]) -> list[DashboardHead | None]:
        """The heads of `slugs`, in order; None for a dashboard that does not exist."""
        found = self._database.quick.find_definitions(slugs)
        return [DashboardHead.from_definition(*found[slug]) if slug in found else None for slug in slugs]
