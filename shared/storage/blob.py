"""What a blob store is: the protocol, its values, the rules of a path, and a span around every call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import PurePosixPath
from typing import Final, Literal, Protocol

from opentelemetry import trace

from shared.errors import AlmanacError, ConflictError, InvalidRequestError
from shared.once import once

MAX_PATH_BYTES = 800
MAX_SEGMENT_BYTES = 200
_CONTENT_TYPES = {
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".json": "application/json",
    ".sql": "text/plain; charset=utf-8",
}
DEFAULT_CONTENT_TYPE = "application/octet-stream"


class Precondition(Enum):
    """What a write expects instead of a revision."""

    ANY = "any"
    ABSENT = "absent"


ANY: Final = Precondition.ANY
"""No precondition: the last writer wins."""
ABSENT: Final = Precondition.ABSENT
"""The path must not exist yet."""


@dataclass(frozen=True, slots=True)
class BlobWrite:
    """One blob to write. `expected_revision` is ANY, ABSENT, or the revision that must be current."""

    path: str
    data: bytes
    content_type: str = DEFAULT_CONTENT_TYPE
    expected_revision: str | Literal[Precondition.ANY, Precondition.ABSENT] = ANY


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob as read. `revision` changes whenever the content does; compare it, do not interpret it."""

    path: str
    data: bytes
    revision: str
    content_type: str


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A blob without its content; `size` in bytes."""

    path: str
    revision: str
    size: int


class BlobStore(Protocol):
    """Named bytes with revisions and preconditions.

    Every call takes 1..N items. Paths are relative, `/` between segments (see `check_paths`); a bad one
    raises InvalidRequestError before anything is touched. A store that cannot be reached within its timeout
    raises DependencyUnavailableError. Stores are safe to share between threads and processes.
    """

    def read_blobs(self, paths: Sequence[str]) -> list[Blob | None]:
        """The blobs in input order, None where there is none. Stores without content types go by suffix."""
        ...

    def write_blobs(
        self, writes: Sequence[BlobWrite], *, message: str, author: str, saved_at: datetime | None = None
    ) -> list[str]:
        """Write and return the new revisions in input order.

        `author` is an address or `Name <address>`. With `saved_at` the write is a save of that time: a store that
        keeps a history has it in there, even where all of it was there before. Raises ConflictError naming a path
        whose revision is not the expected one. Whether a batch is all or nothing, the class says.
        """
        ...

    def delete_blobs(self, paths: Sequence[str], *, message: str, author: str) -> None:
        """Delete; paths that do not exist are fine."""
        ...

    def list_blobs(self, prefix: str = "") -> list[BlobInfo]:
        """The blobs whose path starts with `prefix` (a string, not a folder), sorted by path."""
        ...

    def find_missing(self, paths: Sequence[str]) -> set[str]:
        """Those of the paths at which there is no blob; cheaper than reading them."""
        ...

    def list_drift(self) -> list[str]:
        """Sorted paths whose visible file was changed outside the store; only a Git store can have any."""
        ...


def check_paths(paths: Sequence[str]) -> None:
    """Raise InvalidRequestError for a path that is not relative, plain and portable between the stores.

    Segments never begin with a dot, which rules out `.`, `..`, `.git` and the stores' own files.
    """
    for path in paths:
        reason = _find_fault(path)
        if reason:
            raise InvalidRequestError(
                f"The blob path {path!r} {reason}; a path is relative, such as 'dashboards/sales.yaml'."
            )


def check_writes(writes: Sequence[BlobWrite]) -> None:
    """Raise InvalidRequestError for a bad path, a path given twice, or one that is also another's folder."""
    paths = [write.path for write in writes]
    check_paths(paths)
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise InvalidRequestError(f"The blob path {path!r} is given twice in one write.")
        seen.add(path)
    for path in paths:
        if parent := next((folder for folder in list_folders(path) if folder in seen), None):
            raise InvalidRequestError(f"{parent!r} cannot be a blob and the folder of {path!r}.")


def is_valid_path(path: str) -> bool:
    """True when `check_paths` accepts it."""
    return _find_fault(path) is None


def list_folders(path: str) -> list[str]:
    """The folders above `path`, nearest first: `a/b`, `a` for `a/b/c`."""
    return [str(folder) for folder in PurePosixPath(path).parents][:-1]


def find_content_type(path: str) -> str:
    """The content type that goes with the suffix of `path`."""
    return _CONTENT_TYPES.get(PurePosixPath(path).suffix.lower(), DEFAULT_CONTENT_TYPE)


def check_revision(write: BlobWrite, current: str | None) -> None:
    """Raise ConflictError unless `current` (None: no blob) is what `write` expects."""
    expected = write.expected_revision
    if expected is ANY or (expected is ABSENT and current is None) or expected == current:
        return
    wanted = "no blob" if expected is ABSENT else f"revision {expected}"
    raise ConflictError(
        f"{write.path} changed meanwhile: expected {wanted}, found {current or 'no blob'}.",
        details=[{"path": write.path, "current_revision": current}],
    )


def _find_fault(path: str) -> str | None:
    segments = path.split("/")
    if not path or any(not segment for segment in segments):
        return "is empty, absolute or has an empty segment"
    if any(character in path for character in "\\\0") or not path.isprintable():
        return "holds a backslash or a character that cannot be printed"
    if any(segment.startswith(".") for segment in segments):
        return "has a segment that begins with a dot"
    if any(segment != segment.strip() for segment in segments):
        return "has a segment that begins or ends with a space"
    # isprintable() is False for lone surrogates, so encoding cannot fail.
    if len(path.encode()) > MAX_PATH_BYTES or any(len(s.encode()) > MAX_SEGMENT_BYTES for s in segments):
        return f"is longer than {MAX_PATH_BYTES} bytes, or one segment than {MAX_SEGMENT_BYTES}"
    return None


class TracedBlobStore:
    """Opens a store with the first call, and passes every call on to it.

    Spans are named `storage.<call>` and say which store and how many.
    """

    def __init__(self, open_store: Callable[[], BlobStore], kind: str) -> None:
        self._open_store = open_store
        self._kind = kind
        # The API, not shared.telemetry: storage and telemetry are siblings and know nothing of each other.
        self._tracer = trace.get_tracer("almanac.storage")

    @once
    def store(self) -> BlobStore:
        """The store itself."""
        return self._open_store()

    def read_blobs(self, paths: Sequence[str]) -> list[Blob | None]:
        """See `BlobStore.read_blobs`."""
        with self._span("read", len(paths)):
            return self.store.read_blobs(paths)

    def write_blobs(
        self, writes: Sequence[BlobWrite], *, message: str, author: str, saved_at: datetime | None = None
    ) -> list[str]:
        """See `BlobStore.write_blobs`."""
        with self._span("write", len(writes)):
            return self.store.write_blobs(writes, message=message, author=author, saved_at=saved_at)

    def delete_blobs(self, paths: Sequence[str], *, message: str, author: str) -> None:
        """See `BlobStore.delete_blobs`."""
        with self._span("delete", len(paths)):
            self.store.delete_blobs(paths, message=message, author=author)

    def list_blobs(self, prefix: str = "") -> list[BlobInfo]:
        """See `BlobStore.list_blobs`."""
        with self._span("list", 1):
            return self.store.list_blobs(prefix)

    def find_missing(self, paths: Sequence[str]) -> set[str]:
        """See `BlobStore.find_missing`."""
        with self._span("find_missing", len(paths)):
            return self.store.find_missing(paths)

    def list_drift(self) -> list[str]:
        """See `BlobStore.list_drift`."""
        with self._span("drift", 1):
            return self.store.list_drift()

    @contextmanager
    def _span(self, name: str, count: int) -> Iterator[None]:
        attributes: dict[str, str | int] = {"storage.kind": self._kind, "storage.items": count}
        with self._tracer.start_as_current_span(
            f"storage.{name}", kind=trace.SpanKind.CLIENT, attributes=attributes
        ) as span:
            try:
                yield
            except AlmanacError as error:
                span.set_attribute("error.type", error.code.value)
                raise
