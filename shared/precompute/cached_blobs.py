"""The durable copies that precompute left, quick in the cache."""

import logging
from collections.abc import Callable

from shared.cache.cache import Cache
from shared.errors import DependencyUnavailableError
from shared.storage.blob import BlobStore

_LOGGER = logging.getLogger(__name__)


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
        cached = self._read_cache(key)
        found = _parse(cached, key, parse) if cached is not None else None
        if found is not None:
            return found
        blob = self._open_store().read_blobs([path])[0]
        found = _parse(blob.data, path, parse) if blob is not None else None
        if blob is not None and found is not None:
            self._write_cache(key, blob.data)
        return found

    def _read_cache(self, key: str) -> bytes | None:
        try:
            return self._cache.get_many([key])[0]
        except DependencyUnavailableError:
            # Losing the cache costs milliseconds, never an answer: the durable copy is next.
            _LOGGER.warning("The cache cannot be reached; reading the durable copy")
            return None

    def _write_cache(self, key: str, value: bytes) -> None:
        try:
            self._cache.set_many({key: value}, self._ttl_seconds)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; the answer is not kept")


def _parse[T](stored: bytes, name: str, parse: Callable[[bytes], T]) -> T | None:
    try:
        return parse(stored)
    except ValueError as error:
        # Written by another release; the next refresh replaces it.
        _LOGGER.warning("%s is not read: %s", name, error)
        return None
