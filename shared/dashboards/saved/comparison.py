"""What changed from one saved version to another."""

from dataclasses import dataclass

from shared.dashboards.saved.diff import DashboardDiff, make_diff, read_saved_side
from shared.dashboards.saved.listing import SavedDashboardReader


@dataclass(frozen=True)
class VersionDiff:
    """What changed between two versions; `from_version` 0 means nothing: the first version is all new."""

    slug: str
    from_version: int
    to_version: int
    diff: DashboardDiff


class VersionComparison:
    """Compares saved versions."""

    def __init__(self, saved: SavedDashboardReader) -> None:
        self._saved = saved

    def compare_versions(self, slug: str, before: int | None, after: int | None) -> VersionDiff:
        """What changed from one version to another; by default from the one before the current one.

        Without `before` it is the version below `after`, none for version 1. Raises NotFoundError.
        """
        newer = self._saved.read(slug, after).version
        number = newer.version - 1 if before is None else before
        older = self._saved.read(slug, number).version if number else None
        diff = make_diff(read_saved_side(slug, older) if older else None, read_saved_side(slug, newer))
        return VersionDiff(slug, number, newer.version, diff)
