"""Blobs in a local Git working tree: every write is one commit."""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from shared.errors import DependencyUnavailableError, InternalError, InvalidRequestError
from shared.storage.blob import (
    Blob,
    BlobInfo,
    BlobWrite,
    check_paths,
    check_revision,
    check_writes,
    find_content_type,
    is_valid_path,
    list_folders,
)
from shared.storage.disk import hide_place, is_full, lock_file, make_full_error, translate_file_errors
from shared.storage.git_commands import CommitNote, Git, GitCommandError
from shared.storage.git_healing import break_stale_locks, mend_index, read_journal
from shared.storage.git_history import PastSave, import_commits
from shared.storage.git_worktree import (
    Change,
    Journal,
    finish_save,
    hash_blob,
    hash_entry,
    hash_file,
    list_changes,
    sync_files,
    sync_index,
)

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 5


def _ignore_step(_step: str) -> None:
    pass


class GitBlobStore:
    """The working tree at `workdir`, made when it is missing; the revision is Git's blob id.

    A batch is all or nothing: it becomes visible with one move of the branch, then the working files follow.
    Reading is from HEAD, never from the working files, so edits made outside change nothing until they are
    saved; `list_drift` names them, and a save leaves an edited file alone. Content that is the same makes no
    commit. `on_step` is called with a name between the steps of a save.
    """

    def __init__(
        self, workdir: Path, *, timeout_seconds: float, on_step: Callable[[str], None] = _ignore_step
    ) -> None:
        self._workdir = workdir.absolute()
        self._timeout_seconds = timeout_seconds
        self._on_step = on_step
        self._state = self._workdir / ".git" / "almanac"
        self._is_open = False

    def read_blobs(self, paths: Sequence[str]) -> list[Blob | None]:
        """See `BlobStore.read_blobs`."""
        check_paths(paths)
        with self._reading() as git:
            head = git.read_head()
            if head is None:
                return [None] * len(paths)
            found = git.describe_objects([f"{head}:{path}" for path in paths], with_data=True)
            return [
                Blob(path, item.data, item.oid, find_content_type(path))
                if item and item.kind == "blob"
                else None
                for path, item in zip(paths, found, strict=True)
            ]

    def write_blobs(
        self, writes: Sequence[BlobWrite], *, message: str, author: str, saved_at: datetime | None = None
    ) -> list[str]:
        """See `BlobStore.write_blobs`. The batch is one commit, all or nothing; with `saved_at` even an empty one."""
        check_writes(writes)

        def check(git: Git, head: str | None, current: Mapping[str, str | None]) -> None:
            for write in writes:
                check_revision(write, current[write.path])
            _check_folders(git, head, list(current))

        contents = {write.path: write.data for write in writes}
        self._commit(contents, check, CommitNote(message, author, saved_at))
        return [hash_blob(write.data) for write in writes]

    def delete_blobs(self, paths: Sequence[str], *, message: str, author: str) -> None:
        """See `BlobStore.delete_blobs`. One commit, all or nothing."""
        check_paths(paths)
        self._commit(dict.fromkeys(paths), lambda _git, _head, _current: None, CommitNote(message, author))

    def replay(self, saves: Sequence[PastSave], head: str | None) -> None:
        """Put past saves on top of `head`, a commit of its own date each; then the files follow, as after any save.

        All or nothing. Raises DependencyUnavailableError when HEAD is another one by now.
        """
        check_paths([path for save in saves for path in save.files])
        with self._transaction() as git:
            commit = import_commits(git, head, saves)
            if commit is None or commit == head:
                return
            changes = list_changes(git, head, commit)
            journal = Journal(commit, changes)
            journal.write(self._journal, self._state / "staging")
            try:
                git.move_head(commit, head)
            except GitCommandError as error:
                self._journal.unlink()
                raise DependencyUnavailableError(
                    "The branch of the Git store was moved by somebody else; nothing was written."
                ) from error
            wanted = [change.path for change in changes if change.new_oid]
            found = git.describe_objects([f"{commit}:{path}" for path in wanted], with_data=True)
            self._follow(git, journal, {p: one.data for p, one in zip(wanted, found, strict=True) if one})

    def list_blobs(self, prefix: str = "") -> list[BlobInfo]:
        """See `BlobStore.list_blobs`."""
        with self._reading() as git:
            head = git.read_head()
            rows = git.list_tree(head) if head else []
            return [
                BlobInfo(path, oid, size)
                for mode, oid, size, path in rows
                if mode.startswith("100") and path.startswith(prefix) and is_valid_path(path)
            ]

    def find_missing(self, paths: Sequence[str]) -> set[str]:
        """See `BlobStore.find_missing`."""
        check_paths(paths)
        with self._reading() as git:
            revisions = _find_revisions(git, git.read_head(), paths)
            return {path for path in paths if revisions[path] is None}

    def list_drift(self) -> list[str]:
        """Sorted paths of working files that differ from HEAD: edited, added or removed outside the store."""
        with self._transaction() as git:
            head = git.read_head()
            rows = git.list_tree(head) if head else []
            committed = {path: oid for mode, oid, _, path in rows if mode.startswith("100")}
            special = {row[3] for row in rows if row[3] not in committed}
            walked = self._walk()
            found = {path: hash_entry(self._workdir / path) for path in walked - special}
            found |= {path: hash_file(git, path) for path in committed.keys() - walked}
            return sorted(path for path, oid in found.items() if oid != committed.get(path))

    def _commit(
        self,
        contents: Mapping[str, bytes | None],
        check: Callable[[Git, str | None, Mapping[str, str | None]], None],
        note: CommitNote,
    ) -> None:
        with self._transaction() as git:
            for _ in range(_ATTEMPTS):
                head = git.read_head()
                current = _find_revisions(git, head, list(contents))
                check(git, head, current)
                if self._try_commit(git, head, current, contents, note):
                    return
        raise DependencyUnavailableError("The branch of the Git store keeps moving or stays locked.")

    def _try_commit(
        self,
        git: Git,
        head: str | None,
        current: Mapping[str, str | None],
        contents: Mapping[str, bytes | None],
        note: CommitNote,
    ) -> bool:
        """True when committed or nothing to do, False when somebody else moved the branch meanwhile."""
        oids = {
            path: content if content is None else hash_blob(content) for path, content in contents.items()
        }
        changes = [Change(path, current[path], oid) for path, oid in oids.items() if current[path] != oid]
        if not changes and not _adds_to_history(git, head, note):
            return True
        changed = {change.path: contents[change.path] for change in changes}
        data = {path: content for path, content in changed.items() if content is not None}
        git.store_blobs(data.values())
        self._on_step("objects")
        entries = {change.path: change.new_oid for change in changes}
        tree = git.write_tree(head, entries, self._state / "staging" / "index")
        self._on_step("tree")
        journal = Journal(git.commit_tree(tree, head, note), changes)
        self._on_step("commit")
        journal.write(self._journal, self._state / "staging")
        self._on_step("journal")
        try:
            git.move_head(journal.commit, head)
        except GitCommandError as error:
            _LOG.warning("the branch could not be moved: %s", error)
            self._journal.unlink()
            return False
        self._on_step("branch")
        self._follow(git, journal, data)
        return True

    def _follow(self, git: Git, journal: Journal, data: Mapping[str, bytes]) -> None:
        """Bring files and index to the commit. The save already stands; a failure is left to recovery."""
        try:
            sync_files(git, journal.changes, data, self._state / "staging", self._on_step)
            self._sync_index(git, journal.changes)
            self._on_step("index")
            self._journal.unlink()
        except OSError as error:
            _LOG.warning("the working files do not follow yet: %s", error)

    def _sync_index(self, git: Git, changes: Sequence[Change]) -> None:
        try:
            sync_index(git, changes)
        except GitCommandError as error:
            _LOG.warning("the index did not follow a save: %s", error)
            self._try_mend_index(git)

    def _try_mend_index(self, git: Git) -> None:
        try:
            if head := git.read_head():
                mend_index(git, head)
        except GitCommandError as error:
            _LOG.warning("git status will show saved files as staged changes: %s", error)

    def _recover(self, git: Git, staging: Path) -> None:
        """Finish the save that a journal names if its commit was reached, otherwise forget it."""
        journal = read_journal(git, self._journal)
        if journal is not None:
            if changes := finish_save(git, journal, staging):
                self._sync_index(git, changes)
            self._journal.unlink(missing_ok=True)

    @property
    def _head(self) -> Path:
        return self._workdir / ".git" / "HEAD"

    @property
    def _journal(self) -> Path:
        return self._state / "journal.json"

    @contextmanager
    def _reading(self) -> Iterator[Git]:
        if not self._is_open:
            try:
                with self._transaction():
                    pass
            except DependencyUnavailableError:
                # What is committed can be read while the disk is full, or while somebody else is at it for long.
                if not self._head.exists():
                    raise
                _LOG.warning("the Git store is read without looking for an interrupted save")
        with self._translate_errors():
            yield Git(self._workdir, self._timeout_seconds)

    @contextmanager
    def _transaction(self) -> Iterator[Git]:
        """Hold the store's lock, with an interrupted save finished and an empty staging folder."""
        with self._translate_errors():
            self._state.mkdir(parents=True, exist_ok=True)
            with lock_file(self._state / "lock", self._timeout_seconds) as descriptor:
                git = Git(self._workdir, self._timeout_seconds, (descriptor,))
                is_index_behind = break_stale_locks(git.git_dir, self._journal)
                if not self._is_open or not self._head.exists():
                    # Harmless on a repository, and completes one whose making was interrupted.
                    git.run("init", "--quiet", "--template=")
                    is_index_behind = True
                staging = self._state / "staging"
                _clear(staging)
                self._recover(git, staging)
                if is_index_behind:
                    self._try_mend_index(git)
                self._is_open = True
                yield git
                shutil.rmtree(staging)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        with translate_file_errors(self._workdir):
            try:
                yield
            except GitCommandError as error:
                _LOG.exception("The repository at %s refused a step", self._workdir)
                if is_full(str(error), self._workdir):
                    raise make_full_error() from error
                said = hide_place(str(error), self._workdir)
                raise InternalError(f"The Git store refused a step: {said}") from error

    def _walk(self) -> set[str]:
        found: set[str] = set()
        for folder, folders, names in self._workdir.walk():
            if folder == self._workdir:
                folders.remove(".git")
            links = [name for name in folders if (folder / name).is_symlink()]
            found.update((folder / name).relative_to(self._workdir).as_posix() for name in [*names, *links])
        return found


def _clear(folder: Path) -> None:
    """Leave an empty folder, whatever is there."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.mkdir()


def _find_revisions(git: Git, head: str | None, paths: Sequence[str]) -> dict[str, str | None]:
    if head is None:
        return dict.fromkeys(paths)
    found = git.describe_objects([f"{head}:{path}" for path in paths])
    return {
        path: item.oid if item and item.kind == "blob" else None
        for path, item in zip(paths, found, strict=True)
    }


def _adds_to_history(git: Git, head: str | None, note: CommitNote) -> bool:
    """Whether a save that changes no file is to be seen in the history: not twice, when it was interrupted."""
    if note.saved_at is None or head is None:
        return False
    (commit,) = git.describe_objects([head], with_data=True)
    return commit is None or commit.data.partition(b"\n\n")[2].rstrip() != note.encode_message().rstrip()


def _check_folders(git: Git, head: str | None, paths: Sequence[str]) -> None:
    """Raise InvalidRequestError when a path to write is a folder in HEAD, or goes through a blob."""
    if head is None:
        return
    folders = sorted({folder for path in paths for folder in list_folders(path)})
    kinds = [("tree", path) for path in paths] + [("blob", folder) for folder in folders]
    found = git.describe_objects([f"{head}:{name}" for _, name in kinds])
    for (kind, name), item in zip(kinds, found, strict=True):
        if item and item.kind == kind:
            raise InvalidRequestError(f"A blob and a folder cannot share a name: {name}.")
