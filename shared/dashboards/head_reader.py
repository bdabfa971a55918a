"""Reads heads from the index, for when the cache has none."""

from collections.abc import Sequence

from shared.dashboards.head import DashboardHead
from shared.database.models.dashboards import DashboardVersion
from shared.database.unit_of_work import Database


class HeadReader:
    """Reads the heads of saved dashboards from PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_heads(self, slugs: Sequence[str]) -> list[DashboardHead | None]:
        """The heads of `slugs`, in order; None for a dashboard that does not exist."""
        with self._database.begin() as uow:
            current = uow.versions.get_current(slugs)
        return [_read_head(current.get(slug)) for slug in slugs]


def _read_head(row: DashboardVersion | None) -> DashboardHead | None:
    return DashboardHead.from_definition(row.version, row.definition or {}) if row else None
