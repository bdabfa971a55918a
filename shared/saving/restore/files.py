"""The dashboard store written again from the index.

A Git store gets every version that its commits lack, each as a commit by its author and of its date, on top of what is
there; then each dashboard's current version stands in the files again, and no file of one that was deleted. Stores
without a history get the files of the current versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from shared.dashboards.keys import dashboard_path
from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.unit_of_work import Database
from shared.saving.publishing import BlobPublisher, VersionNote, list_files
from shared.saving.restore.reading import FoundHistory, read_history
from shared.storage.git import GitBlobStore
from shared.storage.git_commands import CommitNote
from shared.storage.git_history import GitHistory, PastSave
from shared.storage.git_worktree import hash_blob

_AT_ONCE = 200


@dataclass
class FilesReport:
    """Versions written to the history, dashboards whose files were put back or taken away, and what is amiss."""

    versions: int = 0
    put_back: int = 0
    taken_away: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class _Replay:
    """What is to be committed: versions of the past, then what makes the files those of today."""

    past: list[tuple[str, DashboardVersion]] = field(default_factory=list)
    current: list[tuple[str, DashboardVersion]] = field(default_factory=list)
    deleted: list[tuple[str, DashboardVersion, datetime]] = field(default_factory=list)


class FilesRestorer:
    """Writes the dashboard store; `store` and `history` are None where that keeps none."""

    def __init__(
        self,
        database: Database,
        publisher: BlobPublisher,
        store: GitBlobStore | None,
        history: GitHistory | None,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self.store = store
        self._history = history

    def restore_files(self, *, dry_run: bool) -> FilesReport:
        """Write what the store lacks; a dry run says what that is."""
        if self.store is None or self._history is None:
            return self._put_back(dry_run=dry_run)
        found = read_history(self._history)
        report = FilesReport(problems=[one for one in found.problems if not one.endswith("left alone.")])
        replay = self._compare(found, report)
        report.versions = len(replay.past)
        report.put_back, report.taken_away = len(replay.current), len(replay.deleted)
        saves = _make_saves(replay, found)
        if saves and not dry_run:
            self.store.replay(saves, found.head)
            self._note_revisions(replay.past)
        return report

    def _put_back(self, *, dry_run: bool) -> FilesReport:
        report = FilesReport()
        with self._database.begin() as uow:
            slugs = [row.slug for row in uow.dashboards.list_live()]
        for start in range(0, len(slugs), _AT_ONCE):
            some = slugs[start : start + _AT_ONCE]
            if dry_run:
                changed = self._publisher.find_changed_files(some)
                report.put_back += len({one.slug for one in changed if one.found is None})
            else:
                report.put_back += len(self._publisher.write_removed(some))
        return report

    def _compare(self, found: FoundHistory, report: FilesReport) -> _Replay:
        with self._database.begin() as uow:
            dashboards = uow.dashboards.find_all()
        replay, slugs = _Replay(), list(dashboards)
        for start in range(0, len(slugs), _AT_ONCE):
            some = slugs[start : start + _AT_ONCE]
            with self._database.begin() as uow:
                rows = uow.versions.list_all(some)
            for slug in some:
                _compare_one(dashboards[slug], rows[slug], found, replay, report)
        return replay

    def _note_revisions(self, written: Sequence[tuple[str, DashboardVersion]]) -> None:
        revisions = {
            row.id: hash_blob(row.yaml_text.encode()) for _, row in written if row.blob_revision is None
        }
        with self._database.begin() as uow:
            uow.versions.set_blob_revisions(revisions)


def _compare_one(
    dashboard: Dashboard,
    rows: Sequence[DashboardVersion],
    found: FoundHistory,
    replay: _Replay,
    report: FilesReport,
) -> None:
    slug = dashboard.slug
    known = {one.version: one for one in found.versions.get(slug, ())}
    lacking = [row for row in rows if row.version not in known]
    is_there = dashboard_path(slug) in found.paths
    current = next((row for row in rows if row.version == dashboard.current_version), None)
    newest = found.versions[slug][-1] if slug in found.versions else None
    if is_there and newest is None:
        report.problems.append(
            f"{dashboard_path(slug)} is there, and of no saved version: {slug} is left alone."
        )
        return
    if newest is not None and newest.version > dashboard.current_version:
        report.problems.append(
            f"{slug} has version {newest.version} in Git and {dashboard.current_version} in PostgreSQL: "
            "restore the database first; it is left alone."
        )
        return
    replay.past += [(slug, row) for row in lacking]
    if dashboard.deleted_at is not None:
        if (lacking or is_there) and current is not None:
            replay.deleted.append((slug, current, dashboard.deleted_at))
    elif current is not None and (lacking or not is_there) and (not lacking or lacking[-1] is not current):
        replay.current.append((slug, current))


def _make_saves(replay: _Replay, found: FoundHistory) -> list[PastSave]:
    """One commit per save: the past by its time, then what is current, then what is deleted."""
    there: dict[str, set[str]] = {
        slug: versions[-1].list_paths().intersection(found.paths) for slug, versions in found.versions.items()
    }
    saves = []
    for chosen in (replay.past, replay.current):
        for _, batch in groupby(sorted(chosen, key=_name_save), key=_name_save):
            saves.append(_make_save(list(batch), there))
    for slug, row, deleted_at in replay.deleted:
        note = CommitNote(f"Delete {slug}", row.author, deleted_at)
        saves.append(PastSave(note, dict.fromkeys(sorted(there.get(slug, ())))))
    return saves


def _make_save(batch: Sequence[tuple[str, DashboardVersion]], there: dict[str, set[str]]) -> PastSave:
    """The commit of one save; `there` are the files before it, and those after it when it returns."""
    files: dict[str, bytes | None] = {}
    for slug, row in batch:
        wanted: Mapping[str, bytes] = list_files(slug, row)
        files |= dict.fromkeys(sorted(there.get(slug, set()) - wanted.keys()))
        files |= wanted
        there[slug] = set(wanted)
    first = batch[0][1]
    versions = tuple((slug, row.version) for slug, row in batch)
    message = VersionNote(versions, first.message, first.created_at).write()
    return PastSave(CommitNote(message, first.author, first.created_at), files)


def _name_save(one: tuple[str, DashboardVersion]) -> tuple[datetime, int, str, str]:
    return one[1].created_at, one[1].version, one[1].author, one[1].message
