"""Encoded query results: durable in the payload store, indexed in PostgreSQL, quick in the cache."""

import hashlib
import logging
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from shared.dashboards.keys import query_key, result_path, stream_path
from shared.dashboards.plans.expansion import QueryUnit
from shared.database.models.runs import QueryResult
from shared.database.unit_of_work import Database
from shared.errors import InternalError, PayloadTooLargeError
from shared.precompute.payload.cached_blobs import CachedBlobs
from shared.precompute.payload.encoding import describe_type, encode_arrow_stream, iterate_encoded
from shared.precompute.payload.payload import ResultStream
from shared.settings import Settings
from shared.storage.blob import BlobStore, BlobWrite
from shared.warehouse.models.queries import QueryOutcome
from shared.warehouse.source_state import SourceState

REPLACED_KEPT_FOR = timedelta(days=1)
"""How long a replaced result stays: payloads of other dashboards name its Arrow stream until they are refreshed."""
_LOGGER = logging.getLogger(__name__)


class ResultStore:
    """Keeps and finds encoded results."""

    def __init__(
        self,
        database: Database,
        blobs: CachedBlobs,
        store: BlobStore,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._store = store
        self._settings = settings
        self._clock = clock

    def store(
        self, unit: QueryUnit, outcome: QueryOutcome, state: SourceState, as_of: datetime, fence: int
    ) -> QueryResult:
        """Keep a result that was read at `as_of`; the row that stands.

        A writer with an older `fence` than the stored result's changes nothing and gets that one's row. Raises
        PayloadTooLargeError naming the query when the result was not read whole, or the fragment alone is over the
        payload bound.
        """
        fragment = self._encode_fragment(unit.names[0], outcome)
        digest = hashlib.sha256(fragment).hexdigest()
        path = result_path(unit.fingerprint, digest, uuid4())
        self._store.write_blobs(
            [*self._encode_stream(path, unit, outcome), BlobWrite(path, zlib.compress(fragment))],
            message=f"Result of {unit.names[0]}",
            author="precompute",
        )
        row = _make_row(unit, outcome, state, as_of, fence, path, digest, len(fragment))
        return self._keep(row)

    def _encode_fragment(self, name: str, outcome: QueryOutcome) -> bytes:
        result = outcome.result
        if result.max_bytes is not None:
            raise _refuse_size(
                f"The result of {name} is too large: its first {result.table.num_rows + 1} of {result.total_rows} rows "
                f"have more than {result.max_bytes} bytes, and no more are read.",
                name,
                result.max_bytes,
            )
        limit = self._settings.max_payload_bytes
        parts: list[bytes] = []
        for part in iterate_encoded(outcome.fields, result):
            parts.append(part)
            if sum(map(len, parts)) > limit:
                raise _refuse_size(
                    f"The result of {name} has more than {limit} bytes encoded; at most {limit} are kept.",
                    name,
                    limit,
                )
        return b"".join(parts)

    def _keep(self, row: QueryResult) -> QueryResult:
        """The row that stands; the files of the one it replaces, or the refused one's, are done for."""
        with self._database.begin() as uow:
            before = uow.query_results.lock_many([row.fingerprint]).get(row.fingerprint)
            stored = uow.query_results.upsert_many([row])
            lost = before.blob_path if before and stored else row.blob_path
            if before or not stored:
                uow.expired_blobs.add_many(list_result_paths([lost]), self._clock() + REPLACED_KEPT_FOR)
            if stored:
                uow.query_failures.forget_many({row.fingerprint: row.fence})
                return row
            return uow.query_results.get_many([row.fingerprint])[row.fingerprint]

    def _encode_stream(self, path: str, unit: QueryUnit, outcome: QueryOutcome) -> list[BlobWrite]:
        """The Arrow stream's file. Only the charts must have their data: a stream over the bound is left out."""
        limit = self._settings.max_payload_bytes
        # Its columns are what a stream is made of: what is too large already is not copied to find out.
        size = outcome.result.table.nbytes
        stream = encode_arrow_stream(outcome.fields, outcome.result) if size <= limit else b""
        if max(size, len(stream)) > limit:
            _LOGGER.warning(
                "%s has %d bytes as an Arrow stream; at most %d are kept",
                unit.names[0], max(size, len(stream)), limit,
            )  # fmt: skip
            return []
        return [BlobWrite(stream_path(path), ResultStream.encode(stream).to_bytes())]

    def load_fragments(self, slug: str, version: int, rows: Mapping[str, QueryResult]) -> dict[str, bytes]:
        """The encoded fragments of results, by fingerprint; the cache has them from then on.

        Costs no warehouse byte. Raises InternalError when one is gone from the payload store, or damaged there.
        """
        keys = {query_key(slug, key, version): row.blob_path for key, row in rows.items()}
        digests = {row.blob_path: row.content_sha256 for row in rows.values()}
        found = self._blobs.read_many(keys, lambda path, data: _inflate(data, digests[path]))
        missing = [row.blob_path for row in rows.values() if row.blob_path not in found]
        if missing:
            raise InternalError(
                f"The payload store lost or damaged {', '.join(missing)}.",
                remediation='Run it again: POST /precompute {"slugs": […], "force": true}.',
            )
        return {key: found[row.blob_path] for key, row in rows.items()}


def _inflate(data: bytes, content_sha256: str) -> bytes:
    """The fragment. Raises ValueError when it is not the one that `content_sha256` names."""
    try:
        fragment = zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(f"damaged: {error}") from error
    if hashlib.sha256(fragment).hexdigest() != content_sha256:
        raise ValueError("damaged: its checksum is not that of its bytes")
    return fragment


def bound_result_bytes(settings: Settings) -> int:
    """How many bytes of a result are read, as Arrow holds them: texts that repeat take a part of that encoded.

    The results that a process of the manifest's concurrency and WAREHOUSE_PARALLELISM may hold at once fit into its
    memory by this.
    """
    return 4 * settings.max_payload_bytes


def _refuse_size(message: str, query_name: str, limit_bytes: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        message,
        remediation="Aggregate in SQL, select fewer or shorter columns, or lower the query's max_rows; "
        "MAX_PAYLOAD_BYTES is the environment's bound.",
        details=[{"query": query_name, "limit_bytes": limit_bytes}],
    )


def list_result_paths(blob_paths: Iterable[str]) -> list[str]:
    """The files of results: the encoded fragment and, beside it, the Arrow stream."""
    return [path for blob_path in blob_paths for path in (blob_path, stream_path(blob_path))]


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
