"""The heads of saved dashboards: from the cache, or from the index where the cache has none."""

import logging
from collections.abc import Sequence

from shared.cache.cache import Cache
from shared.cache.stamps import read_value
from shared.dashboards.definition.head import HEAD_TTL_SECONDS, DashboardHead
from shared.dashboards.keys import head_key
from shared.database.unit_of_work import Database
from shared.errors import DependencyUnavailableError

_LOGGER = logging.getLogger(__name__)


class HeadCache:
    """Finds heads, and replaces the cached ones after a save."""

    def __init__(self, cache: Cache, database: Database) -> None:
        self._cache = cache
        self._database = database

    def find_heads(self, slugs: Sequence[str]) -> list[DashboardHead | None]:
        """The heads of `slugs`, in order; None for a dashboard that does not exist."""
        cached = self._read_cached(slugs)
        missing = [slug for slug, value in zip(slugs, cached, strict=True) if value is None]
        read = self._read_index(missing) if missing else {}
        self.write_heads(list(read.values()))
        return [
            DashboardHead.from_bytes(read_value(value)) if value else read.get(slug)
            for slug, value in zip(slugs, cached, strict=True)
        ]

    def renew_heads(self, slugs: Sequence[str]) -> None:
        """Make the cached heads of `slugs` those of the index, as `write_heads` does."""
        self.write_heads(list(self._read_index(slugs).values()))

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

    def _read_cached(self, slugs: Sequence[str]) -> list[bytes | None]:
        try:
            return self._cache.get_many([head_key(slug) for slug in slugs])
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; heads come from the index")
            return [None] * len(slugs)

    def _read_index(self, slugs: Sequence[str]) -> dict[str, DashboardHead]:
        """The heads of those dashboards that exist."""
        found = self._database.quick.find_definitions(slugs)
        return {slug: DashboardHead.from_definition(*found[slug]) for slug in slugs if slug in found}
