"""What a save says when it would lose somebody else's work."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from shared.database.models.dashboards import DashboardVersion
from shared.errors import ConflictError
from shared.saving.merging import ConflictingLines, Merge, merge_texts
from shared.saving.publishing import ChangedFile


@dataclass(frozen=True)
class Draft:
    """What was sent to be saved on top of `expected_version`."""

    slug: str
    expected_version: int
    yaml: str
    files: Mapping[str, str]


def describe_conflict(
    yours: Draft, base: DashboardVersion | None, current: DashboardVersion | None
) -> dict[str, object]:
    """All three sides of a conflict (the base, what was saved since, and yours) and what merging them gives."""
    found = current.version if current else 0
    sides: dict[str, object] = {
        "slug": yours.slug,
        "expected_version": yours.expected_version,
        "current_version": found,
        "current_author": current.author if current else None,
        "current_yaml": current.yaml_text if current else None,
        "base_yaml": base.yaml_text if base else None,
        "yours": yours.yaml,
    }
    files = {
        "current_files": current.files if current else {},
        "base_files": base.files if base else {},
        "yours_files": dict(yours.files),
    }
    merge = _merge(yours, base, current) if base and current else {}
    return {
        **sides,
        **{name: one for name, one in files.items() if one},
        **merge,
        "merge_hint": _describe_merge(merge, found),
    }


def report_conflicts(details: Sequence[Mapping[str, object]]) -> ConflictError:
    """One error for every dashboard of a save that somebody else saved first."""
    told = [
        f"{one['slug']} is at version {one['current_version']}, not {one['expected_version']}"
        for one in details
    ]
    remediation = (
        "Merge both changes as merge_hint in details says, and save with the current version's number."
    )
    return ConflictError(f"{'; '.join(told)}.", remediation=remediation, details=details)


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


def _merge(yours: Draft, base: DashboardVersion, current: DashboardVersion) -> dict[str, object]:
    """`merged_yaml`, with SQL files `merged_files` too, where both changes fit together; else what does not fit.

    Nothing when there is too much to compare.
    """
    yaml_name = f"{yours.slug}.yaml"
    old, theirs, ours = (
        {yaml_name: yaml, **files}
        for yaml, files in (
            (base.yaml_text, base.files), (current.yaml_text, current.files), (yours.yaml, yours.files)
        )
    )  # fmt: skip
    merges = {
        name: _merge_file(name, old.get(name), theirs.get(name), ours.get(name))
        for name in dict.fromkeys([*old, *theirs, *ours])
    }
    if None in merges.values():
        return {}
    conflicts = [asdict(one) for merge in merges.values() if merge for one in merge.conflicts]
    if conflicts:
        return {"conflicting_lines": conflicts}
    texts = {name: merge.text for name, merge in merges.items() if merge and merge.text is not None}
    yaml = texts.pop(yaml_name)
    return {"merged_yaml": yaml, **({"merged_files": texts} if texts else {})}


def _merge_file(name: str, base: str | None, current: str | None, yours: str | None) -> Merge | None:
    """One file, which may be missing on any side; a merge without text and conflicts is a file that is gone."""
    if current in (base, yours):
        return Merge(yours)
    if yours == base:
        return Merge(current)
    if base is None or current is None or yours is None:
        return Merge(None, (ConflictingLines(name, 1, base or "", current or "", yours or ""),))
    return merge_texts(name, base, current, yours)


def _describe_merge(merge: Mapping[str, object], current_version: int) -> str:
    save = f"save with expected_version {current_version}"
    if "merged_yaml" in merge:
        return f"Both changes fit together: check merged_yaml, then {save}."
    if "conflicting_lines" in merge:
        return f"Both changed the same lines: settle conflicting_lines in yours, take over the rest, then {save}."
    return f"Read what is saved, then {save}."
