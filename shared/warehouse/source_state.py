"""What the data *was*: when the tables, views and wildcards that a query reads last changed."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from shared.errors import AlmanacError, SqlInvalidError, TableNotAllowedError
from shared.warehouse.bigquery.metadata import ListedTable, TableMetadata, TableMetadataReader
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from shared.warehouse.models.tables import TableRef

MAX_SHARDS = 400
"""Tables behind one wildcard that are looked at: a year of days, each a call. Google allows 100 a second."""
_MAX_LISTED = 10_000
_MAX_VIEW_DEPTH = 16
_BELIEVED_SECONDS = 5.0
_KINDS_NOT_WATCHED = {
    "EXTERNAL": "an external table changes outside of BigQuery",
    "MATERIALIZED_VIEW": "a materialized view is renewed at BigQuery's own times",
}
_KINDS_WATCHED = frozenset({"TABLE", "SNAPSHOT", "VIEW"})
UNKNOWN = ""
"""In place of a table's time: it changed while the job ran, and nobody knows which of its rows the job saw."""


@dataclass(frozen=True)
class SourceState:
    """`tables` maps each table, view and wildcard to when it last changed (RFC 3339).

    `watchable` is False when a change could go unseen; `unwatched` says of which sources, and why. `shards` maps each
    wildcard to a digest of the tables it stands for, `locations` are where the sources are. `absent` are sources that
    BigQuery does not have, or does not show to us. `shapes` maps each source to a digest of what a plan hangs on beside
    its time: kind, columns, partitions, size.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    watchable: bool = False
    unwatched: Mapping[str, str] = field(default_factory=dict)
    shards: Mapping[str, str] = field(default_factory=dict)
    locations: tuple[str, ...] = ()
    absent: frozenset[str] = frozenset()
    shapes: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that is known of the sources: equal for sources that did not change."""
        known = [self.to_json(), dict(self.shapes)]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def is_from_before(self, moment: datetime) -> bool:
        """True when no source changed since, in the very instant included."""
        return all(datetime.fromisoformat(changed) < moment for changed in self.tables.values())

    def limit_to(self, as_of: datetime, *, deterministic: bool) -> "SourceState":
        """What a job that began at `as_of` saw of this state, which was read after it.

        A table changed since then, in the very instant included, may hold rows that the job did not see.
        """
        seen = {
            name: changed if datetime.fromisoformat(changed) < as_of else UNKNOWN
            for name, changed in self.tables.items()
        }
        return replace(self, tables=seen, watchable=self.watchable and deterministic)

    def to_json(self) -> dict[str, object]:
        """The form kept beside a result."""
        return {
            "tables": dict(sorted(self.tables.items())),
            "watchable": self.watchable,
            "unwatched": dict(self.unwatched),
            "shards": dict(sorted(self.shards.items())),
            "locations": list(self.locations),
            # Results of before were stored without the views their SQL names, which BigQuery does not list.
            "with_views": True,
        }


@dataclass(frozen=True)
class _Source:
    """One table, view or wildcard: when it changed, what it reads, and why it cannot be watched."""

    changed_at: datetime | None = None
    bases: tuple[TableRef, ...] = ()
    obstacle: str | None = None
    shards: str | None = None
    location: str | None = None
    is_absent: bool = False
    shape: str = ""


_TOO_DEEP = _Source(obstacle=f"it lies below more than {_MAX_VIEW_DEPTH} views")


class SourceStateReader:
    """Reads source states, each table's metadata once per call. The calls are tables.get and tables.list: free."""

    def __init__(
        self, metadata: TableMetadataReader, guard: QueryGuard, *, believed_seconds: float = 0.0
    ) -> None:
        self._metadata = metadata
        self._guard = guard
        self._believed_seconds = believed_seconds
        self._recent: dict[TableRef, tuple[TableMetadata, float]] = {}
        self._recent_lists: dict[tuple[str, str], tuple[list[ListedTable], float]] = {}
        self._first_shards: dict[TableRef, str] = {}

    def begin_refresh(self) -> "SourceStateReader":
        """A reader for one refresh or plan, by one thread, that believes what it read for some seconds.

        A state from before a job began is as good as one from after it: if the table changed in between, it
        differs from the state at the next refresh, and the query runs once more than it had to.
        """
        return SourceStateReader(self._metadata, self._guard, believed_seconds=_BELIEVED_SECONDS)

    def read_states(self, table_sets: Mapping[str, Sequence[TableRef]]) -> dict[str, SourceState]:
        """The state of each set of tables, by the caller's keys; views and wildcards are followed to their tables."""
        known: dict[TableRef, _Source] = {}
        wanted = {table for tables in table_sets.values() for table in tables}
        for _ in range(_MAX_VIEW_DEPTH):
            unread = sorted(wanted - known.keys())
            if not unread:
                break
            known.update(self._read_sources(unread))
            wanted.update(base for table in unread for base in known[table].bases)
        return {key: _make_state(tables, known) for key, tables in table_sets.items()}

    def find_tables(self, sql: str, default_dataset: str | None) -> tuple[TableRef, ...] | None:
        """The tables and views that the text of a query names; None when the guard refuses it today."""
        try:
            return self._guard.check(sql, default_dataset).tables
        except AlmanacError:
            return None

    def _read_sources(self, tables: Sequence[TableRef]) -> dict[TableRef, _Source]:
        wildcards = [table for table in tables if table.is_wildcard]
        plain = [table for table in tables if not table.is_wildcard and not table.is_metadata]
        shards = {table: self._list_shards(table) for table in wildcards}
        listed = {one for found in shards.values() if isinstance(found, list) for one in found}
        answers = self._read({*plain, *listed})
        metadata = _Source(obstacle="metadata changes without being modified")
        return {
            **dict.fromkeys((table for table in tables if table.is_metadata), metadata),
            **{table: self._examine(answers[table]) for table in plain},
            **{table: self._examine_shards(table, found, answers) for table, found in shards.items()},
        }

    def _read(self, tables: Iterable[TableRef]) -> dict[TableRef, TableMetadata | AlmanacError]:
        now = time.monotonic()
        wanted = sorted(tables)
        found: dict[TableRef, TableMetadata | AlmanacError] = {
            table: self._recent[table][0]
            for table in wanted
            if table in self._recent and now < self._recent[table][1]
        }
        unread = [table for table in wanted if table not in found]
        for table, metadata in zip(unread, self._metadata.read_tables(unread), strict=True):
            found[table] = metadata
            if isinstance(metadata, TableMetadata):
                self._recent[table] = (metadata, now + self._believed_seconds)
        return found

    def _list_shards(self, wildcard: TableRef) -> list[TableRef] | str:
        """The tables a wildcard stands for, or why that cannot be said. It stands for no view."""
        listed = self._list_dataset(wildcard.project, wildcard.dataset)
        if isinstance(listed, AlmanacError):
            return f"its dataset cannot be listed ({listed.code})"
        if len(listed) >= _MAX_LISTED:
            return f"its dataset has {_MAX_LISTED} tables or more"
        shards = [one.table for one in listed if one.kind == "TABLE" and wildcard.covers(one.table)]
        return shards if len(shards) <= MAX_SHARDS else f"it stands for more than {MAX_SHARDS} tables"

    def _list_dataset(self, project: str, dataset: str) -> list[ListedTable] | AlmanacError:
        now = time.monotonic()
        listed, until = self._recent_lists.get((project, dataset), ([], 0.0))
        if now < until:
            return listed
        answer = self._metadata.list_tables(project, dataset, _MAX_LISTED)
        if not isinstance(answer, AlmanacError):
            self._recent_lists[project, dataset] = (answer, now + self._believed_seconds)
        return answer

    def _examine_shards(
        self,
        wildcard: TableRef,
        shards: list[TableRef] | str,
        answers: Mapping[TableRef, TableMetadata | AlmanacError],
    ) -> _Source:
        """A wildcard as one source: as new as its newest table, and another one with a table more or less."""
        if isinstance(shards, str):
            return _Source(obstacle=shards)
        sources = [self._examine(answers[shard]) for shard in shards]
        times = [source.changed_at for source in sources if source.changed_at is not None]
        obstacles = (f"{shard.table}: {source.obstacle}" for shard, source in zip(shards, sources, strict=True)
                     if source.obstacle)  # fmt: skip
        digest = hashlib.sha256("\n".join(sorted(shard.table for shard in shards)).encode()).hexdigest()
        # A table dropped while the job ran leaves no time behind: then nobody knows which tables the job saw.
        is_steady = self._first_shards.setdefault(wildcard, digest) == digest
        return _Source(
            changed_at=max(times, default=None),
            obstacle=next(obstacles, None),
            shards=digest if is_steady else UNKNOWN,
            location=next((source.location for source in sources), None),
            is_absent=not shards,
            shape=_digest(
                sorted(
                    (shard.table, source.shape, str(source.changed_at))
                    for shard, source in zip(shards, sources, strict=True)
                )
            ),
        )

    def _examine(self, answer: TableMetadata | AlmanacError) -> _Source:
        if isinstance(answer, AlmanacError):
            is_absent = isinstance(answer, SqlInvalidError | TableNotAllowedError)
            return _Source(obstacle=f"its metadata cannot be read ({answer.code})", is_absent=is_absent)
        view = self._read_view(answer)
        return _Source(
            changed_at=answer.changed_at,
            bases=view.tables if view else (),
            obstacle=_find_obstacle(answer, view),
            location=answer.location,
            shape=_digest_shape(answer),
        )

    def _read_view(self, metadata: TableMetadata) -> GuardedQuery | None:
        """A view's query; None for what is no view, and for one whose query the guard does not understand."""
        if metadata.view_sql is None:
            return None
        dataset = f"{metadata.table.project}.{metadata.table.dataset}"
        try:
            return self._guard.check(metadata.view_sql, dataset)
        except AlmanacError:
            return None


def _digest_shape(metadata: TableMetadata) -> str:
    """Of all that BigQuery says of a table but where it is and when it changed."""
    told = asdict(replace(metadata, modified_at=None, created_at=None))
    return _digest(told)


def _digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _find_obstacle(metadata: TableMetadata, view: GuardedQuery | None) -> str | None:
    """Why not every change of what a query reads here moves the time of a table that is looked at."""
    if metadata.kind not in _KINDS_WATCHED:
        return _KINDS_NOT_WATCHED.get(metadata.kind, f"{metadata.kind} is no kind that can be watched")
    if metadata.changed_at is None:
        return "BigQuery does not say when it changed"
    if metadata.kind == "VIEW" and view is None:
        return "the view's SQL cannot be read here"
    if view is not None and not (view.deterministic and view.tables):
        return "the view answers differently without a table changing"
    # Streamed rows are queried at once and move the table's time when they leave the buffer, perhaps minutes later:
    # https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability
    if metadata.has_streaming_buffer:
        return "rows are streamed into it"
    if metadata.expires:
        return "its rows expire, which moves no time"
    return None


def _make_state(tables: Sequence[TableRef], known: Mapping[TableRef, _Source]) -> SourceState:
    sources: dict[TableRef, _Source] = {}
    pending = list(tables)
    while pending:
        table = pending.pop()
        if table not in sources:
            source = sources[table] = known.get(table, _TOO_DEEP)
            pending.extend(source.bases)
    # Whoever lists the tables behind a wildcard, beside it or instead: they are looked at through it.
    wildcards = [table for table, source in sources.items() if source.shards is not None]
    named = {
        str(table): source
        for table, source in sorted(sources.items())
        if not any(wildcard != table and wildcard.covers(table) for wildcard in wildcards)
    }
    unwatched = {name: source.obstacle for name, source in named.items() if source.obstacle}
    return SourceState(
        tables={name: one.changed_at.isoformat() for name, one in named.items() if one.changed_at},
        watchable=not unwatched,
        unwatched=unwatched,
        shards={name: one.shards for name, one in named.items() if one.shards is not None},
        locations=tuple(sorted({one.location for one in named.values() if one.location})),
        absent=frozenset(name for name, one in named.items() if one.is_absent),
        shapes={name: one.shape for name, one in named.items()},
    )
