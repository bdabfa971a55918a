"""Finding the payload of a request: cache first, then the durable copy. Never the warehouse."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlencode

from shared.dashboards.definition.head import QUERY_CHOICE, DashboardHead, hash_variant
from shared.dashboards.definition.parameter_values import ParameterValue
from shared.dashboards.keys import payload_key, pointer_key, stream_key
from shared.dashboards.saved.head_cache import HeadCache
from shared.database.unit_of_work import Database
from shared.errors import DependencyUnavailableError, InvalidRequestError, NotFoundError, PayloadNotReadyError
from shared.precompute.payload.cached_blobs import CachedBlobs, Pointer, UnreadableBlobError
from shared.precompute.payload.payload import Payload, PayloadResult, ResultStream, ServedPayload
from shared.precompute.serving.recent_payloads import RecentPayloads

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResultChoice:
    """The result of the query `name` in what is served, asked for at `now`."""

    served: ServedPayload
    now: datetime
    name: str
    result: PayloadResult


class DataService:
    """Serves what precompute left."""

    def __init__(
        self,
        heads: HeadCache,
        recent: RecentPayloads,
        blobs: CachedBlobs,
        database: Database,
        clock: Callable[[], datetime],
    ) -> None:
        self._heads = heads
        self._recent = recent
        self._blobs = blobs
        self._database = database
        self._clock = clock

    def find_payload(self, slug: str, query: str) -> tuple[ServedPayload, datetime]:
        """The payload for `slug` and the query string `query`, and the time it is served at.

        Raises NotFoundError for an unknown dashboard, InvalidRequestError for wrong parameters, and
        PayloadNotReadyError when the variant was never computed or is older than `max_stale`. While PostgreSQL or a
        store does not answer, what was found a while ago is believed; without it DependencyUnavailableError is raised.
        """
        now = self._clock()
        served = self._recent.get(slug, query, now)
        if served is None:
            served = self._look_up_or_believe(slug, query, now)
        if served.is_expired(now):
            raise PayloadNotReadyError(
                f"The data of {slug} was last checked at {served.checked_at.isoformat()}, "
                f"longer ago than its max_stale of {served.payload.max_stale_seconds} s.",
                remediation=self._explain_precompute(slug, query),
            )
        return served, now

    def choose_result(self, slug: str, query: str) -> ResultChoice:
        """The one result that the query string names with `query`; the rest of it chooses the variant.

        Raises as `find_payload` does, also when the query never succeeded, and InvalidRequestError unless
        exactly one of the queries is named.
        """
        pairs = parse_qsl(query, keep_blank_values=True)
        names = [value for key, value in pairs if key == QUERY_CHOICE]
        rest = [pair for pair in pairs if pair[0] != QUERY_CHOICE]
        variant = urlencode(rest)
        served, now = self.find_payload(slug, variant)
        payload = served.payload
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
                f"The query {names[0]} of {slug} never succeeded.",
                remediation=self._explain_precompute(slug, variant),
            )
        return ResultChoice(served, now, names[0], result)

    def read_stream(self, choice: ResultChoice) -> ResultStream:
        """The Arrow stream of a result. Raises PayloadNotReadyError when there is none."""
        slug, path = choice.served.payload.slug, choice.result.path
        try:
            stream = self._blobs.find(stream_key(slug, path), path, ResultStream.from_bytes)
        except UnreadableBlobError:
            stream = None
        if stream is None:
            raise PayloadNotReadyError(
                f"The result of {choice.name} was not kept as an Arrow stream: "
                "it has more than MAX_PAYLOAD_BYTES, or the stream is lost or damaged.",
                remediation='Run it again: POST /precompute {"slugs": ["' + slug + '"], "force": true}.',
            )
        return stream

    def _look_up_or_believe(self, slug: str, query: str, now: datetime) -> ServedPayload:
        """What is current; when nobody can say, what was current a while ago."""
        try:
            served = self._look_up(slug, query, now)
        except DependencyUnavailableError as error:
            believed = self._recent.believe(slug, query, now)
            if believed is None:
                raise
            # Counted: deploy/monitoring/log-metrics.json.
            _LOGGER.warning("A known answer is believed: %s", error.message, extra={"believed": "answer"})
            return believed
        self._recent.put(slug, query, served, now)
        return served

    def _look_up(self, slug: str, query: str, now: datetime) -> ServedPayload:
        head = self._find_head(slug)
        variant = hash_variant(_resolve(head, query))

        def find_pointer() -> tuple[Pointer, datetime] | None:
            found = self._database.quick.find_payload(slug, head.version, variant, now)
            return (Pointer(found[0], found[1]), found[2]) if found else None

        try:
            found = self._blobs.find_current(
                pointer_key(slug, variant, head.version),
                payload_key(slug, variant, head.version),
                find_pointer,
                Payload.from_bytes,
            )
        except UnreadableBlobError as error:
            self._database.quick.discard_payload(error.path)
            raise PayloadNotReadyError(
                f"The payload of version {head.version} of {slug} is damaged, in the cache and in the payload store.",
                remediation=f"{self._explain_precompute(slug, query)} It is made again from the results, for 0 bytes.",
            ) from error
        if found is None:
            raise PayloadNotReadyError(
                f"Version {head.version} of {slug} was not computed yet for these parameters.",
                remediation=self._explain_precompute(slug, query),
            )
        return ServedPayload(*found)

    def _find_head(self, slug: str) -> DashboardHead:
        head = self._heads.find_heads([slug])[0]
        if head is None:
            raise NotFoundError(f"There is no dashboard {slug!r}.", remediation="List them: GET /dashboards.")
        return head

    def _explain_precompute(self, slug: str, query: str) -> str:
        """The call that computes this variant: a refresh of the dashboard computes listed values only."""
        import shlex

        head = self._find_head(slug)
        values = _resolve(head, query)
        if head.lists(values):
            return f'Run it: POST /precompute {{"slugs": ["{slug}"]}}, or: almanac precompute {slug}.'
        body = json.dumps({"slug": slug, "parameters": values}, ensure_ascii=False)
        options = " ".join(
            f"--param {shlex.quote(f'{name}={text}')}" for name, text in _list_texts(head, values)
        )
        return f"Run it: POST /precompute/variant {body}, or: almanac precompute {slug} {options}."


def _resolve(head: DashboardHead, query: str) -> dict[str, ParameterValue]:
    return head.resolve_parameters(parse_qs(query, keep_blank_values=True))


def _list_texts(head: DashboardHead, values: Mapping[str, ParameterValue]) -> Iterator[tuple[str, str]]:
    """The values that are not defaults, as texts of a query string."""
    for parameter in head.parameters:
        value = values[parameter.name]
        if value != parameter.default:
            for one in value if isinstance(value, list) else [value]:
                yield parameter.name, one if isinstance(one, str) else json.dumps(one)
