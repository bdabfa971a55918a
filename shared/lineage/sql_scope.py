"""What a name means in one place of a query.

BigQuery's rules (https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#scope_rules): a range
variable is seen before a column of its name; the query around is asked when nothing nearer has the name. A name that
several tables may have, and nobody knows which, is unresolved: that costs the column it is in, not the query.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from shared.lineage.column_flows import Column, Flow, Source, Sources, find_columns
from shared.lineage.model import EdgeType
from shared.lineage.sql_tables import SchemaIndex, is_pseudo_column
from shared.sql.lexer import make_words

# Words that functions take and that look like columns: parts of dates, days of weeks, forms of text.
_FUNCTION_WORDS = make_words(
    """
    MICROSECOND MILLISECOND SECOND MINUTE HOUR DAY WEEK ISOWEEK MONTH QUARTER YEAR ISOYEAR DAYOFWEEK DAYOFYEAR DATE
    TIME DATETIME SUNDAY MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY NFC NFKC NFD NFKD
    """
)


@dataclass
class Scope:
    """The names that are seen: sources, names that stand for values (`locals`), and the scope around."""

    schemas: SchemaIndex
    sources: Sources = field(default_factory=Sources)
    outer: "Scope | None" = None
    locals: Mapping[str, Column] = field(default_factory=dict)
    windows: Mapping[str, exp.Expr] = field(default_factory=dict)

    def with_locals(self, names: Mapping[str, Column]) -> "Scope":
        """The same place with names that are nearer than all others."""
        return Scope(self.schemas, Sources(), self, names)

    def resolve(self, parts: Sequence[str]) -> Column:
        """The column, range variable or field that a path names; its flow says what could not be found."""
        first, *rest = parts
        for scope in self._outwards():
            found = scope._find(first, rest)
            if found is not None:
                return found
        if first.upper() in _FUNCTION_WORDS and not rest:
            return Column(first, Flow())
        return Column(parts[-1], Flow(unresolved={parts[0] if not rest else rest[0]}))

    def find_source(self, name: str) -> Source | None:
        """The range variable of that name, here or around."""
        found = (scope.sources.by_name.get(name.lower()) for scope in self._outwards())
        return next((source for source in found if source is not None), None)

    def find_window(self, name: str) -> exp.Expr | None:
        """The named window."""
        found = (scope.windows.get(name.lower()) for scope in self._outwards())
        return next((window for window in found if window is not None), None)

    def _outwards(self) -> Iterator["Scope"]:
        current: Scope | None = self
        while current is not None:
            yield current
            current = current.outer

    def _find(self, first: str, rest: Sequence[str]) -> Column | None:
        local = self.locals.get(first.lower())
        if local is not None:
            return pick_fields(local, rest)
        source = self.sources.by_name.get(first.lower())
        if source is not None:
            return self._find_in_source(source, first, rest)
        column = self._find_column(first)
        return column and pick_fields(column, rest)

    def _find_in_source(self, source: Source, name: str, rest: Sequence[str]) -> Column:
        if not rest:
            return Column(name, source.value, source.shape)
        column = self._pick(list(find_columns(source.columns, rest[0])), source.columns, rest[0])
        if column is None and source.table is not None:
            column = self._read_table(source.table, rest[0])
        if column is None:  # the elements of an array whose fields nobody knows
            column = Column(rest[0], source.value)
        return pick_fields(column, rest[1:])

    def _find_column(self, name: str) -> Column | None:
        found = self._pick(list(find_columns(self.sources.columns, name)), self.sources.columns, name)
        if found is None and is_pseudo_column(name):
            tables = {one.table for one in self.sources.by_name.values() if one.table is not None}
            found = self._read_table(tables.pop(), name) if len(tables) == 1 else None
        return found

    def _pick(self, found: Sequence[Column], columns: Sequence[Column], name: str) -> Column | None:
        """The only column of those; or the one that the only table of unknown columns must have."""
        if len(found) == 1:
            return found[0]
        if found:
            return Column(name, Flow(unresolved={name}))
        unknown = [column for column in columns if column.is_open]
        if not unknown:
            return None
        tables = {table for column in unknown for table in column.tables}
        if len(tables) != 1 or not all(column.tables for column in unknown):
            return Column(name, Flow(unresolved={name}))
        return self._read_table(tables.pop(), name)

    def _read_table(self, table: str, name: str) -> Column:
        flow = Flow()
        flow.add(
            (table, self.schemas.spell_column(table, name)),
            EdgeType.COPIES,
            self.schemas.has_column(table, name),
        )
        return Column(name, flow)


def pick_fields(column: Column, names: Sequence[str]) -> Column:
    """A field within a column, however deep: it is made of the whole."""
    for name in names:
        flow = Flow()
        flow.absorb(column.flow, EdgeType.DERIVES, exact=True)
        column = Column(name, flow, column.shape.find(name) if column.shape else None)
    return column
