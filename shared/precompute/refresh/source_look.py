"""One look at the sources of many queries: which results still stand, and how old a job's answer may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.database.models.runs import QueryResult
from shared.database.repositories.query_results import ResultCheck
from shared.database.unit_of_work import Database
from shared.precompute.freshness.rules import Freshness, judge
from shared.precompute.freshness.source_state import SourceState, SourceStateReader
from shared.precompute.refresh.tasks import RefreshTask
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.models.tables import TableRef, parse_table


@dataclass(frozen=True)
class SourceLook:
    """What was seen at `looked_at`, by fingerprint.

    A job created before `newer_than` may have read other data than that: its answer does not do.
    """

    looked_at: datetime
    verdicts: Mapping[str, Freshness]
    newer_than: Mapping[str, datetime]


class SourceWatch:
    """Looks at sources, and writes down that it did."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def look(
        self,
        tasks: Sequence[RefreshTask],
        stored: Mapping[str, QueryResult],
        sources: SourceStateReader,
        *,
        force: bool,
    ) -> SourceLook:
        """Compare each stored result with its sources."""
        # Before the look: what changes while we look was not seen.
        looked_at = self._clock()
        with start_span("precompute.source_state", {"almanac.queries": len(stored)}):
            states = self._read_states(tasks, stored, sources)
        verdicts, newer_than = {}, {}
        for task in tasks:
            row, state = stored.get(task.fingerprint), states.get(task.fingerprint)
            verdicts[task.fingerprint] = self._judge(task, row, state, force)
            newest = None if force else _find_newest_change(row, state)
            newer_than[task.fingerprint] = newest or looked_at
        return SourceLook(looked_at, verdicts, newer_than)

    def mark_checked(
        self, tasks: Sequence[RefreshTask], stored: Mapping[str, QueryResult], look: SourceLook
    ) -> None:
        """Only a look at the sources moves `checked_at`; being young is no look."""
        rows = [stored[task.fingerprint] for task in tasks if look.verdicts[task.fingerprint].verified]
        checks = [ResultCheck(row.fingerprint, row.fence, look.looked_at, row.refresh_error) for row in rows]
        with self._database.begin() as uow:
            uow.query_results.mark_checked_many(checks)

    def _read_states(
        self, tasks: Sequence[RefreshTask], stored: Mapping[str, QueryResult], sources: SourceStateReader
    ) -> dict[str, SourceState]:
        table_sets = {}
        for task in tasks:
            row = stored.get(task.fingerprint)
            tables = self._list_tables(task, row, sources) if row else None
            if tables is not None:
                table_sets[task.fingerprint] = tables
        return sources.read_states(table_sets)

    def _list_tables(
        self, task: RefreshTask, row: QueryResult, sources: SourceStateReader
    ) -> list[TableRef] | None:
        """The tables and views to look at; None when they are not known."""
        project = self._settings.google_cloud_project
        tables = [parse_table(name, project, None) for name in row.source_state.get("tables", {})]
        if row.source_state.get("with_views"):
            return tables
        named = sources.find_tables(task.unit.sql, task.payer.dashboard.definition.dataset)
        return None if named is None else [*tables, *named]

    def _judge(
        self, task: RefreshTask, row: QueryResult | None, state: SourceState | None, force: bool
    ) -> Freshness:
        """What the most demanding of the dashboards that share the query says."""
        now = self._clock()
        policies = [run.dashboard.definition.refresh for run, _ in task.uses]
        verdicts = [judge(row, state, policy, now, force=force) for policy in policies]
        return next((verdict for verdict in verdicts if not verdict.unchanged), verdicts[0])


def _find_newest_change(row: QueryResult | None, state: SourceState | None) -> datetime | None:
    """When the newest of the sources changed, by BigQuery's clock; None when they cannot be watched."""
    if row is None or state is None or not (row.source_state.get("watchable") and state.watchable):
        return None
    return max(map(datetime.fromisoformat, state.tables.values()), default=None)
