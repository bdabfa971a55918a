"""The heads of saved dashboards: from the cache, or from the index where the cache has none."""

import logging
from collections.abc import Sequence

from shared.cache.cache import Cache
from shared.cache.stamps import add_checksum, read_value, take_checked
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
        missing = [slug for slug in slugs if slug not in cached]
        read = self._read_index(missing) if missing else {}
        self.write_heads(list(read.values()))
        return [cached.get(slug) or read.get(slug) for slug in slugs]

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
        items = {head_key(head.slug): (head.version, add_checksum(head.to_bytes())) for head in heads}
        try:
            self._cache.set_newest_many(items, HEAD_TTL_SECONDS)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; heads are not replaced")

    def _read_cached(self, slugs: Sequence[str]) -> dict[str, DashboardHead]:
        """The heads that the cache has."""
        try:
            stored = self._cache.get_many([head_key(slug) for slug in slugs])
            pairs = zip(slugs, stored, strict=True)
            heads = [self._read_head(slug, value) for slug, value in pairs if value is not None]
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; heads come from the index")
            return {}
        return {head.slug: head for head in heads if head is not None}

    def _read_head(self, slug: str, stored: bytes) -> DashboardHead | None:
        try:
            return DashboardHead.from_bytes(take_checked(read_value(stored)))
        except ValueError as error:
            # Counted: deploy/monitoring/log-metrics.json.
            _LOGGER.warning(
                "The head of %s is not read from the cache: %s",
                slug,
                error,
                extra={"unreadable_copy": "cache"},
            )
            # Its number may be damaged too, and keep what is written next from taking its place.
            self._cache.compare_and_delete(head_key(slug), stored)
            return None

    def _read_index(self, slugs: Sequence[str]) -> dict[str, DashboardHead]:
        """The heads of those dashboards that exist."""
        found = self._database.quick.find_definitions(slugs)
        return {slug: DashboardHead.from_definition(*found[slug]) for slug in slugs if slug in found}
