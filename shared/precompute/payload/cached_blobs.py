"""The durable copies that precompute left, quick in the cache.

A cached copy begins with the path it was read from or written to. No path is used twice, so a copy is good
exactly when its path is the one wanted: a write that was lost, or one that came late, is found out by that.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from shared.cache.cache import Cache
from shared.cache.stamps import read_value
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
        return int(written_at.timestamp() * 1_000_000), value.encode()

    @classmethod
    def from_stamped(cls, stored: bytes) -> Self:
        """Read what the cache has. Raises ValueError for what another release wrote."""
        checked_at, _, path = read_value(stored).decode().partition(" ")
        return cls(path, datetime.fromisoformat(checked_at))


class CachedBlobs:
    """Reads from the cache, else from the payload store; then the cache has it again."""

    def __init__(self, cache: Cache, open_store: Callable[[], BlobStore], ttl_seconds: int) -> None:
        self._cache = cache
        self._open_store = open_store
        self._ttl_seconds = ttl_seconds

    def find[T](self, key: str, path: str, parse: Callable[[bytes], T]) -> T | None:
        """What is cached under `key` or stored at `path`; None for nothing.

        What `parse` refuses with a ValueError is passed over.
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

        Without one, or with one to nothing, `find_pointer` is asked for the current one and when it was written.
        """
        stored, cached = self._read_cache([pointer_key, key])
        before = _parse(stored, pointer_key, Pointer.from_stamped) if stored is not None else None
        if before is not None and (found := self._choose(cached, key, before.path, parse)) is not None:
            return found, before.checked_at
        # Nothing is there any more: it was replaced longer ago than blobs are kept for late readers.
        current = find_pointer()
        if current is None or (before is not None and current[0].path == before.path):
            return None
        pointer, written_at = current
        self._write_pointer(pointer_key, pointer.stamp(written_at))
        found = self._choose(cached, key, pointer.path, parse)
        return (found, pointer.checked_at) if found is not None else None

    def read_many(self, paths: Mapping[str, str]) -> dict[str, bytes]:
        """The bytes at the paths, by path; `paths` are by cache key. What is nowhere is left out."""
        keys = list(paths)
        found: dict[str, bytes] = {}
        for key, cached in zip(keys, self._read_cache(keys), strict=True):
            copy = _take_copy(cached, paths[key])
            if copy is not None:
                found[paths[key]] = copy
        missing = {key: path for key, path in paths.items() if path not in found}
        read: dict[str, bytes] = {}
        wanted = list(dict.fromkeys(missing.values()))
        for path, blob in zip(wanted, self._open_store().read_blobs(wanted) if wanted else [], strict=True):
            if blob is not None:
                read[path] = blob.data
        self._write_cache({key: make_copy(path, read[path]) for key, path in missing.items() if path in read})
        return found | read

    def _choose[T](self, cached: bytes | None, key: str, path: str, parse: Callable[[bytes], T]) -> T | None:
        copy = _take_copy(cached, path)
        found = _parse(copy, path, parse) if copy is not None else None
        return found if found is not None else self._load(key, path, parse)

    def _load[T](self, key: str, path: str, parse: Callable[[bytes], T]) -> T | None:
        blob = self._open_store().read_blobs([path])[0]
        found = _parse(blob.data, path, parse) if blob is not None else None
        if blob is not None and found is not None:
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


def _parse[T](stored: bytes, name: str, parse: Callable[[bytes], T]) -> T | None:
    try:
        return parse(stored)
    except ValueError as error:
        # Written by another release; the next refresh replaces it.
        _LOGGER.warning("%s is not read: %s", name, error)
        return None
