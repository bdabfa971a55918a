"""What a crash, a full disk or another program left in a repository: set aside, made again from HEAD, and logged.

HEAD and the objects are the truth and are never touched here: a repository without them is restored from a backup.
"""

import logging
import time
from pathlib import Path

from shared.storage.git_commands import COMMITTER_ADDRESS, Git, GitCommandError
from shared.storage.git_worktree import Journal, hash_file, parse_changes

STALE_LOCK_SECONDS = 10.0
"""Git holds the locks that stand in a save's way for milliseconds, and the caller holds the store's own lock."""
STALE_INDEX_LOCK_SECONDS = 3600.0
"""`git commit` keeps the index locked while its editor is open; who is at it for an hour has left."""
_LOG = logging.getLogger(__name__)


def break_stale_locks(git_dir: Path, journal_place: Path) -> bool:
    """Remove what a killed Git left; True when the index was locked, and may not have followed saves meanwhile."""
    for name in ("HEAD.lock", f"{_read_branch(git_dir)}.lock", "packed-refs.lock", "config.lock"):
        _remove_if_older(git_dir / name, STALE_LOCK_SECONDS)
    return _remove_if_older(git_dir / "index.lock", _allow_index_lock(git_dir / "index.lock", journal_place))


def read_journal(git: Git, place: Path) -> Journal | None:
    """The journal at `place`; one that cannot be read is set aside, and the last save stands in for it."""
    try:
        return Journal.read(place)
    except (ValueError, IsADirectoryError) as error:
        _set_aside(place, str(error))
    return _read_last_save(git)


def mend_index(git: Git, head: str) -> None:
    """Make an index that Git can read, and agree with HEAD wherever the working file does.

    Where it does not, the index is left as it is: somebody has staged a change. Raises GitCommandError.
    """
    index = git.git_dir / "index"
    try:
        git.run("ls-files", "-z")
    except GitCommandError as error:
        if not index.exists():
            raise
        _set_aside(index, str(error))
    if not index.exists():
        git.run("read-tree", head)
    differing = git.run("diff-index", "--cached", "--name-only", "--no-renames", "-z", head)
    paths = differing.decode(errors="surrogateescape").split("\0")[:-1]
    found = git.describe_objects([f"{head}:{path}" for path in paths])
    oids = {path: item.oid if item else None for path, item in zip(paths, found, strict=True)}
    left_behind = {path: oid for path, oid in oids.items() if hash_file(git, path) == oid}
    if left_behind:
        _LOG.warning("the index did not follow %d files of HEAD; it does now", len(left_behind))
        git.update_index(left_behind)


def _read_last_save(git: Git) -> Journal | None:
    """What the journal of the newest commit of ours said; every earlier save was finished before it began."""
    head = git.read_head()
    commit = (
        git.run("rev-list", "-1", f"--committer=<{COMMITTER_ADDRESS}>", head).decode().strip() if head else ""
    )
    if not commit:
        return None
    rows = git.run("diff-tree", "--root", "-r", "-z", "--no-renames", "--no-commit-id", commit)
    _LOG.warning("the files of %s are compared with HEAD in place of the journal", commit)
    return Journal(commit, parse_changes(rows))


def _set_aside(place: Path, reason: str) -> None:
    kept = place.with_name(f"{place.name}.damaged-{time.time_ns()}")
    place.rename(kept)
    _LOG.error("%s of the Git store cannot be read and is kept as %s: %s", place.name, kept.name, reason)


def _read_branch(git_dir: Path) -> str:
    try:
        return (git_dir / "HEAD").read_text(errors="replace").removeprefix("ref: ").strip("\0\n ") or "HEAD"
    except FileNotFoundError:
        return "HEAD"


def _allow_index_lock(lock: Path, journal_place: Path) -> float:
    """How old the index's lock may become: one that came with a save under way is ours."""
    try:
        is_ours = lock.stat().st_mtime >= journal_place.stat().st_mtime
    except FileNotFoundError:
        return STALE_INDEX_LOCK_SECONDS
    return STALE_LOCK_SECONDS if is_ours else STALE_INDEX_LOCK_SECONDS


def _remove_if_older(lock: Path, seconds: float) -> bool:
    # A time ahead of the clock is a wrong one: such a lock would never grow old.
    if not lock.exists() or abs(time.time() - lock.stat().st_mtime) <= seconds:
        return False
    lock.unlink(missing_ok=True)
    _LOG.warning("%s of the Git store was left behind, and is removed", lock.name)
    return True
