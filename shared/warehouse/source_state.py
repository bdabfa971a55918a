"""What the data *was*: the last-modified times of the base tables a query reads."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.errors import AlmanacError
from shared.warehouse.bigquery.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from shared.warehouse.models.tables import TableRef

_MAX_VIEW_DEPTH = 16
_BELIEVED_SECONDS = 5.0
_WATCHABLE = frozenset({"TABLE", "SNAPSHOT"})
UNKNOWN = ""
"""In place of a table's time: it changed while the job ran, and nobody knows which of its rows the job saw."""


@dataclass(frozen=True)
class SourceState:
    """`tables` maps each base table and view to when it last changed (RFC 3339).

    `watchable` is False when a change could go unseen: an external table, a wildcard, a table that rows are
    streamed into, one whose metadata could not be read, a statement or view that is not deterministic.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    watchable: bool = False

    def limit_to(self, as_of: datetime, *, deterministic: bool) -> "SourceState":
        """What a job that began at `as_of` saw of this state, which was read after it.

        A table changed since then, in the very instant included, may hold rows that the job did not see.
        """
        seen = {
            name: changed if datetime.fromisoformat(changed) < as_of else UNKNOWN
            for name, changed in self.tables.items()
        }
        return SourceState(seen, self.watchable and deterministic)

    def to_json(self) -> dict[str, object]:
        """The form kept beside a result."""
        return {
            "tables": dict(sorted(self.tables.items())),
            "watchable": self.watchable,
            # Results of before were stored without the views their SQL names, which BigQuery does not list.
            "with_views": True,
        }


class SourceStateReader:
    """Reads source states, each table's metadata once per call."""

    def __init__(
        self, metadata: TableMetadataReader, guard: QueryGuard, *, believed_seconds: float = 0.0
    ) -> None:
        self._metadata = metadata
        self._guard = guard
        self._believed_seconds = believed_seconds
        self._recent: dict[TableRef, tuple[TableMetadata, float]] = {}

    def begin_refresh(self) -> "SourceStateReader":
        """A reader for one refresh, by one thread, that believes what it read for some seconds.

        A state from before a job began is as good as one from after it: if the table changed in between, it
        differs from the state at the next refresh, and the query runs once more than it had to.
        """
        return SourceStateReader(self._metadata, self._guard, believed_seconds=_BELIEVED_SECONDS)

    def read_states(self, table_sets: Mapping[str, Sequence[TableRef]]) -> dict[str, SourceState]:
        """The state of each set of tables, by the caller's keys; views are followed to their base tables."""
        known: dict[TableRef, TableMetadata | AlmanacError] = {}
        views: dict[TableRef, GuardedQuery | None] = {}
        wanted = {table for tables in table_sets.values() for table in tables}
        for _ in range(_MAX_VIEW_DEPTH):
            unread = sorted(table for table in wanted if table not in known and not table.is_wildcard)
            if not unread:
                break
            known.update(self._read(unread))
            views.update({table: self._read_view(known[table]) for table in unread})
            wanted.update(base for table in unread for base in _list_bases(views[table]))
        return {key: _make_state(tables, known, views) for key, tables in table_sets.items()}

    def find_tables(self, sql: str, default_dataset: str | None) -> tuple[TableRef, ...] | None:
        """The tables and views that the text of a query names; None when the guard refuses it today."""
        try:
            return self._guard.check(sql, default_dataset).tables
        except AlmanacError:
            return None

    def _read(self, tables: Sequence[TableRef]) -> dict[TableRef, TableMetadata | AlmanacError]:
        now = time.monotonic()
        found: dict[TableRef, TableMetadata | AlmanacError] = {
            table: self._recent[table][0]
            for table in tables
            if table in self._recent and now < self._recent[table][1]
        }
        unread = [table for table in tables if table not in found]
        for table, metadata in zip(unread, self._metadata.read_tables(unread), strict=True):
            found[table] = metadata
            if isinstance(metadata, TableMetadata):
                self._recent[table] = (metadata, now + self._believed_seconds)
        return found

    def _read_view(self, metadata: TableMetadata | AlmanacError) -> GuardedQuery | None:
        """A view's query; None for what is no view, and for one whose query the guard does not understand."""
        if isinstance(metadata, AlmanacError) or metadata.view_sql is None:
            return None
        dataset = f"{metadata.table.project}.{metadata.table.dataset}"
        try:
            return self._guard.check(metadata.view_sql, dataset)
        except AlmanacError:
            return None


def _make_state(
    tables: Sequence[TableRef],
    known: Mapping[TableRef, TableMetadata | AlmanacError],
    views: Mapping[TableRef, GuardedQuery | None],
) -> SourceState:
    times: dict[str, str] = {}
    watchable = True
    pending = list(tables)
    while pending:
        table = pending.pop()
        if str(table) in times:
            continue
        metadata = known.get(table)
        if not isinstance(metadata, TableMetadata) or metadata.modified_at is None:
            return SourceState()
        times[str(table)] = metadata.modified_at.isoformat()
        view = views.get(table)
        watchable = watchable and _is_watchable(metadata, view)
        pending.extend(_list_bases(view))
    return SourceState(times, watchable)


def _list_bases(view: GuardedQuery | None) -> tuple[TableRef, ...]:
    return view.tables if view else ()


def _is_watchable(metadata: TableMetadata, view: GuardedQuery | None) -> bool:
    """True when every change of what a query reads here moves the time of a table that is looked at."""
    if metadata.view_sql is not None:
        return view is not None and view.deterministic and bool(view.tables)
    # Streamed rows are queried at once and move the table's time when they leave the buffer, perhaps minutes later:
    # https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability
    return metadata.kind in _WATCHABLE and not metadata.has_streaming_buffer
