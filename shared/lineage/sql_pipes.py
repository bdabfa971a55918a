"""Pipe operators while columns are traced: what each makes of the columns before it.

https://cloud.google.com/bigquery/docs/reference/standard-sql/pipe-syntax
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from shared.lineage.column_flows import Column, Flow, Sources, make_source
from shared.lineage.model import EVERY_COLUMN, EdgeType
from shared.lineage.set_operations import combine_columns
from shared.lineage.sql_scope import Scope
from shared.lineage.sql_sources import SourceReader
from shared.lineage.sql_values import QueryReading
from shared.sql.nodes import FROM_FIRST, PipeQuery


@dataclass
class _Pipe:
    """The rows between two operators: their columns, the range variables still seen, and the scope around."""

    sources: Sources
    outer: Scope

    def scope(self, windows: Iterable[exp.Expr] = ()) -> Scope:
        named = {window.name.lower(): window for window in windows}
        return Scope(self.outer.schemas, self.sources, self.outer, windows=named)

    def replace(self, columns: list[Column]) -> None:
        """Other columns; no range variable is seen behind them."""
        self.sources = Sources(columns=columns)


class PipeReader:
    """Reads pipe queries, operator for operator."""

    def __init__(self, reading: QueryReading, sources: SourceReader) -> None:
        self._reading = reading
        self._sources = sources

    def read(self, query: PipeQuery, outer: Scope) -> list[Column]:
        """The columns behind the last operator."""
        first = query.this
        if first.meta.get(FROM_FIRST):
            self._reading.open_with(first)
            pipe = _Pipe(self._sources.read_from(first, outer), outer)
        else:
            pipe = _Pipe(Sources(columns=self._reading.read_query(first, outer)), outer)
        for operator in query.args["operators"]:
            self._reading.open_with(operator)
            self._apply(operator, pipe)
        return pipe.sources.columns

    def _apply(self, operator: exp.Expr, pipe: _Pipe) -> None:
        kind = operator.args["kind"]
        match kind:
            case "SELECT":
                select = operator.this
                pipe.replace(
                    self._reading.read_items(select.expressions, pipe.scope(select.args.get("windows") or ()))
                )
            case "EXTEND" | "WINDOW":
                scope = pipe.scope(operator.args.get("windows") or ())
                self._set_columns(
                    pipe, [*pipe.sources.columns, *self._reading.read_items(operator.expressions, scope)]
                )
            case "AGGREGATE":
                self._aggregate(operator, pipe)
            case "SET":
                self._assign(operator.expressions, pipe)
            case "DROP":
                gone = {name.name.lower() for name in operator.expressions}
                self._set_columns(pipe, [one for one in pipe.sources.columns if one.key not in gone])
            case "RENAME":
                names = {one.this.name.lower(): one.alias for one in operator.expressions}
                columns = [one.rename(names.get(one.key, one.name)) for one in pipe.sources.columns]
                self._set_columns(pipe, columns)
            case "AS":
                self._name(operator.args["alias"].name, pipe)
            case "JOIN":
                for join in operator.expressions:
                    self._sources.join(join, pipe.sources, pipe.outer)
            case "SET_OPERATION":
                self._combine(operator, pipe)
            case "PIVOT" | "UNPIVOT":
                self._pivot(operator.this, pipe)
            case "CALL":
                self._reading.values.read_flow(operator.this, pipe.scope())
                pipe.replace([Column(EVERY_COLUMN, Flow(unresolved={EVERY_COLUMN}))])
            case "WHERE":
                self._reading.add_clause(EdgeType.FILTERS, operator.this, pipe.scope())
            case "ORDER BY":
                for item in operator.this.expressions:
                    self._reading.add_clause(EdgeType.SORTS, item.this, pipe.scope())
            case _:  # LIMIT, DISTINCT, TABLESAMPLE, WITH and ASSERT leave the columns as they are
                for part in operator.expressions:
                    self._reading.values.read_flow(part, pipe.scope())

    def _set_columns(self, pipe: _Pipe, columns: list[Column]) -> None:
        """Other columns, the range variables being what they were."""
        pipe.sources = Sources(pipe.sources.by_name, columns)

    def _aggregate(self, operator: exp.Expr, pipe: _Pipe) -> None:
        scope = pipe.scope()
        groups = self._read_sorted(operator.args.get("group") or (), scope)
        for column in groups:
            self._reading.clauses.add(EdgeType.GROUPS, column.flow)
        pipe.replace([*groups, *self._read_sorted(operator.expressions, scope)])

    def _read_sorted(self, items: Iterable[exp.Expr], scope: Scope) -> list[Column]:
        """Columns that may be sorted in place; sets of grouping items stand for their columns."""
        columns: list[Column] = []
        for item in items:
            expression = item.this if isinstance(item, exp.Ordered) else item
            if isinstance(expression, exp.GroupingSets | exp.Cube | exp.Rollup):
                found = [self._reading.values.read(one, scope) for one in expression.find_all(exp.Column)]
                columns.extend({one.key: one for one in found}.values())
                continue
            column = self._reading.values.read(expression, scope)
            columns.append(column)
            if isinstance(item, exp.Ordered):
                self._reading.clauses.add(EdgeType.SORTS, column.flow)
        return columns

    def _assign(self, items: Iterable[exp.Expr], pipe: _Pipe) -> None:
        assigned = {item.alias.lower(): self._reading.values.read(item, pipe.scope()) for item in items}
        columns = [
            assigned[one.key].rename(one.name) if one.key in assigned else one for one in pipe.sources.columns
        ]
        self._set_columns(pipe, columns)

    def _name(self, name: str, pipe: _Pipe) -> None:
        columns = pipe.sources.columns
        pipe.sources = Sources({name.lower(): make_source(columns)}, columns)

    def _combine(self, operator: exp.Expr, pipe: _Pipe) -> None:
        columns: list[Column] = pipe.sources.columns
        for query in operator.args["queries"]:
            other = self._reading.read_query(query, pipe.outer)
            columns = combine_columns(operator.args["set_operation"], columns, other)
        pipe.replace(columns)

    def _pivot(self, pivot: exp.Expr, pipe: _Pipe) -> None:
        source = make_source(pipe.sources.columns)
        self._sources.pivot(pivot, source, pipe.outer)
        named = {pivot.alias.lower(): source} if pivot.alias else {}
        pipe.sources = Sources(named, source.columns)
