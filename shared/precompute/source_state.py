"""What the data *was*: the last-modified times of the base tables a query reads."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.errors import AlmanacError
from shared.warehouse.guard.guard import QueryGuard
from shared.warehouse.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.tables import TableRef

_MAX_VIEW_DEPTH = 16
_BELIEVED_SECONDS = 5.0
_WATCHABLE = frozenset({"TABLE", "SNAPSHOT", "VIEW"})


@dataclass(frozen=True)
class SourceState:
    """`tables` maps each base table and view to when it last changed (RFC 3339).

    `watchable` is False when a change could go unseen: an external table, a wildcard, a table whose
    metadata could not be read, a statement that is not deterministic.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    watchable: bool = False

    def to_json(self) -> dict[str, object]:
        """The form kept beside a result."""
        return {"tables": dict(sorted(self.tables.items())), "watchable": self.watchable}


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
        wanted = {table for tables in table_sets.values() for table in tables}
        for _ in range(_MAX_VIEW_DEPTH):
            unread = sorted(table for table in wanted if table not in known and not table.is_wildcard)
            if not unread:
                break
            known.update(self._read(unread))
            wanted.update(base for table in unread for base in self._find_base_tables(known[table]))
        return {key: self._make_state(tables, known) for key, tables in table_sets.items()}

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

    def _find_base_tables(self, metadata: TableMetadata | AlmanacError) -> tuple[TableRef, ...]:
        if isinstance(metadata, AlmanacError) or metadata.view_sql is None:
            return ()
        dataset = f"{metadata.table.project}.{metadata.table.dataset}"
        try:
            return self._guard.check(metadata.view_sql, dataset).tables
        except AlmanacError:
            return ()

    def _make_state(
        self, tables: Sequence[TableRef], known: Mapping[TableRef, TableMetadata | AlmanacError]
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
            watchable = watchable and metadata.kind in _WATCHABLE
            bases = self._find_base_tables(metadata)
            watchable = watchable and (metadata.view_sql is None or bool(bases))
            pending.extend(bases)
        return SourceState(times, watchable)
