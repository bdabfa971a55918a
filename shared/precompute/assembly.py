"""From query results to the payloads that `/data` serves."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.cache.cache import Cache
from shared.dashboards.catalog import SavedDashboard
from shared.dashboards.document import Chart, MetricChart, TableChart
from shared.dashboards.expansion import Expansion, VariantQueries
from shared.dashboards.keys import payload_key, payload_path, stream_path
from shared.database.models.runs import Payload as PayloadRow
from shared.database.models.runs import QueryResult
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import AlmanacError, DependencyUnavailableError, InternalError, PayloadTooLargeError
from shared.precompute.encoding import close_fragment
from shared.precompute.payload import Payload, PayloadResult, format_time
from shared.precompute.receipts import describe_receipt
from shared.precompute.result_store import ResultStore
from shared.settings import Settings
from shared.storage.blob import BlobStore, BlobWrite

_LOGGER = logging.getLogger(__name__)
_COMPACT = (",", ":")
_NO_RESULT = b'{"columns":[],"rows":0,"values":[],"truncated":false'


@dataclass(frozen=True)
class AssemblyReport:
    """`ready` payloads of the dashboard's variants can be served; `byte_count` is their encoded size."""

    ready: int
    byte_count: int
    problems: tuple[AlmanacError, ...]


class PayloadAssembler:
    """Builds payloads from the results that are stored, whoever stored them."""

    def __init__(
        self,
        database: Database,
        results: ResultStore,
        cache: Cache,
        open_store: Callable[[], BlobStore],
        settings: Settings,
    ) -> None:
        self._database = database
        self._results = results
        self._cache = cache
        self._open_store = open_store
        self._settings = settings

    def assemble(
        self, dashboard: SavedDashboard, expansion: Expansion, errors: Mapping[str, dict[str, object]]
    ) -> AssemblyReport:
        """Build and keep the payload of every variant that has a result for at least one query.

        `errors` are the failures, by fingerprint, of queries that never had a result. The dashboard is locked
        meanwhile and the results are read under the lock: a worker that comes late builds from the newest
        results, not from its own. A result that the payload store lost is a problem of this dashboard, and
        keeps no other from being assembled.
        """
        try:
            return self._assemble(dashboard, expansion, errors)
        except InternalError as error:
            return AssemblyReport(0, 0, (error,))

    def _assemble(
        self, dashboard: SavedDashboard, expansion: Expansion, errors: Mapping[str, dict[str, object]]
    ) -> AssemblyReport:
        fingerprints = [unit.fingerprint for unit in expansion.units]
        with self._database.begin() as uow:
            uow.dashboards.lock_by_slugs([dashboard.slug])
            rows = uow.query_results.get_many(fingerprints)
            fragments = self._results.load_fragments(list(rows.values()))
            payloads: dict[str, Payload] = {}
            problems: list[AlmanacError] = []
            for variant in expansion.variants:
                try:
                    payload = self._build(dashboard, variant, rows, fragments, errors)
                except PayloadTooLargeError as error:
                    problems.append(error)
                    continue
                if payload:
                    payloads[variant.variant_hash] = payload
            self._keep(uow, dashboard, expansion, payloads)
        used = {row.fingerprint: fragments[row.content_sha256] for row in rows.values()}
        self._results.cache_fragments(dashboard.slug, dashboard.version, used)
        size = sum(payload.fragment.size for payload in payloads.values())
        return AssemblyReport(len(payloads), size, tuple(problems))

    def _build(
        self,
        dashboard: SavedDashboard,
        variant: VariantQueries,
        rows: Mapping[str, QueryResult],
        fragments: Mapping[str, bytes],
        errors: Mapping[str, dict[str, object]],
    ) -> Payload | None:
        found = {name: rows.get(fingerprint) for name, fingerprint in variant.fingerprints.items()}
        present = [row for row in found.values() if row]
        if not present:
            return None
        as_of = min(row.as_of for row in present)
        queries = {
            name: _close(row, fragments, errors.get(variant.fingerprints[name]))
            for name, row in found.items()
        }
        receipt = describe_receipt(present, self._settings.price_per_tib_usd)
        members = _join_members(dashboard, variant, as_of, receipt, queries)
        self._check_size(dashboard, members, queries)
        return Payload.encode(
            members,
            slug=dashboard.slug,
            version=dashboard.version,
            as_of=as_of,
            checked_at=min(row.checked_at for row in present),
            max_age_seconds=dashboard.definition.refresh.max_age_seconds,
            max_stale_seconds=dashboard.definition.refresh.max_stale_seconds,
            has_error=len(present) < len(found) or any(row.refresh_error for row in present),
            results={
                name: PayloadResult(stream_path(row.blob_path), row.as_of) if row else None
                for name, row in found.items()
            },
        )

    def _check_size(self, dashboard: SavedDashboard, members: bytes, queries: Mapping[str, bytes]) -> None:
        limit = self._settings.max_payload_bytes
        if len(members) <= limit:
            return
        largest = max(queries, key=lambda name: len(queries[name]))
        raise PayloadTooLargeError(
            f"The payload of {dashboard.slug} has {len(members)} bytes; at most {limit} are served. "
            f"The largest part is query {largest} with {len(queries[largest])} bytes.",
            details=[{"query": name, "bytes": len(part)} for name, part in queries.items()],
        )

    def _keep(
        self,
        uow: UnitOfWork,
        dashboard: SavedDashboard,
        expansion: Expansion,
        payloads: Mapping[str, Payload],
    ) -> None:
        if not payloads:
            return
        stored = {key: payload.to_bytes() for key, payload in payloads.items()}
        paths = {key: payload_path(dashboard.slug, dashboard.version, key) for key in payloads}
        self._open_store().write_blobs(
            [BlobWrite(paths[key], data) for key, data in stored.items()],
            message=f"Payloads of {dashboard.slug} version {dashboard.version}",
            author="precompute",
        )
        parameters = {variant.variant_hash: variant.parameters for variant in expansion.variants}
        uow.payloads.upsert_many(
            [
                PayloadRow(
                    dashboard_id=dashboard.dashboard_id, version=dashboard.version, variant_hash=key,
                    parameters=parameters[key], etag=payload.content_sha256, blob_path=paths[key],
                    as_of=payload.as_of, checked_at=payload.checked_at, byte_count=payload.fragment.size,
                )
                for key, payload in payloads.items()
            ]
        )  # fmt: skip
        try:
            self._cache.set_many(
                {payload_key(dashboard.slug, key, dashboard.version): data for key, data in stored.items()},
                self._settings.cache_ttl_seconds,
            )
        except DependencyUnavailableError:
            _LOGGER.warning("The cache cannot be reached; payloads are in the payload store only")


def _close(row: QueryResult | None, fragments: Mapping[str, bytes], error: dict[str, object] | None) -> bytes:
    if row is None:
        return close_fragment(
            _NO_RESULT, None, error or {"code": "PAYLOAD_NOT_READY", "message": "Never computed."}
        )
    return close_fragment(fragments[row.content_sha256], format_time(row.as_of), row.refresh_error)


def _join_members(
    dashboard: SavedDashboard,
    variant: VariantQueries,
    as_of: datetime,
    receipt: Mapping[str, object],
    queries: Mapping[str, bytes],
) -> bytes:
    definition = dashboard.definition
    head = {
        "slug": dashboard.slug,
        "version": dashboard.version,
        "title": definition.title,
        "description": definition.description,
        "parameters": variant.parameters,
        "as_of": format_time(as_of),
        "receipt": receipt,
        "charts": [_describe_chart(chart) for chart in definition.charts],
        "layout": [
            [{"chart": chart, "width": width} for chart, width in row] for row in definition.resolve_layout()
        ],
    }
    parts = b",".join(json.dumps(name).encode() + b":" + part for name, part in queries.items())
    return _dump(head)[1:-1] + b',"queries":{' + parts + b"}"


def _describe_chart(chart: Chart) -> dict[str, Any]:
    """The chart with its spec: Vega-Lite's for a drawn one, our own few keys for a metric or a table."""
    if isinstance(chart, MetricChart):
        spec: dict[str, Any] = {"type": "metric", "value": chart.value, "format": chart.format}
    elif isinstance(chart, TableChart):
        spec = {"type": "table"}
    else:
        optional = {"transform": chart.transform, "params": chart.params, "height": chart.height}
        spec = {"mark": chart.mark, "encoding": chart.encoding, **{k: v for k, v in optional.items() if v}}
    return {
        "id": chart.id,
        "title": chart.title,
        "query": chart.query,
        "description": chart.description,
        "spec": spec,
    }


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=_COMPACT, ensure_ascii=False).encode()
