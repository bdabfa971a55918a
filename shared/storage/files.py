"""Blobs as files in a folder."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from shared.errors import InvalidRequestError
from shared.storage.blob import (
    Blob,
    BlobInfo,
    BlobWrite,
    check_paths,
    check_revision,
    check_writes,
    find_content_type,
)
from shared.storage.disk import is_below, lock_file, remove_file, replace_file, translate_file_errors


class FileBlobStore:
    """A folder of files; the revision is the SHA-256 of the content, so equal content has an equal revision.

    All preconditions of a batch are checked under a lock before the first byte is written. Each file is
    replaced atomically; a crash in the middle of a batch leaves some of its files new and the others old.
    Listing reads every file to know its revision. Messages and authors are not kept.
    """

    def __init__(self, root: Path, *, timeout_seconds: float) -> None:
        self._root = root.absolute()
        self._timeout_seconds = timeout_seconds

    def read_blobs(self, paths: Sequence[str]) -> list[Blob | None]:
        """See `BlobStore.read_blobs`."""
        check_paths(paths)
        with translate_file_errors(self._root):
            return [self._read_blob(path) for path in paths]

    def write_blobs(
        self, writes: Sequence[BlobWrite], *, message: str, author: str, saved_at: datetime | None = None
    ) -> list[str]:
        """See `BlobStore.write_blobs`."""
        check_writes(writes)
        with self._lock():
            revisions = [_find_revision(write.data) for write in writes]
            current = [self._read_blob(write.path) for write in writes]
            for write, blob in zip(writes, current, strict=True):
                check_revision(write, blob.revision if blob else None)
                self._check_place(write.path)
            for write, blob, revision in zip(writes, current, revisions, strict=True):
                if blob is None or blob.revision != revision:
                    replace_file(self._root / write.path, write.data, self._temporary)
            return revisions

    def delete_blobs(self, paths: Sequence[str], *, message: str, author: str) -> None:
        """See `BlobStore.delete_blobs`."""
        check_paths(paths)
        with self._lock():
            for path in paths:
                if self._read_blob(path) is not None:
                    remove_file(self._root / path, self._root)

    def list_blobs(self, prefix: str = "") -> list[BlobInfo]:
        """See `BlobStore.list_blobs`."""
        with translate_file_errors(self._root):
            paths = (path for path in self._walk() if path.startswith(prefix))
            blobs = (self._read_blob(path) for path in sorted(paths))
            return [BlobInfo(blob.path, blob.revision, len(blob.data)) for blob in blobs if blob]

    def find_missing(self, paths: Sequence[str]) -> set[str]:
        """See `BlobStore.find_missing`."""
        check_paths(paths)
        with translate_file_errors(self._root):
            return {path for path in paths if not self._holds(path)}

    def list_drift(self) -> list[str]:
        """Always empty: the files are the blobs."""
        return []

    @property
    def _temporary(self) -> Path:
        return self._root / ".writing"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with translate_file_errors(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
            with lock_file(self._root / ".lock", self._timeout_seconds):
                # Nobody else writes now, so what is here was left by a process that died.
                for leftover in self._temporary.glob("*"):
                    leftover.unlink()
                yield

    def _read_blob(self, path: str) -> Blob | None:
        if not self._holds(path):
            return None
        try:
            data = (self._root / path).read_bytes()
        except FileNotFoundError:
            return None
        return Blob(path, data, _find_revision(data), find_content_type(path))

    def _holds(self, path: str) -> bool:
        place = self._root / path
        return place.is_file() and not place.is_symlink() and is_below(place, self._root)

    def _check_place(self, path: str) -> None:
        place = self._root / path
        if not is_below(place, self._root) or place.is_symlink():
            raise InvalidRequestError(
                f"The blob path {path!r} leads out of the store through a symbolic link."
            )
        if place.is_dir() or any(folder.is_file() for folder in place.parents):
            raise InvalidRequestError(f"The blob path {path!r} names a folder, or goes through a blob.")

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in self._root.walk():
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (
                (folder / name).relative_to(self._root).as_posix() for name in names if name[0] != "."
            )


def _find_revision(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
