"""What a save says when it would lose somebody else's work."""

from collections.abc import Mapping, Sequence

from shared.dashboards.publishing import ChangedFile
from shared.database.models.dashboards import DashboardVersion
from shared.errors import ConflictError


def describe_conflict(
    slug: str,
    expected_version: int,
    yours: str,
    base: DashboardVersion | None,
    current: DashboardVersion | None,
) -> dict[str, object]:
    """All three sides of a conflict, for a three-way merge: the base, what was saved since, and yours."""
    found = current.version if current else 0
    return {
        "slug": slug,
        "expected_version": expected_version,
        "current_version": found,
        "current_author": current.author if current else None,
        "current_yaml": current.yaml_text if current else None,
        "current_files": current.files if current else {},
        "base_yaml": base.yaml_text if base else None,
        "base_files": base.files if base else {},
        "yours": yours,
        "merge_hint": f"Merge base_yaml (version {expected_version}), current_yaml and yours, for example with "
        f"`git merge-file yours.yaml base.yaml current.yaml`, then save with expected_version {found}."
        if base and current
        else f"Read what is saved, then save with expected_version {found}.",
    }


def report_conflicts(details: Sequence[Mapping[str, object]]) -> ConflictError:
    """One error for every dashboard of a save that somebody else saved first."""
    told = [
        f"{one['slug']} is at version {one['current_version']}, not {one['expected_version']}"
        for one in details
    ]
    return ConflictError(f"{'; '.join(told)}.", details=details)


def report_changed_files(changed: Sequence[ChangedFile], yours: Mapping[str, str]) -> ConflictError:
    """Files changed outside, with their content there; `yours` has the texts that were sent, by path."""
    return ConflictError(
        f"{', '.join(one.path for one in changed)} was changed outside since the last save.",
        remediation="Save the file's content first, then your change on top of it.",
        details=[
            {
                "slug": one.slug,
                "path": one.path,
                "version": one.version,
                "outside": one.found,
                "yours": yours.get(one.path),
            }
            for one in changed
        ],
    )
