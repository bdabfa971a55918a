"""Heads in the cache."""

import logging
from collections.abc import Sequence

from shared.cache.cache import Cache
from shared.cache.stamps import read_value
from shared.dashboards.definition.head import HEAD_TTL_SECONDS, DashboardHead
from shared.dashboards.head_reader import HeadReader
from shared.dashboards.keys import head_key
from shared.errors import DependencyUnavailableError

_LOGGER = logging.getLogger(__name__)


class HeadCache:
    """Reads heads, from the index when the cache has none, and replaces them after a save."""

    def __init__(self, cache: Cache, reader: HeadReader) -> None:
        self._cache = cache
        self._reader = reader

    def find_heads(self, slugs: Sequence[str]) -> list[DashboardHead | None]:
        """The heads of `slugs`, in order; None for a dashboard that does not exist."""
        cached = self._read(slugs)
        missing = [slug for slug, value in zip(slugs, cached, strict=True) if value is None]
        read = dict(zip(missing, self._reader.read_heads(missing), strict=True)) if missing else {}
        self.write_heads([head for head in read.values() if head])
        return [
            DashboardHead.from_bytes(read_value(value)) if value else read[slug]
            for slug, value in zip(slugs, cached, strict=True)
        ]

    def write_heads(self, heads: Sequence[DashboardHead]) -> None:
        """Make these the cached heads, but for those of which a later version is cached already.

        A reader may have asked the index just before a save. A cache that is down is passed over: old heads
        live for a minute.
        """
        if not heads:
            return
        items = {head_key(head.slug): (head.version, head.to_bytes()) for head in heads}
        try:
            self._cache.set_newest_many(items, HEAD_TTL_SECONDS)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; heads are not replaced")

    def _read(self, slugs: Sequence[str]) -> list[bytes | None]:
        try:
            return self._cache.get_many([head_key(slug) for slug in slugs])
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; heads come from the index")
            return [None] * len(slugs)
