"""Encoded query results: durable in the payload store, indexed in PostgreSQL, quick in the cache."""

import hashlib
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from shared.cache.cache import Cache
from shared.dashboards.expansion import QueryUnit
from shared.dashboards.keys import query_key, result_path, stream_path
from shared.database.models.runs import QueryResult
from shared.database.unit_of_work import Database
from shared.errors import DependencyUnavailableError, InternalError, PayloadTooLargeError
from shared.precompute.arrow_stream import encode_arrow_stream
from shared.precompute.encoding import describe_type, encode_result
from shared.precompute.result_stream import ResultStream
from shared.precompute.source_state import SourceState
from shared.settings import Settings
from shared.storage.blob import BlobStore, BlobWrite
from shared.warehouse.models import QueryOutcome

_LOGGER = logging.getLogger(__name__)


class ResultStore:
    """Keeps and finds encoded results."""

    def __init__(
        self, database: Database, cache: Cache, open_store: Callable[[], BlobStore], settings: Settings
    ) -> None:
        self._database = database
        self._cache = cache
        self._open_store = open_store
        self._settings = settings

    def store(
        self, unit: QueryUnit, outcome: QueryOutcome, state: SourceState, as_of: datetime, fence: int
    ) -> QueryResult:
        """Keep a result that was read at `as_of`; the row that stands.

        A writer with an older `fence` than the stored result's changes nothing and gets that one's row. Raises
        PayloadTooLargeError naming the query when the fragment alone is over the payload bound.
        """
        fragment = encode_result(outcome.fields, outcome.result)
        limit = self._settings.max_payload_bytes
        if len(fragment) > limit:
            raise PayloadTooLargeError(
                f"The result of {unit.names[0]} has {len(fragment)} bytes encoded; at most {limit} are kept.",
                details=[{"query": unit.names[0], "bytes": len(fragment), "limit_bytes": limit}],
            )
        digest = hashlib.sha256(fragment).hexdigest()
        path = result_path(unit.fingerprint, digest)
        self._open_store().write_blobs(
            [*self._encode_stream(path, unit, outcome), BlobWrite(path, zlib.compress(fragment))],
            message=f"Result of {unit.names[0]}",
            author="precompute",
        )
        row = _make_row(unit, outcome, state, as_of, fence, path, digest, len(fragment))
        with self._database.begin() as uow:
            if uow.query_results.upsert_many([row]):
                uow.query_failures.forget_many({unit.fingerprint: fence})
                return row
            return uow.query_results.get_many([unit.fingerprint])[unit.fingerprint]

    def _encode_stream(self, path: str, unit: QueryUnit, outcome: QueryOutcome) -> list[BlobWrite]:
        """The Arrow stream's file. Only the charts must have their data: a stream over the bound is left out."""
        stream = encode_arrow_stream(outcome.fields, outcome.result)
        limit = self._settings.max_payload_bytes
        if len(stream) > limit:
            _LOGGER.warning(
                "%s has %d bytes as an Arrow stream; at most %d are kept", unit.names[0], len(stream), limit
            )
            return []
        return [BlobWrite(stream_path(path), ResultStream.encode(stream).to_bytes())]

    def load_fragments(self, rows: Sequence[QueryResult]) -> dict[str, bytes]:
        """The encoded fragments of results, by content digest. Costs no warehouse byte.

        Raises InternalError when one is gone from the payload store.
        """
        blobs = self._open_store().read_blobs([row.blob_path for row in rows])
        missing = [row.blob_path for row, blob in zip(rows, blobs, strict=True) if blob is None]
        if missing:
            raise InternalError(
                f"The payload store lost {', '.join(missing)}.",
                remediation='Run it again: POST /precompute {"slugs": […], "force": true}.',
            )
        return {
            row.content_sha256: zlib.decompress(blob.data)
            for row, blob in zip(rows, blobs, strict=True) if blob
        }  # fmt: skip

    def cache_fragments(self, slug: str, version: int, fragments: Mapping[str, bytes]) -> None:
        """Put fragments, by fingerprint, where the next reader finds them first."""
        items = {query_key(slug, key, version): zlib.compress(value) for key, value in fragments.items()}
        try:
            self._cache.set_many(items, self._settings.cache_ttl_seconds)
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; results are in the payload store only")


def _make_row(
    unit: QueryUnit,
    outcome: QueryOutcome,
    state: SourceState,
    as_of: datetime,
    fence: int,
    path: str,
    digest: str,
    byte_count: int,
) -> QueryResult:
    return QueryResult(
        fingerprint=unit.fingerprint,
        source_state=state.to_json(),
        as_of=as_of,
        checked_at=as_of,
        row_count=outcome.result.table.num_rows,
        byte_count=byte_count,
        truncated=outcome.result.truncated,
        columns=[{"name": field.name, "type": describe_type(field)} for field in outcome.fields],
        blob_path=path,
        content_sha256=digest,
        # What running it again would bill: a free answer (cached, or another's job) says so by what it saved.
        bytes_billed=outcome.receipt.bytes_billed or outcome.receipt.bytes_saved,
        last_job_id=outcome.job.job_id,
        fence=fence,
        refresh_error=None,
    )
