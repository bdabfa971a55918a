"""What goes into a save, and what it leaves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.dashboards.plans.plan import DashboardPlan
    from shared.dashboards.saved.diff import DashboardDiff
    from shared.dashboards.validators.parsed import DashboardSource


@dataclass(frozen=True)
class SaveItem:
    """One dashboard to save. With `expected_version` the current version must be that one; 0 means none yet."""

    source: "DashboardSource"
    expected_version: int | None = None


@dataclass(frozen=True)
class RollbackItem:
    """One dashboard and the version whose content it gets back; `expected_version` as in a save."""

    slug: str
    to_version: int
    expected_version: int | None = None


@dataclass(frozen=True)
class SavedVersion:
    """What a save left: `changed` is False when the content is that of the current version already.

    `blob_revision` is None when the blob store has the version still to come.
    """

    slug: str
    version: int
    changed: bool
    blob_path: str
    blob_revision: str | None
    content_sha256: str
    diff: "DashboardDiff"
    plan: "DashboardPlan"
