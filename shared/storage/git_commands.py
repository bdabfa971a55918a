"""Git's plumbing, run without anybody's configuration, hooks or signing."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path

from shared.errors import DependencyUnavailableError, InvalidRequestError

COMMITTER_ADDRESS = "almanac@localhost"
COMMITTER = "Almanac"
_COMMITTER = {"GIT_COMMITTER_NAME": COMMITTER, "GIT_COMMITTER_EMAIL": COMMITTER_ADDRESS}
_ABSENT = "0" * 40
# Git strips these from the ends of a name and refuses what is empty then.
_CRUD = " .,:;<>\"\\'"


@dataclass(frozen=True, slots=True)
class GitObject:
    """An object as `cat-file` describes it; `data` is empty unless asked for."""

    oid: str
    kind: str
    size: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What a commit says beside its files. `author` is an address or `Name <address>`, the commit's date `saved_at`;
    without it the present.
    """

    message: str
    author: str
    saved_at: datetime | None = None

    def name_author(self) -> tuple[str, str]:
        """The author's name and address, as Git takes them."""
        name, address = parseaddr("".join(character for character in self.author if character.isprintable()))
        address = address.strip(_CRUD) or "unknown@localhost"
        return name.strip(_CRUD) or address, address

    def encode_message(self) -> bytes:
        """The message as Git keeps it."""
        return self.message.replace("\0", "").encode(errors="replace") or b"Save"

    def to_environment(self) -> dict[str, str]:
        """What Git reads the author from."""
        name, address = self.name_author()
        date = {"GIT_AUTHOR_DATE": format_date(self.saved_at)} if self.saved_at else {}
        return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address, **date}


class GitCommandError(Exception):
    """A Git command ended with `status`; the text is what it said."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Git:
    """Runs Git on one working tree. Each method is one process.

    Raises GitCommandError when Git refuses, DependencyUnavailableError when there is no Git or it takes
    longer than `timeout_seconds`.
    """

    def __init__(
        self, workdir: Path, timeout_seconds: float, shared_descriptors: tuple[int, ...] = ()
    ) -> None:
        self.workdir = workdir
        self.git_dir = workdir / ".git"
        self._timeout_seconds = timeout_seconds
        # Children share the store's lock: killing this process does not end a Git that is just moving a
        # reference, and whoever comes next must wait for it.
        self._shared_descriptors = shared_descriptors

    def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """The standard output of `git ARGUMENTS`."""
        command = ["git", *self._configuration(), *arguments]
        try:
            result = subprocess.run(  # noqa: S603 - a fixed program, and paths are checked
                command,
                input=stdin,
                capture_output=True,
                env={**self._environment(), **(environment or {})},
                cwd=self.workdir,
                timeout=self._timeout_seconds,
                pass_fds=self._shared_descriptors,
                check=False,
            )
        except FileNotFoundError as error:
            if not self.workdir.is_dir():
                raise DependencyUnavailableError("The folder of the Git store has gone.") from error
            raise DependencyUnavailableError(
                "The program git was not found.", remediation="Install Git, or use a file: or gs:// store."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise DependencyUnavailableError(
                f"git {arguments[0]} took longer than {self._timeout_seconds:g} s."
            ) from error
        if result.returncode != 0:
            said = result.stderr.decode(errors="replace").strip()
            raise GitCommandError(f"git {arguments[0]}: {said}", result.returncode)
        return result.stdout

    def read_head(self) -> str | None:
        """The commit HEAD names, None before the first one."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        except GitCommandError as error:
            branch = (self.git_dir / "HEAD").read_text().removeprefix("ref: ").strip()
            if error.status == 1 and not (self.git_dir / branch).exists():
                return None
            raise GitCommandError(f"{branch} is not a commit: {error}", error.status) from error

    def describe_objects(self, names: Sequence[str], *, with_data: bool = False) -> list[GitObject | None]:
        """The objects that `names` (`<commit>:<path>`) stand for, in order; None where there is none."""
        if not names:
            return []
        mode = "--batch" if with_data else "--batch-check"
        output = self.run("cat-file", mode, stdin="".join(f"{name}\n" for name in names).encode())
        return _parse_objects(output, len(names), with_data=with_data)

    def list_tree(self, commit: str) -> list[tuple[str, str, int, str]]:
        """(mode, object id, size in bytes, path) of every blob in `commit`, sorted by path."""
        output = self.run("ls-tree", "-r", "-z", "--long", "--full-tree", commit)
        rows = []
        for entry in output.decode(errors="surrogateescape").split("\0")[:-1]:
            meta, path = entry.split("\t", 1)
            mode, kind, oid, size = meta.split()
            if kind == "blob":
                rows.append((mode, oid, int(size), path))
        return sorted(rows, key=lambda row: row[3])

    def store_blobs(self, contents: Iterable[bytes]) -> None:
        """Store blobs exactly as they are, and durably: few as loose objects, many as one pack."""
        stream = b"".join(b"blob\ndata %d\n%b\n" % (len(content), content) for content in contents)
        if stream:
            self.run("fast-import", "--quiet", stdin=stream)

    def write_tree(self, parent: str | None, entries: Mapping[str, str | None], index: Path) -> str:
        """The tree of `parent` with `entries` (path to object id, None: delete), made in the file `index`."""
        environment = {"GIT_INDEX_FILE": str(index)}
        if parent:
            self.run("read-tree", parent, environment=environment)
        self.update_index(entries, environment)
        tree = self.run("write-tree", environment=environment).decode().strip()
        # A path that Git protects itself against (git~1) is left out with exit status 0.
        for (path, oid), found in zip(entries.items(), self._describe_paths(tree, entries), strict=True):
            if oid != (found.oid if found else None):
                raise InvalidRequestError(f"Git does not accept the path {path!r}.")
        return tree

    def update_index(
        self, entries: Mapping[str, str | None], environment: Mapping[str, str] | None = None
    ) -> None:
        """Put `entries` into an index (the one of the working tree unless the environment names another)."""
        lines = (
            f"100644 {oid}\t{path}\0" if oid else f"0 {_ABSENT}\t{path}\0" for path, oid in entries.items()
        )
        self.run("update-index", "-z", "--index-info", stdin="".join(lines).encode(), environment=environment)

    def commit_tree(self, tree: str, parent: str | None, note: CommitNote) -> str:
        """A new commit that nothing points at yet."""
        parents = ("-p", parent) if parent else ()
        environment = {**_COMMITTER, **note.to_environment()}
        command = ("commit-tree", tree, *parents, "-F", "-")
        return self.run(*command, stdin=note.encode_message(), environment=environment).decode().strip()

    def move_head(self, commit: str, expected: str | None) -> None:
        """Point the current branch at `commit` if it is still at `expected`, else raise GitCommandError."""
        self.run("update-ref", "-m", "save", "HEAD", commit, expected or "", environment=_COMMITTER)

    def _describe_paths(self, tree: str, paths: Iterable[str]) -> list[GitObject | None]:
        return self.describe_objects([f"{tree}:{path}" for path in paths])

    def _configuration(self) -> list[str]:
        options = {
            "core.hooksPath": os.devnull,
            "core.fsmonitor": "false",
            "core.fsync": "loose-object,pack,pack-metadata,reference",
            "fastimport.unpackLimit": "32",
            "gc.auto": "0",
            "init.defaultBranch": "main",
            "safe.directory": str(self.workdir),
        }
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.devnull,
            "LC_ALL": "C",
            "GIT_DIR": str(self.git_dir),
            "GIT_WORK_TREE": str(self.workdir),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }


def _parse_objects(output: bytes, count: int, *, with_data: bool) -> list[GitObject | None]:
    objects: list[GitObject | None] = []
    offset = 0
    for _ in range(count):
        end = output.index(b"\n", offset)
        header = output[offset:end].split(b" ")
        offset = end + 1
        # A missing object is echoed as `<name> missing`; a name holds a colon, an object id never does.
        if b":" in header[0] or len(header) != 3:
            objects.append(None)
            continue
        oid, kind, size = header[0].decode(), header[1].decode(), int(header[2])
        data = output[offset : offset + size] if with_data else b""
        offset += size + 1 if with_data else 0
        objects.append(GitObject(oid, kind, size, data))
    return objects


def format_date(moment: datetime) -> str:
    """Git's own form of a date: seconds since 1970, and a zone."""
    return f"{int(moment.timestamp())} +0000"
