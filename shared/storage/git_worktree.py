"""Keeping the files of a Git working tree in step with HEAD, across crashes.

Moving the branch is the one step that commits a save. The journal is written before it and removed when files
and index have followed, so that whoever opens the store after a crash finishes exactly that save's files.
"""

import hashlib
import json
import logging
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.storage.disk import is_below, remove_file, replace_file
from shared.storage.git_commands import Git, GitCommandError

BULK_FILES = 32  # above this many, one sync of the disk is cheaper than an fsync of each file
_FOREIGN = "not a plain file"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a save: its blob before and after, None where there is none."""

    path: str
    old_oid: str | None
    new_oid: str | None


@dataclass(frozen=True, slots=True)
class Journal:
    """A save under way."""

    commit: str
    changes: Sequence[Change]

    def write(self, place: Path, temporary_folder: Path) -> None:
        """Store it at `place`."""
        rows = [[change.path, change.old_oid, change.new_oid] for change in self.changes]
        replace_file(place, json.dumps({"commit": self.commit, "changes": rows}).encode(), temporary_folder)

    @classmethod
    def read(cls, place: Path) -> "Journal | None":
        """The journal at `place`, None when no save was interrupted. Raises ValueError when it is damaged."""
        try:
            content = json.loads(place.read_bytes())
            commit, rows = content["commit"], content["changes"]
            if not isinstance(commit, str) or any(
                not isinstance(one, str | None) for row in rows for one in row
            ):
                raise TypeError("commit and changes are texts")
            return cls(commit, [Change(*row) for row in rows])
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not a journal: {error!r}") from error


def parse_changes(rows: bytes) -> list[Change]:
    """What `git diff-tree -r -z --no-renames` says."""
    fields = rows.decode(errors="surrogateescape").split("\0")[:-1]
    changes = []
    for meta, path in zip(fields[::2], fields[1::2], strict=True):
        _, _, old, new, _ = meta.split(" ")
        changes.append(Change(path, *(None if oid.strip("0") == "" else oid for oid in (old, new))))
    return changes


def list_changes(git: Git, before: str | None, after: str) -> list[Change]:
    """The files in which two commits differ; all of them where there is none before."""
    if before is None:
        return [Change(path, None, oid) for _, oid, _, path in git.list_tree(after)]
    return parse_changes(git.run("diff-tree", "-r", "-z", "--no-renames", before, after))


def hash_file(git: Git, path: str) -> str | None:
    """The object id the working file at `path` would have; None when nothing is there."""
    place = git.workdir / path
    if not is_below(place, git.workdir) or place.is_symlink() or any(map(Path.is_file, place.parents)):
        return _FOREIGN
    if not place.exists():
        return None
    return hash_blob(place.read_bytes()) if place.is_file() else _FOREIGN


def hash_entry(place: Path) -> str | None:
    """As `hash_file`, of what a walk came upon: it is below the work tree, and behind no link."""
    try:
        return hash_blob(place.read_bytes()) if stat.S_ISREG(place.lstat().st_mode) else _FOREIGN
    except FileNotFoundError:  # gone since
        return None


def hash_blob(data: bytes) -> str:
    """Git's object id of `data`."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def sync_files(
    git: Git,
    changes: Sequence[Change],
    data: Mapping[str, bytes],
    temporary_folder: Path,
    on_step: Callable[[str], None],
) -> None:
    """Bring the working files of `changes` to their new blobs; files edited outside stay as they are."""
    is_bulk = len(changes) > BULK_FILES
    for change in changes:
        found = hash_file(git, change.path)
        if found == change.new_oid:
            continue
        if found is not None and found != change.old_oid:
            _LOG.warning("%s was edited outside and keeps that content; HEAD has the saved one", change.path)
            continue
        if change.new_oid is None:
            remove_file(git.workdir / change.path, git.workdir)
        else:
            place = git.workdir / change.path
            replace_file(place, data[change.path], temporary_folder, durable=not is_bulk)
        on_step("file")
    if is_bulk:
        os.sync()


def sync_index(git: Git, changes: Sequence[Change]) -> None:
    """Make the index agree with HEAD on `changes`, so that `git status` shows only what others did.

    Raises GitCommandError when it cannot.
    """
    git.update_index({change.path: change.new_oid for change in changes})
    try:
        git.run("update-index", "-q", "--refresh")
    except GitCommandError as error:
        if error.status != 1:  # 1: a file differs, which is what drift is
            raise


def finish_save(git: Git, journal: Journal, temporary_folder: Path) -> list[Change]:
    """Bring the files of the save that `journal` names to what HEAD has now; its changes, for the index.

    There are none when its commit was never reached.
    """
    head = git.read_head()
    if not head or not _contains(git, head, journal.commit):
        return []
    objects = git.describe_objects([f"{head}:{change.path}" for change in journal.changes], with_data=True)
    pairs = list(zip(journal.changes, objects, strict=True))
    changes = [Change(change.path, change.old_oid, found.oid if found else None) for change, found in pairs]
    data = {change.path: found.data for change, found in pairs if found}
    sync_files(git, changes, data, temporary_folder, lambda _step: None)
    return changes


def _contains(git: Git, head: str, commit: str) -> bool:
    try:
        git.run("merge-base", "--is-ancestor", commit, head)
    except GitCommandError:
        return False
    return True
