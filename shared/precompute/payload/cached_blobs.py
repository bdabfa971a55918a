"""The durable copies that precompute left, quick in the cache.

A cached copy begins with the path it was read from or written to. No path is used twice, so a copy is good
exactly when its path is the one wanted: a write that was lost, or one that came late, is found out by that. What lies
behind the path is compared with its checksum by whoever reads it; a damaged copy is passed over for the next source.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from shared.cache.cache import Cache
from shared.cache.stamps import add_checksum, read_value, take_checked
from shared.errors import DependencyUnavailableError
from shared.storage.blob import BlobStore

POINTER_TTL_SECONDS = 60
"""A pointer that a refresh could not replace (the cache was down) is wrong for at most this long."""
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pointer:
    """Where the current copy of something lies, and when that was last known to be current (`checked_at`)."""

    path: str
    checked_at: datetime

    def stamp(self, written_at: datetime) -> tuple[int, bytes]:
        """Number and value for `Cache.set_newest_many`: of two pointers, the one written later stays."""
        value = f"{self.checked_at.isoformat()} {self.path}"
        return int(written_at.timestamp() * 1_000_000), add_checksum(value.encode())

    @classmethod
    def from_stamped(cls, stored: bytes) -> Self:
        """Read what the cache has. Raises ValueError for what is damaged, or written by another release."""
        checked_at, _, path = take_checked(read_value(stored)).decode().partition(" ")
        return cls(path, datetime.fromisoformat(checked_at))


class UnreadableBlobError(Exception):
    """The durable copy at `path` is there, and is damaged or of a format that this release does not read."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class CachedBlobs:
    """Reads from the cache, else from the payload store; then the cache has it again."""

    def __init__(self, cache: Cache, store: BlobStore, ttl_seconds: int) -> None:
        self._cache = cache
        self._store = store
        self._ttl_seconds = ttl_seconds

    def find[T](self, key: str, path: str, parse: Callable[[bytes], T]) -> T | None:
        """What is cached under `key` or stored at `path`; None for nothing.

        A cached copy that `parse` refuses with a ValueError is passed over; for a stored one UnreadableBlobError is
        raised.
        """
        return self._choose(self._read_cache([key])[0], key, path, parse)

    def find_current[T](
        self,
        pointer_key: str,
        key: str,
        find_pointer: Callable[[], tuple[Pointer, datetime] | None],
        parse: Callable[[bytes], T],
    ) -> tuple[T, datetime] | None:
        """As `find`, where the pointer cached under `pointer_key` says, with the pointer's `checked_at`.

        Without one, or with one to nothing that can be read, `find_pointer` is asked for the current one and when it
        was written.
        """
        stored, cached = self._read_cache([pointer_key, key])
        before = self._read_pointer(pointer_key, stored)
        unreadable: UnreadableBlobError | None = None
        if before is not None:
            try:
                if (found := self._choose(cached, key, before.path, parse)) is not None:
                    return found, before.checked_at
            except UnreadableBlobError as error:
                unreadable = error
        # Nothing is there any more: it was replaced longer ago than blobs are kept for late readers.
        current = find_pointer()
        if current is None:
            return None
        pointer, written_at = current
        if before is not None and pointer.path == before.path:
            if unreadable:
                raise unreadable
            return None
        self._write_pointer(pointer_key, pointer.stamp(written_at))
        found = self._choose(cached, key, pointer.path, parse)
        return (found, pointer.checked_at) if found is not None else None

    def read_many[T](self, paths: Mapping[str, str], parse: Callable[[str, bytes], T]) -> dict[str, T]:
        """What is at the paths, by path; `paths` are by cache key. What is nowhere is left out.

        `parse` is given path and bytes; what it refuses with a ValueError is passed over, in the cache and in the
        store.
        """
        keys = list(paths)
        found: dict[str, T] = {}
        for key, cached in zip(keys, self._read_cache(keys), strict=True):
            path = paths[key]
            copy = _take_copy(cached, path)
            value = _parse(copy, path, "cache", partial(parse, path)) if copy is not None else None
            if value is not None:
                found[path] = value
        missing = {key: path for key, path in paths.items() if path not in found}
        read: dict[str, bytes] = {}
        wanted = list(dict.fromkeys(missing.values()))
        for path, blob in zip(wanted, self._store.read_blobs(wanted) if wanted else [], strict=True):
            value = _parse(blob.data, path, "store", partial(parse, path)) if blob is not None else None
            if blob is not None and value is not None:
                found[path], read[path] = value, blob.data
        self._write_cache({key: make_copy(path, read[path]) for key, path in missing.items() if path in read})
        return found

    def _read_pointer(self, key: str, stored: bytes | None) -> Pointer | None:
        if stored is None:
            return None
        pointer = _parse(stored, key, "cache", Pointer.from_stamped)
        if pointer is None:
            # Its number may be damaged too, and keep what is written next from taking its place.
            self._remove(key, stored)
        return pointer

    def _choose[T](self, cached: bytes | None, key: str, path: str, parse: Callable[[bytes], T]) -> T | None:
        copy = _take_copy(cached, path)
        found = _parse(copy, path, "cache", parse) if copy is not None else None
        return found if found is not None else self._load(key, path, parse)

    def _load[T](self, key: str, path: str, parse: Callable[[bytes], T]) -> T | None:
        blob = self._store.read_blobs([path])[0]
        if blob is None:
            return None
        found = _parse(blob.data, path, "store", parse)
        if found is None:
            raise UnreadableBlobError(path)
        self._write_cache({key: make_copy(path, blob.data)})
        return found

    def _read_cache(self, keys: list[str]) -> list[bytes | None]:
        try:
            return self._cache.get_many(keys)
        except DependencyUnavailableError:
            # Losing the cache costs milliseconds, never an answer: the durable copy is next.
            _LOGGER.warning("The cache cannot be reached; reading the durable copy")
            return [None] * len(keys)

    def _write_cache(self, items: Mapping[str, bytes]) -> None:
        try:
            self._cache.set_many(items, self._ttl_seconds)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; the answer is not kept")

    def _remove(self, key: str, stored: bytes) -> None:
        try:
            self._cache.compare_and_delete(key, stored)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; what cannot be read stays in it")

    def _write_pointer(self, key: str, stamped: tuple[int, bytes]) -> None:
        try:
            self._cache.set_newest_many({key: stamped}, POINTER_TTL_SECONDS)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; where the answer lies is not kept")


def make_copy(path: str, data: bytes) -> bytes:
    """The cached form of what lies at `path`."""
    return path.encode() + b"\n" + data


def _take_copy(cached: bytes | None, path: str) -> bytes | None:
    start = path.encode() + b"\n"
    return cached[len(start) :] if cached is not None and cached.startswith(start) else None


def _parse[T](stored: bytes, name: str, source: str, parse: Callable[[bytes], T]) -> T | None:
    try:
        return parse(stored)
    except ValueError as error:
        # Damaged, or written by another release. Counted: deploy/monitoring/log-metrics.json.
        _LOGGER.warning(
            "%s is not read from the %s: %s", name, source, error, extra={"unreadable_copy": source}
        )
        return None
