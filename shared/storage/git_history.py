"""The commits of a Git store: read one by one whatever is damaged between them, and written again from elsewhere."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.storage.git_commands import (
    COMMITTER,
    COMMITTER_ADDRESS,
    CommitNote,
    Git,
    GitCommandError,
    format_date,
)

_PERSON = re.compile(
    rb"(?P<role>author|committer) .*<(?P<address>[^<>]*)> (?P<seconds>-?[0-9]+) [-+][0-9]{4}"
)
_REPLAYED = "refs/almanac/replayed"
_AT_ONCE = 200
"""Commits that one Git makes: each has to end within the store's timeout."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as Git holds it; `author` is an address. HEAD leads to those that are `reachable`."""

    oid: str
    parents: tuple[str, ...]
    author: str
    authored_at: datetime
    is_ours: bool
    message: str
    reachable: bool = True


@dataclass(frozen=True)
class CommitLog:
    """Commits, parents before children as far as they are known; `faults` are sentences about those that are not.

    `head` is the newest one, None before the first.
    """

    commits: tuple[Commit, ...]
    faults: tuple[str, ...]
    head: str | None = None


@dataclass(frozen=True)
class PastSave:
    """Files as a save left them, None where it removed one."""

    note: CommitNote
    files: Mapping[str, bytes | None]


class GitHistory:
    """Reads the repository at `workdir` and changes nothing."""

    def __init__(self, workdir: Path, *, timeout_seconds: float) -> None:
        self._git = Git(workdir.absolute(), timeout_seconds)

    def read_log(self) -> CommitLog:
        """Every commit that HEAD leads to; behind one that cannot be read, every one that the repository holds."""
        if not (self._git.git_dir / "HEAD").exists():
            return CommitLog((), ())
        try:
            head = self._git.read_head()
            if head is None:
                return CommitLog((), ())
            oids = self._git.run("rev-list", "--topo-order", "--reverse", head).decode().split()
            return CommitLog(tuple(self._read_commits(oids)), (), head)
        except GitCommandError:
            return self._read_damaged_log()

    def read_files(self, names: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """The file at each (commit, path), None where there is none that can be read."""
        return self._read_objects([f"{commit}:{path}" for commit, path in names], "blob")

    def list_files(self) -> list[str] | None:
        """The paths in HEAD, sorted; None where it cannot be read."""
        if not (self._git.git_dir / "HEAD").exists():
            return []
        try:
            head = self._git.read_head()
            return [row[3] for row in self._git.list_tree(head)] if head else []
        except GitCommandError:
            return None

    def find_last_change(self, path: str) -> datetime | None:
        """The author's date of the newest commit that changed `path`; None where none can be read."""
        try:
            seconds = self._git.run("log", "-1", "--format=%at", "HEAD", "--", path).decode().strip()
        except GitCommandError:
            return None
        return datetime.fromtimestamp(int(seconds), UTC) if seconds else None

    def list_changed(self, commits: Iterable[str]) -> dict[str, list[str]]:
        """The paths that each of the commits added or changed, of those commits of which Git can say."""
        changed: dict[str, list[str]] = {}
        for commit in commits:
            arguments = ("diff-tree", "--root", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d")
            try:
                output = self._git.run(*arguments, "--no-commit-id", commit)
            except GitCommandError:
                continue
            changed[commit] = output.decode(errors="surrogateescape").split("\0")[:-1]
        return changed

    def _read_damaged_log(self) -> CommitLog:
        try:
            start = self._git.run("rev-parse", "HEAD").decode().strip()
            rows = self._git.run("cat-file", "--batch-all-objects", "--batch-check").decode().splitlines()
        except GitCommandError as error:
            return CommitLog((), (f"The Git store cannot be read: {error}",))
        held = self._read_commits([row.split()[0] for row in rows if " commit " in row])
        by_oid = {one.oid: one for one in held}
        reached, missing = _walk(start, by_oid)
        faults = [
            f"Commit {oid} is damaged or missing; versions behind it are taken from the commits that are left."
            for oid in missing
        ]
        commits = [
            Commit(
                one.oid,
                one.parents,
                one.author,
                one.authored_at,
                one.is_ours,
                one.message,
                one.oid in reached,
            )
            for one in sorted(held, key=lambda one: one.authored_at)
        ]
        return CommitLog(tuple(commits), tuple(faults), start)

    def _read_commits(self, oids: Sequence[str]) -> list[Commit]:
        found = zip(oids, self._read_objects(oids, "commit"), strict=True)
        return [commit for oid, data in found if data is not None and (commit := _parse_commit(oid, data))]

    def _read_objects(self, names: Sequence[str], kind: str) -> list[bytes | None]:
        try:
            found = self._git.describe_objects(names, with_data=True)
        except (GitCommandError, ValueError):
            # One that is damaged ends the whole batch: asked for alone, the others are read.
            return [self._read_objects([name], kind)[0] for name in names] if len(names) > 1 else [None]
        return [one.data if one and one.kind == kind else None for one in found]


def import_commits(git: Git, head: str | None, saves: Sequence[PastSave]) -> str | None:
    """The last of new commits, one per save, on top of `head`; nothing points at them yet. Raises GitCommandError."""
    for start in range(0, len(saves), _AT_ONCE):
        head = _import_some(git, head, saves[start : start + _AT_ONCE])
    return head


def _import_some(git: Git, head: str | None, saves: Sequence[PastSave]) -> str:
    git.run("update-ref", "-d", _REPLAYED)
    parts = [f"feature done\nreset {_REPLAYED}\n".encode(), *([f"from {head}\n\n".encode()] if head else [])]
    for save in saves:
        parts += _format_save(save)
    git.run("fast-import", "--quiet", stdin=b"".join([*parts, b"done\n"]))
    commit = git.run("rev-parse", _REPLAYED).decode().strip()
    git.run("update-ref", "-d", _REPLAYED)
    return commit


def _format_save(save: PastSave) -> list[bytes]:
    name, address = save.note.name_author()
    now = datetime.now(UTC)
    people = (
        f"author {name} <{address}> {format_date(save.note.saved_at or now)}\n"
        f"committer {COMMITTER} <{COMMITTER_ADDRESS}> {format_date(now)}\n"
    )
    message = save.note.encode_message()
    parts = [f"commit {_REPLAYED}\n{people}data {len(message)}\n".encode(), message, b"\n"]
    for path, data in save.files.items():
        # Of what stands between quotes a path has neither a backslash nor a line break: `check_paths`.
        quoted = '"' + path.replace('"', '\\"') + '"'
        if data is None:
            parts.append(f"D {quoted}\n".encode())
        else:
            parts += [f"M 100644 inline {quoted}\ndata {len(data)}\n".encode(), data, b"\n"]
    return [*parts, b"\n"]


def _walk(start: str, commits: Mapping[str, Commit]) -> tuple[set[str], list[str]]:
    """The commits that `start` leads to, and those on the way that are not there."""
    reached: set[str] = set()
    missing: list[str] = []
    waiting = [start]
    while waiting:
        oid = waiting.pop()
        if oid in reached or oid in missing:
            continue
        if oid in commits:
            reached.add(oid)
            waiting += commits[oid].parents
        else:
            missing.append(oid)
    return reached, missing


def _parse_commit(oid: str, data: bytes) -> Commit | None:
    """None for what is no commit that Git would have made."""
    header, _, message = data.partition(b"\n\n")
    lines = header.split(b"\n")
    people = {found["role"]: found for line in lines if (found := _PERSON.fullmatch(line))}
    if people.keys() != {b"author", b"committer"}:
        return None
    author = people[b"author"]
    return Commit(
        oid=oid,
        parents=tuple(line.split()[1].decode() for line in lines if line.startswith(b"parent ")),
        author=author["address"].decode(errors="replace"),
        authored_at=datetime.fromtimestamp(int(author["seconds"]), UTC),
        is_ours=people[b"committer"]["address"] == COMMITTER_ADDRESS.encode(),
        message=message.decode(errors="replace"),
    )
