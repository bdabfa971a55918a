"""Blobs in Google Cloud Storage; the client library is imported with the first call."""

import os
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from shared.errors import ConflictError
from shared.storage.blob import (
    ABSENT,
    ANY,
    Blob,
    BlobInfo,
    BlobWrite,
    check_paths,
    check_revision,
    check_writes,
    find_content_type,
    is_valid_path,
)
from shared.storage.gcs_calls import GcsCalls, TryAgainError

if TYPE_CHECKING:
    from google.cloud.storage import Blob as GcsObject
    from google.cloud.storage import Bucket, Client

_PARALLEL_CALLS = 8  # below the connection pool of the client's session, 10
_WRITE_ID = "write-id"
_GENERATION = re.compile(r"[1-9][0-9]{0,18}")  # 0 would mean: must not exist
_MAX_MESSAGE_CHARACTERS = 500  # all metadata of an object together may have 8 KiB


class GcsBlobStore:
    """Objects under `prefix` in `bucket`; the revision is the object's generation.

    Each object is written atomically, with Google's precondition on its generation. A batch of several is
    checked before the first write, but is not atomic: when somebody else writes between check and write, the
    others of the batch may be written, and the ConflictError's details name them. Message and author are
    kept as metadata of the object. Writing equal content makes a new revision. A service that does not answer costs
    one caller its timeout; for a moment after that the others are told at once.
    """

    def __init__(
        self, bucket: str, prefix: str, make_client: "Callable[[], Client]", *, timeout_seconds: float
    ) -> None:
        self._bucket_name = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._make_client = make_client
        self._calls = GcsCalls(timeout_seconds)
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._client_pid = 0

    def read_blobs(self, paths: Sequence[str]) -> list[Blob | None]:
        """See `BlobStore.read_blobs`. Content is checked against its CRC32C."""
        check_paths(paths)
        self._calls.require()
        return self._map(self._read_blob, paths)

    def write_blobs(
        self, writes: Sequence[BlobWrite], *, message: str, author: str, saved_at: datetime | None = None
    ) -> list[str]:
        """See `BlobStore.write_blobs` and the class."""
        check_writes(writes)
        self._calls.require()
        if len(writes) > 1:
            guarded = [write for write in writes if write.expected_revision is not ANY]
            for write, revision in zip(
                guarded, self._map(self._find_revision, [write.path for write in guarded]), strict=True
            ):
                check_revision(write, revision)
        metadata = {"message": message[:_MAX_MESSAGE_CHARACTERS], "author": author[:_MAX_MESSAGE_CHARACTERS]}
        results = self._map(lambda write: self._try_write(write, metadata), writes)
        _raise_conflicts(writes, results)
        return [result for result in results if isinstance(result, str)]

    def delete_blobs(self, paths: Sequence[str], *, message: str, author: str) -> None:
        """See `BlobStore.delete_blobs`. Object by object."""
        check_paths(paths)
        self._calls.require()
        self._map(self._delete_blob, paths)

    def list_blobs(self, prefix: str = "") -> list[BlobInfo]:
        """See `BlobStore.list_blobs`."""

        def list_objects(timeout: float) -> list[BlobInfo]:
            objects = self._bucket().list_blobs(
                prefix=self._prefix + prefix,
                fields="items(name,generation,size),nextPageToken",
                timeout=timeout,
                retry=None,
            )
            start = len(self._prefix)
            return [BlobInfo(item.name[start:], str(item.generation), item.size) for item in objects]

        self._calls.require()
        found = self._calls.run(list_objects)
        return sorted((info for info in found if is_valid_path(info.path)), key=lambda info: info.path)

    def find_missing(self, paths: Sequence[str]) -> set[str]:
        """See `BlobStore.find_missing`. Object by object, in parallel."""
        check_paths(paths)
        self._calls.require()
        found = self._map(self._find_revision, paths)
        return {path for path, revision in zip(paths, found, strict=True) if revision is None}

    def list_drift(self) -> list[str]:
        """Always empty: the objects are the blobs."""
        return []

    def _read_blob(self, path: str) -> Blob | None:
        from google.api_core.exceptions import NotFound

        def download(timeout: float) -> Blob | None:
            blob = self._bucket().blob(self._prefix + path)
            try:
                data = blob.download_as_bytes(
                    raw_download=True,
                    checksum="crc32c",
                    timeout=timeout,
                    retry=None,
                    single_shot_download=True,
                )
            except NotFound:
                return None
            return Blob(path, data, str(blob.generation), blob.content_type or find_content_type(path))

        return self._calls.run(download)

    def _find_revision(self, path: str) -> str | None:
        def stat(timeout: float) -> str | None:
            found = self._bucket().get_blob(self._prefix + path, timeout=timeout, retry=None)
            return str(found.generation) if found else None

        return self._calls.run(stat)

    def _try_write(self, write: BlobWrite, metadata: dict[str, str]) -> str | ConflictError:
        upload = _Upload(self._bucket, self._prefix + write.path, write, metadata)
        try:
            return self._calls.run(upload)
        except ConflictError as error:
            return error

    def _delete_blob(self, path: str) -> None:
        from google.api_core.exceptions import NotFound

        def delete(timeout: float) -> None:
            try:
                self._bucket().blob(self._prefix + path).delete(timeout=timeout, retry=None)
            except NotFound:
                return

        self._calls.run(delete)

    def _bucket(self) -> "Bucket":
        with self._lock:
            # A connection must not be shared with a forked process.
            if self._client is None or self._client_pid != os.getpid():
                self._client, self._client_pid = self._make_client(), os.getpid()
            return self._client.bucket(self._bucket_name)

    def _map[A, B](self, function: Callable[[A], B], items: Sequence[A]) -> list[B]:
        if len(items) <= 1:
            return [function(item) for item in items]
        with ThreadPoolExecutor(min(_PARALLEL_CALLS, len(items))) as pool:
            return list(pool.map(function, items))


class _Upload:
    """One write that may be repeated: it knows its own object again, so a lost answer is not a conflict."""

    def __init__(
        self,
        find_bucket: "Callable[[], Bucket]",
        name: str,
        write: BlobWrite,
        metadata: dict[str, str],
    ) -> None:
        self._find_bucket = find_bucket
        self._name = name
        self._write = write
        self._id = uuid.uuid4().hex
        self._metadata = {**metadata, _WRITE_ID: self._id}
        self._is_first = True

    def __call__(self, timeout: float) -> str:
        from google.api_core.exceptions import PreconditionFailed

        current = None
        if not self._is_first:
            current = self._find_bucket().get_blob(self._name, timeout=timeout, retry=None)
            if current and (current.metadata or {}).get(_WRITE_ID) == self._id:
                return str(current.generation)
        expected = self._choose_generation(current)
        self._is_first = False
        blob = self._find_bucket().blob(self._name)
        blob.metadata = self._metadata
        try:
            blob.upload_from_string(
                self._write.data,
                content_type=self._write.content_type,
                if_generation_match=expected,
                checksum="crc32c",
                timeout=timeout,
                retry=None,
            )
        except PreconditionFailed as error:
            if self._write.expected_revision is ANY:
                raise TryAgainError from error
            raise ConflictError(f"{self._write.path} changed meanwhile.") from error
        return str(blob.generation)

    def _choose_generation(self, current: "GcsObject | None") -> int | None:
        expected = self._write.expected_revision
        if expected is ABSENT:
            return 0
        if expected is ANY:
            # A repetition must not undo what somebody wrote after the first try got through.
            return None if self._is_first else (current.generation if current else 0)
        if not _GENERATION.fullmatch(expected):
            check_revision(self._write, "a revision of another kind")
        return int(expected)


def _raise_conflicts(writes: Sequence[BlobWrite], results: Sequence[str | ConflictError]) -> None:
    conflicts = [
        write.path for write, result in zip(writes, results, strict=True) if not isinstance(result, str)
    ]
    if not conflicts:
        return
    written = [write.path for write, result in zip(writes, results, strict=True) if isinstance(result, str)]
    also = f"; already written: {', '.join(written)}" if written else ""
    raise ConflictError(
        f"{', '.join(conflicts)} changed meanwhile{also}.",
        details=[{"path": path, "written": False} for path in conflicts]
        + [{"path": path, "written": True} for path in written],
    )
