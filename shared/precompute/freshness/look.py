"""Whether stored results are still the answer: the rules, and one look at the sources of many queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.dashboards.definition.document import RefreshPolicy
from shared.dashboards.definition.schedule import is_due
from shared.database.models.runs import QueryResult
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.models.tables import TableRef, parse_table
from shared.warehouse.source_state import SourceState, SourceStateReader

_MOST_SAID = 3
"""Sources that a reason names, of those that cannot be watched."""


@dataclass(frozen=True)
class WatchedQuery:
    """A query to look at: what it reads, and the policies of the dashboards that share it."""

    fingerprint: str
    sql: str
    default_dataset: str | None
    policies: tuple[RefreshPolicy, ...]


@dataclass(frozen=True)
class Freshness:
    """`verified` says that the sources were looked at, not merely that the result is young."""

    unchanged: bool
    verified: bool
    reason: str


@dataclass(frozen=True)
class SourceLook:
    """What was seen at `looked_at`, by fingerprint.

    A job created before `newer_than` may have read other data than that: its answer does not do.
    """

    looked_at: datetime
    verdicts: Mapping[str, Freshness]
    newer_than: Mapping[str, datetime]


class SourceWatch:
    """Looks at sources."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock

    def look(
        self,
        queries: Sequence[WatchedQuery],
        stored: Mapping[str, QueryResult],
        sources: SourceStateReader,
        *,
        force: bool,
    ) -> SourceLook:
        """Compare each stored result with its sources."""
        # Before the look: what changes while we look was not seen.
        looked_at = self._clock()
        with start_span("precompute.source_state", {"almanac.queries": len(stored)}):
            states = self._read_states(queries, stored, sources)
        verdicts, newer_than = {}, {}
        for query in queries:
            row, state = stored.get(query.fingerprint), states.get(query.fingerprint)
            verdicts[query.fingerprint] = self._judge(query, row, state, force)
            newest = None if force else find_newest_change(row, state)
            newer_than[query.fingerprint] = newest or looked_at
        return SourceLook(looked_at, verdicts, newer_than)

    def _read_states(
        self, queries: Sequence[WatchedQuery], stored: Mapping[str, QueryResult], sources: SourceStateReader
    ) -> dict[str, SourceState]:
        table_sets = {}
        for query in queries:
            row = stored.get(query.fingerprint)
            tables = self._list_tables(query, row, sources) if row else None
            if tables is not None:
                table_sets[query.fingerprint] = tables
        return sources.read_states(table_sets)

    def _list_tables(
        self, query: WatchedQuery, row: QueryResult, sources: SourceStateReader
    ) -> list[TableRef] | None:
        """The tables and views to look at; None when they are not known."""
        project = self._settings.google_cloud_project
        tables = [parse_table(name, project, None) for name in row.source_state.get("tables", {})]
        if row.source_state.get("with_views"):
            return tables
        named = sources.find_tables(query.sql, query.default_dataset)
        return None if named is None else [*tables, *named]

    def _judge(
        self, query: WatchedQuery, row: QueryResult | None, state: SourceState | None, force: bool
    ) -> Freshness:
        """What the most demanding of the dashboards that share the query says."""
        now = self._clock()
        verdicts = [judge(row, state, policy, now, force=force) for policy in query.policies]
        return next((verdict for verdict in verdicts if not verdict.unchanged), verdicts[0])


def judge(
    stored: QueryResult | None,
    current: SourceState | None,
    policy: RefreshPolicy,
    now: datetime,
    *,
    force: bool,
) -> Freshness:
    """Compare a stored result with its sources as they are now.

    Sources that cannot be watched (external tables, rows that expire, CURRENT_DATE and its like) fall back to age:
    the result stands while it is younger than `max_age` and the schedule did not fire since. One that is gone, or is
    elsewhere, is no matter of age: the query is planned, which costs nothing, and BigQuery says what is wrong.
    """
    if stored is None:
        return Freshness(False, False, "never computed")
    if force:
        return Freshness(False, False, "forced")
    if current is None:
        return _judge_age(stored.as_of, policy, now, {})
    if lost := sorted(current.absent & stored.source_state.get("tables", {}).keys()):
        return Freshness(False, True, f"{', '.join(lost)} is not found any more")
    if has_moved(stored, current):
        return Freshness(False, True, "a source is in another location now")
    if has_changed(stored, current):
        return Freshness(False, True, "a source table changed")
    if stored.source_state.get("watchable") and current.watchable:
        return Freshness(True, True, "no source table changed")
    unwatched = {**stored.source_state.get("unwatched", {}), **current.unwatched}
    return _judge_age(stored.as_of, policy, now, unwatched)


def has_changed(stored: QueryResult, current: SourceState) -> bool:
    """True when a table has another time than the job saw, or one later than the job, or a wildcard other tables."""
    before: dict[str, str] = stored.source_state.get("tables", {})
    return _has_other_shards(stored, current) or any(
        datetime.fromisoformat(changed) >= stored.as_of if name not in before else before[name] != changed
        for name, changed in current.tables.items()
    )


def has_moved(stored: QueryResult, current: SourceState) -> bool:
    """True when a source is where none was when the job read them."""
    before: list[str] = stored.source_state.get("locations", [])
    return bool(before) and not set(current.locations) <= set(before)


def _has_other_shards(stored: QueryResult, current: SourceState) -> bool:
    before: dict[str, str] = stored.source_state.get("shards", {})
    return any(before.get(name, digest) != digest for name, digest in current.shards.items())


def _judge_age(
    as_of: datetime, policy: RefreshPolicy, now: datetime, unwatched: Mapping[str, str]
) -> Freshness:
    age = (now - as_of).total_seconds()
    why = "its sources cannot be watched"
    if unwatched:
        why += f" ({'; '.join(f'{name}: {reason}' for name, reason in list(unwatched.items())[:_MOST_SAID])})"
    if age > policy.max_age_seconds:
        return Freshness(False, False, f"older than max_age; {why}")
    # A schedule as long as max_age fires when the result is a few seconds younger.
    if policy.schedule and is_due(policy.schedule, policy.time_zone, as_of, now):
        return Freshness(False, False, f"the schedule fired; {why}")
    return Freshness(True, False, f"younger than max_age ({int(age)} s); {why}")


def find_newest_change(row: QueryResult | None, state: SourceState | None) -> datetime | None:
    """When the newest of the sources changed, by BigQuery's clock; None when they cannot be watched.

    A table less behind a wildcard is a change without a time.
    """
    if row is None or state is None or not (row.source_state.get("watchable") and state.watchable):
        return None
    if _has_other_shards(row, state):
        return None
    return max(map(datetime.fromisoformat, state.tables.values()), default=None)
