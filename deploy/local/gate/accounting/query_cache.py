"""When BigQuery answers a query from its cache.

The rules: https://cloud.google.com/bigquery/docs/cached-results#cache-exceptions. Results are kept per
user there; a local stack has one, so the gate does not look at who asks.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from sqlglot import exp

from deploy.local.gate.ledger import Ledger, now_ms
from deploy.local.gate.reading.references import Sources
from deploy.local.gate.tables import Table
from deploy.local.gate.upstream import API, Upstream

MAX_AGE_MS = 24 * 3600 * 1000
STREAMING_BUFFER_MS = 90 * 60 * 1000
_CHANGING = (
    exp.CurrentDate,
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentUser,
    exp.Rand,
    exp.SessionParameter,
    exp.SessionUser,
    exp.TableSample,
    exp.Uuid,
)
_CHANGING_NAMES = {"EXTERNAL_QUERY", "NEW_KEYSET"}


class QueryCache:
    """Finds earlier results. It holds none: the emulator computes them again, and nobody pays."""

    def __init__(self, upstream: Upstream, ledger: Ledger) -> None:
        self._upstream = upstream
        self._ledger = ledger

    def key(self, project: str, query: Mapping[str, Any], tree: exp.Expr, sources: Sources) -> str | None:
        """What the result of this query is filed under; None when it may not come from a cache."""
        if not _wants_cache(query) or sources.has_wildcard or sources.has_metadata or changes_by_itself(tree):
            return None
        tables = [*sources.views, *(table for source in sources.by_key.values() for table in source.tables)]
        if self._has_streamed_rows(tables):
            return None
        asked = [project, query["query"], query.get("queryParameters"), query.get("defaultDataset")]
        versions = sorted({(str(table.name), repr(table.version)) for table in tables})
        return hashlib.sha256(json.dumps([asked, versions], sort_keys=True).encode()).hexdigest()

    async def has(self, key: str) -> bool:
        """Whether a job computed this within a day, and succeeded."""
        found = self._ledger.result(key, MAX_AGE_MS)
        if found is None:
            return False
        answer = await self._upstream.send("GET", f"{API}/projects/{found[0]}/jobs/{found[1]}")
        status = answer.json().get("status") or {} if answer.status_code == HTTPStatus.OK else {}
        return status.get("state") == "DONE" and "errorResult" not in status

    def _has_streamed_rows(self, tables: Iterable[Table]) -> bool:
        since = now_ms() - STREAMING_BUFFER_MS
        return any(self._ledger.streamed_since(table.name, since) for table in tables)


def _wants_cache(query: Mapping[str, Any]) -> bool:
    return query.get("useQueryCache") is not False and not query.get("destinationTable")


def changes_by_itself(tree: exp.Expr) -> bool:
    """Whether the same data can give another result tomorrow: CURRENT_DATE(), RAND() and the like."""
    if tree.find(*_CHANGING):
        return True
    return any(function.name.upper() in _CHANGING_NAMES for function in tree.find_all(exp.Anonymous))
