"""Watching what passes through for changes of tables."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from deploy.local.gate.ledger import Ledger
from deploy.local.gate.tables import TableName
from deploy.local.gate.upstream import API, Upstream

_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable, exp.Create, exp.Drop, exp.Alter)
Targets = tuple[TableName, ...] | None
_HIDDEN_DATASET = "_results"


class Changes:
    """Notes in the ledger which tables jobs write to, when those jobs are done."""

    def __init__(self, upstream: Upstream, ledger: Ledger) -> None:
        self._upstream = upstream
        self._ledger = ledger
        self._pending: dict[tuple[str, str], Targets] = {}

    def note_job(self, job: Mapping[str, Any]) -> None:
        """Take note of a Job resource the emulator answered, whatever its state."""
        configuration, reference = job.get("configuration") or {}, job.get("jobReference") or {}
        if configuration.get("dryRun") or "jobId" not in reference:
            return
        targets = _targets(configuration, reference["projectId"])
        done = (job.get("status") or {}).get("state") == "DONE"
        self.note(reference["projectId"], reference["jobId"], targets, done=done)

    def note(self, project: str, job_id: str, targets: Targets, *, done: bool) -> None:
        """Take note of a job that writes to `targets` (None: nobody knows where)."""
        if targets == ():
            return
        if done:
            self._pending.pop((project, job_id), None)
            self._touch(targets)
        else:
            self._pending[(project, job_id)] = targets

    async def settle(self) -> None:
        """Ask after the jobs that were still running, and note the changes of those that ended."""
        for project, job_id in list(self._pending):
            answer = await self._upstream.send("GET", f"{API}/projects/{project}/jobs/{job_id}")
            if answer.status_code != HTTPStatus.OK or answer.json()["status"]["state"] == "DONE":
                self._touch(self._pending.pop((project, job_id), ()))

    def _touch(self, targets: Targets) -> None:
        if targets is None:
            self._ledger.touch_all()
        for name in targets or ():
            self._ledger.touch(name)


def _targets(configuration: Mapping[str, Any], project: str) -> Targets:
    for kind in ("load", "copy"):
        if part := configuration.get(kind):
            return _named([part.get("destinationTable")])
    if query := configuration.get("query"):
        return query_targets(query, project)
    return ()


def query_targets(query: Mapping[str, Any], project: str) -> Targets:
    """The tables a query configuration writes to; None when a script may write anywhere."""
    default = query.get("defaultDataset") or {}
    written = written_tables(
        query.get("query") or "", default.get("projectId") or project, default.get("datasetId")
    )
    return None if written is None else (*_named([query.get("destinationTable")]), *written)


def _named(references: Iterable[Mapping[str, str] | None]) -> tuple[TableName, ...]:
    given = [reference for reference in references if reference and "tableId" in reference]
    names = [
        TableName.from_rest(reference) for reference in given if reference["datasetId"] != _HIDDEN_DATASET
    ]
    # A load into one partition names it after a dollar sign.
    return tuple(name._replace(table=name.table.partition("$")[0]) for name in names)


def written_tables(sql: str, project: str, dataset: str | None) -> Targets:
    """The tables a statement changes: () for a SELECT, None when that cannot be told."""
    try:
        statements = [tree for tree in sqlglot.parse(sql, read="bigquery") if tree]
    except (SqlglotError, RecursionError):
        return None
    if all(isinstance(tree, exp.Query) for tree in statements):
        return ()
    targets = [_target(tree) for tree in statements]
    if any(target is None for target in targets):
        return None
    return tuple(
        TableName(target.catalog or project, target.db or dataset or "", target.name)
        for target in targets
        if target
    )


def _target(tree: exp.Expr) -> exp.Table | None:
    if not isinstance(tree, _WRITES) or isinstance(tree.this, exp.UserDefinedFunction):
        return None
    # DROP lists what it drops, in this release of the parser's.
    places = (
        tree.expressions if isinstance(tree, exp.TruncateTable) else tree.args.get("tables") or [tree.this]
    )
    place = places[0] if len(places) == 1 else None
    return place if place is None or isinstance(place, exp.Table) else place.find(exp.Table)
