"""Finding the payload of a request: cache first, then the durable copy. Never the warehouse."""

import logging
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs

from shared.cache.cache import Cache
from shared.dashboards.head import DashboardHead
from shared.dashboards.head_cache import HeadCache
from shared.dashboards.keys import payload_key, payload_path
from shared.dashboards.variants import hash_variant
from shared.errors import DependencyUnavailableError, NotFoundError, PayloadNotReadyError
from shared.precompute.payload import Payload
from shared.precompute.recent_payloads import RecentPayloads
from shared.storage.blob import BlobStore

_LOGGER = logging.getLogger(__name__)


class DataService:
    """Serves what precompute left."""

    def __init__(
        self,
        cache: Cache,
        open_store: Callable[[], BlobStore],
        heads: HeadCache,
        recent: RecentPayloads,
        clock: Callable[[], datetime],
        cache_ttl_seconds: int,
    ) -> None:
        self._cache = cache
        self._open_store = open_store
        self._heads = heads
        self._recent = recent
        self._clock = clock
        self._cache_ttl_seconds = cache_ttl_seconds

    def find_payload(self, slug: str, query: str) -> tuple[Payload, datetime]:
        """The payload for `slug` and the query string `query`, and the time it is served at.

        Raises NotFoundError for an unknown dashboard, InvalidRequestError for wrong parameters, and
        PayloadNotReadyError when the variant was never computed or is older than `max_stale`.
        """
        now = self._clock()
        payload = self._recent.get(slug, query, now)
        if payload is None:
            payload = self._look_up(slug, query)
            self._recent.put(slug, query, payload, now)
        if payload.is_expired(now):
            raise PayloadNotReadyError(
                f"The data of {slug} was last checked at {payload.checked_at.isoformat()}, "
                f"longer ago than its max_stale of {payload.max_stale_seconds} s.",
                remediation=_explain_precompute(slug),
            )
        return payload, now

    def _look_up(self, slug: str, query: str) -> Payload:
        head = self._find_head(slug)
        parameters = head.resolve_parameters(parse_qs(query, keep_blank_values=True))
        payload = self._find(head, hash_variant(parameters))
        if payload is None:
            raise PayloadNotReadyError(
                f"Version {head.version} of {slug} was not computed yet for these parameters.",
                remediation=_explain_precompute(slug),
            )
        return payload

    def _find_head(self, slug: str) -> DashboardHead:
        head = self._heads.find_heads([slug])[0]
        if head is None:
            raise NotFoundError(f"There is no dashboard {slug!r}.", remediation="List them: GET /dashboards.")
        return head

    def _find(self, head: DashboardHead, variant: str) -> Payload | None:
        key = payload_key(head.slug, variant, head.version)
        cached = self._read_cache(key)
        payload = _parse(cached, key) if cached is not None else None
        if payload is not None:
            return payload
        path = payload_path(head.slug, head.version, variant)
        blob = self._open_store().read_blobs([path])[0]
        payload = _parse(blob.data, path) if blob is not None else None
        if blob is not None and payload is not None:
            self._write_cache(key, blob.data, self._cache_ttl_seconds)
        return payload

    def _read_cache(self, key: str) -> bytes | None:
        try:
            return self._cache.get_many([key])[0]
        except DependencyUnavailableError:
            # Losing the cache costs milliseconds, never an answer: the durable copy is next.
            _LOGGER.warning("The cache cannot be reached; reading the durable copy")
            return None

    def _write_cache(self, key: str, value: bytes, ttl_seconds: int) -> None:
        try:
            self._cache.set_many({key: value}, ttl_seconds)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; the answer is not kept")


def _parse(stored: bytes, name: str) -> Payload | None:
    try:
        return Payload.from_bytes(stored)
    except ValueError as error:
        # Written by another release; the next refresh replaces it.
        _LOGGER.warning("%s is not read: %s", name, error)
        return None


def _explain_precompute(slug: str) -> str:
    return f'Run it: POST /precompute {{"slugs": ["{slug}"]}}, or: almanac precompute {slug}.'
