"""From one variant's results to its payload."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.dashboards.definition.document import Chart, MetricChart, TableChart
from shared.dashboards.keys import stream_path
from shared.dashboards.plans.expansion import VariantQueries
from shared.dashboards.saved.catalog import SavedDashboard
from shared.database.models.runs import QueryResult
from shared.errors import PayloadTooLargeError
from shared.precompute.assembly.served_receipt import describe_receipt
from shared.precompute.payload.encoding import close_fragment
from shared.precompute.payload.payload import Payload, PayloadResult, format_time
from shared.settings import Settings

_COMPACT = (",", ":")
_NO_RESULT = b'{"columns":[],"rows":0,"values":[],"truncated":false'


@dataclass(frozen=True)
class StoredResults:
    """What there is to build from, by fingerprint: rows, encoded fragments, and errors of what never succeeded."""

    rows: Mapping[str, QueryResult]
    fragments: Mapping[str, bytes]
    errors: Mapping[str, dict[str, object]]


class PayloadBuilder:
    """Builds payloads; knows neither cache nor store."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def build(
        self, dashboard: SavedDashboard, variant: VariantQueries, results: StoredResults
    ) -> Payload | None:
        """The payload of a variant; None when none of its queries has a result.

        Raises PayloadTooLargeError naming the largest query.
        """
        found = {name: results.rows.get(key) for name, key in variant.fingerprints.items()}
        present = [row for row in found.values() if row]
        if not present:
            return None
        as_of = min(row.as_of for row in present)
        queries = {name: _close(row, results, variant.fingerprints[name]) for name, row in found.items()}
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


def keep_with_error(
    payload: Payload, variant: VariantQueries, rows: Mapping[str, QueryResult], error: dict[str, object]
) -> Payload:
    """The last good payload, saying that it could not be replaced.

    The error stands at the queries whose newest result is not the one shown, at all when each of them is.
    """
    members: dict[str, Any] = json.loads(b"{" + payload.fragment.inflate() + b"}")
    queries = members["queries"]
    newer = [name for name in queries if _is_newer(rows.get(variant.fingerprints[name]), payload, name)]
    for name in newer or queries:
        queries[name]["refresh_error"] = error
    return payload.with_members(_dump(members)[1:-1], has_error=True)


def _is_newer(row: QueryResult | None, payload: Payload, name: str) -> bool:
    shown = payload.results.get(name)
    return row is not None and (shown is None or shown.path != stream_path(row.blob_path))


def _close(row: QueryResult | None, results: StoredResults, fingerprint: str) -> bytes:
    if row is None:
        never = {"code": "PAYLOAD_NOT_READY", "message": "Never computed."}
        return close_fragment(_NO_RESULT, None, results.errors.get(fingerprint, never))
    return close_fragment(results.fragments[fingerprint], format_time(row.as_of), row.refresh_error)


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
