"""Going back: an earlier version's content as a new version."""

from collections.abc import Sequence

from shared.dashboards.validators.parsed import DashboardSource
from shared.database.models.dashboards import DashboardVersion
from shared.database.unit_of_work import Database
from shared.errors import InvalidRequestError, NotFoundError
from shared.saving.models import RollbackItem, SavedVersion, SaveItem
from shared.saving.service import SavingService


class RollbackService:
    """Rolls dashboards back."""

    def __init__(self, saving: SavingService, database: Database) -> None:
        self._saving = saving
        self._database = database

    def roll_back_dashboards(
        self, items: Sequence[RollbackItem], *, author: str, dry_run: bool = False
    ) -> list[SavedVersion]:
        """Give every dashboard the content of the version named, all or none, in input order.

        Each becomes a new version, planned and checked like any save; what is computed already for its queries
        is served at once. A dashboard that has the content already stays as it is. Raises NotFoundError naming
        every version that does not exist, and whatever a save raises.
        """
        slugs = [item.slug for item in items]
        repeated = sorted({slug for slug in slugs if slugs.count(slug) > 1})
        if repeated:
            raise InvalidRequestError(f"Named more than once: {', '.join(repeated)}.")
        rows = self._read_versions(items)
        return self._saving.save_dashboards(
            [
                SaveItem(DashboardSource(row.blob_path, row.yaml_text, row.files), item.expected_version)
                for item, row in zip(items, rows, strict=True)
            ],
            author=author,
            message="Roll back " + ", ".join(f"{item.slug} to version {item.to_version}" for item in items),
            dry_run=dry_run,
        )

    def _read_versions(self, items: Sequence[RollbackItem]) -> list[DashboardVersion]:
        with self._database.begin() as uow:
            live = uow.dashboards.get_by_slugs([item.slug for item in items])
            wanted = [(item.slug, item.to_version) for item in items if item.slug in live]
            found = uow.versions.get_many(wanted)
        missing = [item for item in items if (item.slug, item.to_version) not in found]
        if missing:
            raise NotFoundError(
                f"There is no {', '.join(f'{item.slug} version {item.to_version}' for item in missing)}.",
                remediation="List versions: GET /dashboards/<slug>/versions.",
                details=[
                    {
                        "slug": item.slug,
                        "to_version": item.to_version,
                        "current_version": live[item.slug].current_version if item.slug in live else None,
                    }
                    for item in missing
                ],
            )
        return [found[item.slug, item.to_version] for item in items]
