"""What Google does to BigQuery's answers and the emulator behind our gate does not.

Facts of the REST reference (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job) and of answers that others
published: fields without a value are left out, a table with row-level security tells no bytes, an external one tells
the least they can be, a wildcard is one table, and a refusal names its place and what may have been meant.
"""

import difflib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from deploy.checks.discovery import load_api

_API_PATH = re.compile(r"^/(?:upload/)?bigquery/v2/")
# Google's own client sends it, and Google takes it.
_UNDOCUMENTED = frozenset({"projection"})
_BYTES = ("totalBytesProcessed", "totalBytesBilled")
_UNKNOWN_NAME = re.compile(r"Unrecognized name: `?(?P<name>\w+)`?(?!.* at \[)")


@dataclass
class GoogleShape:
    """Shapes answers, and holds every body that passes against Google's discovery document.

    `hides_bytes`: as for tables with row-level security. `accuracy`: what dry runs say of their estimate. `names` are
    what a refusal may suggest. `wildcards` are prefixes that a view reads, `tables` members that tables.get answers
    beside the emulator's, by the table's name. `faults` lists the fields that Google does not know.
    """

    hides_bytes: bool = False
    accuracy: str = "PRECISE"
    names: list[str] = field(default_factory=list)
    wildcards: list[str] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def mark(self, sent: bytes) -> bytes:
        """The same query as another text, so that the cache of the gate does not know it from other tests."""
        if not _read_sql(sent):
            return sent
        body = json.loads(sent)
        body["configuration"]["query"]["query"] += "\n-- at Google"
        return json.dumps(body).encode()

    def shape(self, method: str, path: str, sent: bytes, status: int, answer: bytes) -> bytes:
        """The answer as Google would give it."""
        if not answer.strip().startswith(b"{"):
            return answer
        body = _drop_empty(json.loads(answer))
        if "statistics" in body:
            self._shape_job(body, _read_sql(sent) or _read_sql(answer))
        elif status >= 400 and (sql := _read_sql(sent)):
            _place(body["error"], sql, self.names)
        elif body.get("kind") == "bigquery#table":
            body |= self.tables.get(body["tableReference"]["tableId"], {})
        self._check(method, path, sent, status, body)
        return json.dumps(body).encode()

    def _shape_job(self, job: dict[str, Any], sql: str) -> None:
        query = job["statistics"].get("query", {})
        if job.get("configuration", {}).get("dryRun"):
            query["totalBytesProcessedAccuracy"] = self.accuracy
        if self.hides_bytes:
            for holder in (job["statistics"], query):
                for name in _BYTES:
                    holder.pop(name, None)
        if query.get("cacheHit"):
            # https://cloud.google.com/bigquery/docs/information-schema-jobs#schema, referenced_tables
            query.pop("referencedTables", None)
        for pattern in [*self.wildcards, *re.findall(r"[\w.]*?(\w+)\*", sql)]:
            tables = query.get("referencedTables", [])
            matching = [one for one in tables if one["tableId"].startswith(pattern)]
            if matching:
                rest = [one for one in tables if one not in matching]
                query["referencedTables"] = [*rest, {**matching[0], "tableId": f"{pattern}*"}]

    def _check(self, method: str, path: str, sent: bytes, status: int, body: dict[str, Any]) -> None:
        api = load_api("bigquery", "v2")
        path, _, query = path.partition("?")
        found = api.find_method(method, _API_PATH.sub("", path))
        if found is None:
            self.faults.append(f"{method} {path} is no method of BigQuery's")
            return
        known = {part.partition("=")[0] for part in query.split("&") if part}
        self.faults += [
            f"{found.id}: no parameter {name}" for name in known - found.parameters - _UNDOCUMENTED
        ]
        if found.request and sent.startswith(b"{"):
            self.faults += [
                f"{found.id} sent {one}" for one in api.find_faults(found.request, json.loads(sent))
            ]
        if found.response and status < 400:
            self.faults += [f"{found.id} answered {one}" for one in api.find_faults(found.response, body)]


def _drop_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _drop_empty(one) for name, one in value.items() if one is not None and one != []}
    return value


def _read_sql(body: bytes) -> str:
    if not body.strip().startswith(b"{"):
        return ""
    return str(json.loads(body).get("configuration", {}).get("query", {}).get("query", ""))


def _place(error: dict[str, Any], sql: str, names: list[str]) -> None:
    """Add what may have been meant, and line and column, to a refusal that names a name."""
    found = _UNKNOWN_NAME.search(error["message"])
    place = found and re.search(rf"\b{found['name']}\b", sql)
    if not found or not place:
        return
    line = sql.count("\n", 0, place.start()) + 1
    column = place.start() - (sql.rfind("\n", 0, place.start()) + 1) + 1
    near = difflib.get_close_matches(found["name"], names, n=1)
    meant = f"; Did you mean {near[0]}?" if near else ""
    message = f"Unrecognized name: {found['name']}{meant} at [{line}:{column}]"
    error["message"] = message
    for one in error.get("errors", []):
        one["message"] = message
