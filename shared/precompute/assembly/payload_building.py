"""From one variant's results to its payload.

An outline says everything about a payload but the results' values, which stand in it by their paths. So whether a
payload would say anything new, and how large it would be, is known without reading or compressing a single value.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from shared.dashboards.definition.document import Chart, DashboardDefinition, MetricChart, TableChart
from shared.dashboards.definition.parameter_values import hold_exactly
from shared.dashboards.keys import stream_path
from shared.dashboards.plans.expansion import VariantQueries
from shared.dashboards.saved.catalog import SavedDashboard
from shared.database.models.runs import QueryResult
from shared.errors import PayloadTooLargeError
from shared.json_values import JsonObject
from shared.precompute.payload.encoding import close_fragment
from shared.precompute.payload.payload import Payload, PayloadResult, format_time
from shared.settings import Settings
from shared.warehouse.spending.pricing import make_receipt

_COMPACT = (",", ":")
FORMAT = 2
"""Raised by a release that has to build every payload anew, though nothing that an outline shows has changed."""
_NO_RESULT = b'{"columns":[],"rows":0,"values":[],"truncated":false'
_NEVER_COMPUTED: JsonObject = {"code": "PAYLOAD_NOT_READY", "message": "Never computed."}


@dataclass(frozen=True)
class _QueryOutline:
    """One query of a payload: the result whose values are to stand before `end`; None when it has none."""

    row: QueryResult | None
    end: bytes

    @property
    def size(self) -> int:
        """Bytes in the payload."""
        return (self.row.byte_count if self.row else len(_NO_RESULT)) + len(self.end)


@dataclass(frozen=True)
class PayloadOutline:
    """A payload without the values of its results; `head` are the members of `data` before `queries`."""

    dashboard: SavedDashboard
    variant: VariantQueries
    head: bytes
    queries: Mapping[str, _QueryOutline]
    limit_bytes: int

    @property
    def results(self) -> list[QueryResult]:
        """The results there are, one per name; never empty."""
        return [query.row for query in self.queries.values() if query.row]

    @property
    def checked_at(self) -> datetime:
        """When the data was last known to be current, all of it."""
        return min(row.checked_at for row in self.results)

    @cached_property
    def refusal(self) -> PayloadTooLargeError | None:
        """Why it cannot be served, naming the largest query; None when it can."""
        names = sum(len(json.dumps(name)) + 2 for name in self.queries) - 1
        size = len(self.head) + len(b',"queries":{}') + names + sum(one.size for one in self.queries.values())
        if size <= self.limit_bytes:
            return None
        largest = max(self.queries, key=lambda name: self.queries[name].size)
        return PayloadTooLargeError(
            f"The payload of {self.dashboard.slug} has {size} bytes; at most {self.limit_bytes} are served. "
            f"The largest part is query {largest} with {self.queries[largest].size} bytes.",
            details=[{"query": name, "bytes": part.size} for name, part in self.queries.items()],
        )

    @cached_property
    def content_sha256(self) -> str:
        """Names the content. No path of a result is used twice, so it stands for the values that lie there."""
        policy = self.dashboard.definition.refresh
        parts = [
            self.head,
            json.dumps(
                [FORMAT, policy.max_age_seconds, policy.max_stale_seconds, bool(self.refusal)]
            ).encode(),
        ]
        for name, query in self.queries.items():
            path = query.row.blob_path if query.row else ""
            parts += [name.encode(), path.encode(), query.end]
        return hashlib.sha256(b"\n".join(parts)).hexdigest()

    def build(self, fragments: Mapping[str, bytes]) -> Payload:
        """The payload, with the encoded results by fingerprint."""
        definition = self.dashboard.definition
        return Payload.encode(
            self._join_members(fragments),
            slug=self.dashboard.slug,
            version=self.dashboard.version,
            as_of=min(row.as_of for row in self.results),
            max_age_seconds=definition.refresh.max_age_seconds,
            max_stale_seconds=definition.refresh.max_stale_seconds,
            has_error=any(one.row is None or one.row.refresh_error for one in self.queries.values()),
            content_sha256=self.content_sha256,
            results={
                name: PayloadResult(stream_path(one.row.blob_path), one.row.as_of) if one.row else None
                for name, one in self.queries.items()
            },
            source_states={name: one.row.source_state for name, one in self.queries.items() if one.row},
        )

    def amend(self, payload: Payload) -> Payload:
        """The last good `payload`, saying that it could not be replaced by this one, which is refused.

        The error stands at the queries whose newest result is not the one shown, at all when each of them is.
        """
        if self.refusal is None:
            raise ValueError("only what is refused leaves the payload of before in its place")
        members: dict[str, Any] = json.loads(b"{" + payload.fragment.inflate() + b"}")
        queries = members["queries"]
        for name in [name for name in queries if self._is_newer(name, payload)] or queries:
            queries[name]["refresh_error"] = {
                "code": self.refusal.code.value,
                "message": self.refusal.message,
            }
        return payload.with_members(_dump(members)[1:-1], has_error=True, content_sha256=self.content_sha256)

    def _join_members(self, fragments: Mapping[str, bytes]) -> bytes:
        parts: list[bytes] = [self.head, b',"queries":{']
        for index, (name, query) in enumerate(self.queries.items()):
            values = fragments[query.row.fingerprint] if query.row else _NO_RESULT
            parts += [b"," if index else b"", json.dumps(name).encode(), b":", values, query.end]
        return b"".join([*parts, b"}"])

    def _is_newer(self, name: str, payload: Payload) -> bool:
        row, shown = self.queries[name].row, payload.results.get(name)
        return row is not None and (shown is None or shown.path != stream_path(row.blob_path))


def outline_payload(
    dashboard: SavedDashboard,
    variant: VariantQueries,
    rows: Mapping[str, QueryResult],
    errors: Mapping[str, JsonObject],
    settings: Settings,
) -> PayloadOutline | None:
    """The payload of a variant from results by fingerprint; None when none of its queries has one.

    `errors` are why queries failed that never had a result.
    """
    found = {name: rows.get(key) for name, key in variant.fingerprints.items()}
    present = [row for row in found.values() if row]
    if not present:
        return None
    queries = {
        name: _QueryOutline(row, _end_query(row, errors.get(variant.fingerprints[name], _NEVER_COMPUTED)))
        for name, row in found.items()
    }
    head = _describe_head(dashboard.definition, dashboard.version, variant, present, settings)
    return PayloadOutline(dashboard, variant, head, queries, settings.max_payload_bytes)


def _end_query(row: QueryResult | None, error: JsonObject) -> bytes:
    if row is None:
        return close_fragment(b"", None, error)
    return close_fragment(b"", format_time(row.as_of), row.refresh_error)


def _describe_head(
    definition: DashboardDefinition,
    version: int,
    variant: VariantQueries,
    present: list[QueryResult],
    settings: Settings,
) -> bytes:
    head = {
        "slug": definition.slug,
        "version": version,
        "title": definition.title,
        "description": definition.description,
        "time_zone": definition.drawn_time_zone,
        "parameters": {name: hold_exactly(value) for name, value in variant.parameters.items()},
        "as_of": format_time(min(row.as_of for row in present)),
        "receipt": describe_receipt(present, settings.usd_per_tib),
        "charts": [_describe_chart(chart) for chart in definition.charts],
        "layout": [
            [{"chart": chart, "width": width} for chart, width in row] for row in definition.resolve_layout()
        ],
    }
    return _dump(head)[1:-1]


def describe_receipt(rows: Iterable[QueryResult], usd_per_tib: Decimal | None) -> dict[str, object]:
    """What an answer would have cost without precompute: nothing billed, and saved what the queries would bill.

    That is what each of them billed when it ran last, or would have without BigQuery's cache. Queries under
    several names count once. Made at precompute, at the price of that moment: serving stays free of work.
    """
    cost = sum({row.fingerprint: row.bytes_billed for row in rows}.values())
    receipt = make_receipt(usd_per_tib, estimated=cost, billed=0, saved=cost, cache_hit=True)
    return {
        name: format(value, "f") if isinstance(value, Decimal) else value
        for name, value in vars(receipt).items()
    }


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
