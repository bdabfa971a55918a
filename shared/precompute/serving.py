"""Finding the payload of a request: cache first, then the durable copy. Never the warehouse."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlencode

from shared.dashboards.head import QUERY_CHOICE, DashboardHead
from shared.dashboards.head_cache import HeadCache
from shared.dashboards.keys import payload_key, payload_path, stream_key
from shared.dashboards.variants import hash_variant
from shared.errors import InvalidRequestError, NotFoundError, PayloadNotReadyError
from shared.precompute.cached_blobs import CachedBlobs
from shared.precompute.payload import Payload, PayloadResult
from shared.precompute.recent_payloads import RecentPayloads
from shared.precompute.result_stream import ResultStream


@dataclass(frozen=True)
class ResultChoice:
    """The result of the query `name` in `payload`, asked for at `now`."""

    payload: Payload
    now: datetime
    name: str
    result: PayloadResult


class DataService:
    """Serves what precompute left."""

    def __init__(
        self, heads: HeadCache, recent: RecentPayloads, blobs: CachedBlobs, clock: Callable[[], datetime]
    ) -> None:
        self._heads = heads
        self._recent = recent
        self._blobs = blobs
        self._clock = clock

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

    def choose_result(self, slug: str, query: str) -> ResultChoice:
        """The one result that the query string names with `query`; the rest of it chooses the variant.

        Raises as `find_payload` does, also when the query never succeeded, and InvalidRequestError unless
        exactly one of the queries is named.
        """
        pairs = parse_qsl(query, keep_blank_values=True)
        names = [value for key, value in pairs if key == QUERY_CHOICE]
        rest = [pair for pair in pairs if pair[0] != QUERY_CHOICE]
        payload, now = self.find_payload(slug, urlencode(rest))
        if len(names) != 1 or names[0] not in payload.results:
            given = (
                f"has no query {names[0]!r}" if len(names) == 1 else "answers one query at a time as Arrow"
            )
            raise InvalidRequestError(
                f"{slug} {given}; accepted: ?{QUERY_CHOICE}= with one of {', '.join(payload.results)}.",
                details=[{"parameter": QUERY_CHOICE, "received": names, "allowed": list(payload.results)}],
            )
        result = payload.results[names[0]]
        if result is None:
            raise PayloadNotReadyError(
                f"The query {names[0]} of {slug} never succeeded.", remediation=_explain_precompute(slug)
            )
        return ResultChoice(payload, now, names[0], result)

    def read_stream(self, choice: ResultChoice) -> ResultStream:
        """The Arrow stream of a result. Raises PayloadNotReadyError when there is none."""
        slug, path = choice.payload.slug, choice.result.path
        stream = self._blobs.find(stream_key(slug, path), path, ResultStream.from_bytes)
        if stream is None:
            raise PayloadNotReadyError(
                f"The result of {choice.name} was not kept as an Arrow stream: "
                "it has more than MAX_PAYLOAD_BYTES, or the stream is lost.",
                remediation='Run it again: POST /precompute {"slugs": ["' + slug + '"], "force": true}.',
            )
        return stream

    def _look_up(self, slug: str, query: str) -> Payload:
        head = self._find_head(slug)
        parameters = head.resolve_parameters(parse_qs(query, keep_blank_values=True))
        variant = hash_variant(parameters)
        payload = self._blobs.find(
            payload_key(slug, variant, head.version),
            payload_path(slug, head.version, variant),
            Payload.from_bytes,
        )
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


def _explain_precompute(slug: str) -> str:
    return f'Run it: POST /precompute {{"slugs": ["{slug}"]}}, or: almanac precompute {slug}.'
