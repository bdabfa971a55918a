"""What the value of an expression is made of, and what the readers of a query's parts have in common."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sqlglot import exp

from shared.lineage.column_flows import Column, Flow, Shape, SourceColumn
from shared.lineage.model import EdgeType
from shared.lineage.sql_scope import Scope, pick_fields
from shared.sql.nodes import WithExpression

_WINDOWED = (exp.Window, exp.IgnoreNulls, exp.RespectNulls)

type ReadQuery = Callable[[exp.Expr, Scope], list[Column]]
"""The columns of a query within an expression, given what is seen around it."""


class ValueReader:
    """Reads expressions; `read_query` reads the queries in them."""

    def __init__(self, read_query: ReadQuery) -> None:
        self._read_query = read_query

    def read(self, expression: exp.Expr, scope: Scope) -> Column:
        """The value of an expression: its name as BigQuery infers it, its flow and its shape."""
        value = expression.unalias()
        named = _find_path(value)
        if named is not None:
            column = self._read_path(named, scope)
        elif isinstance(value, exp.Dot | exp.Bracket):
            column = self._read_part(value, scope)
        else:
            flow = Flow()
            flow.absorb(self.read_flow(value, scope), _classify(value), exact=True)
            column = Column(None, flow, self._find_shape(value, scope))
        return column.rename(expression.alias) if isinstance(expression, exp.Alias) else column

    def read_flow(self, expression: exp.Expr, scope: Scope) -> Flow:
        """All that an expression draws from."""
        flow = Flow()
        pending = [expression]
        while pending:
            node = pending.pop()
            inner = self._read_node(node, scope)
            if inner is not None:
                flow.absorb(inner, EdgeType.COPIES, exact=True)
                continue
            pending.extend(node.iter_expressions())
            window = scope.find_window(node.alias) if isinstance(node, exp.Window) and node.alias else None
            if window is not None:
                pending.append(window)
        return flow

    def _read_node(self, node: exp.Expr, scope: Scope) -> Flow | None:
        """What a node with names of its own draws from; None where its parts are to be looked at."""
        if isinstance(node, exp.Column):
            return self._read_path(node, scope).flow
        if isinstance(node, exp.Query):
            flow = Flow()
            for column in self._read_query(node, scope):
                flow.absorb(column.flow, EdgeType.COPIES, exact=True)
            return flow
        if isinstance(node, exp.Lambda):
            names = {one.name.lower(): Column(one.name, Flow()) for one in node.expressions}
            return self.read_flow(node.this, scope.with_locals(names))
        if isinstance(node, WithExpression):
            return self._read_with(node, scope)
        if isinstance(node, exp.Parameter | exp.DataType | exp.Star) or _is_grouping(node):
            return Flow()
        return None

    def _read_with(self, node: WithExpression, scope: Scope) -> Flow:
        names: dict[str, Column] = {}
        for assigned in node.expressions:
            names[assigned.alias.lower()] = self.read(assigned, scope.with_locals(dict(names)))
        return self.read_flow(node.this, scope.with_locals(names))

    def _read_path(self, column: exp.Column, scope: Scope) -> Column:
        if isinstance(column.this, exp.Star):
            return scope.resolve([part.name for part in column.parts[:-1]])
        found = scope.resolve([part.name for part in column.parts])
        return found.rename(column.name)

    def _read_part(self, node: exp.Dot | exp.Bracket, scope: Scope) -> Column:
        """A field or an element of a value."""
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            return pick_fields(self.read(node.this, scope), [node.expression.name])
        flow = Flow()
        flow.absorb(self.read_flow(node, scope), EdgeType.DERIVES, exact=True)
        shape = self.read(node.this, scope).shape if isinstance(node, exp.Bracket) else None
        return Column(None, flow, shape.element if shape else None)

    def _find_shape(self, value: exp.Expr, scope: Scope) -> Shape | None:
        if isinstance(value, exp.Struct):
            return Shape(tuple(self._find_fields(value, scope)))
        if isinstance(value, exp.Array) and value.expressions:
            first = value.expressions[0]
            if isinstance(first, exp.Query):
                columns = self._read_query(first, scope)
                fields = Shape(tuple((one.name or "", one.shape) for one in columns))
                is_struct = isinstance(first, exp.Select) and first.args.get("kind") == "STRUCT"
                return Shape(element=fields if is_struct else columns[0].shape if columns else None)
            return Shape(element=self.read(first, scope).shape)
        if isinstance(value, exp.ArrayAgg):
            inner = value.this
            while isinstance(inner, exp.Limit | exp.Order | exp.IgnoreNulls | exp.RespectNulls):
                inner = inner.this
            return Shape(element=self.read(inner, scope).shape) if isinstance(inner, exp.Expr) else None
        if isinstance(value, exp.Subquery):
            columns = self._read_query(value, scope)
            if isinstance(value.this, exp.Select) and value.this.args.get("kind") == "STRUCT":
                return Shape(tuple((one.name or "", one.shape) for one in columns))
            return columns[0].shape if len(columns) == 1 else None
        if isinstance(value, exp.Paren | exp.AnyValue | exp.Max | exp.Min):
            return self.read(value.this, scope).shape
        return None

    def _find_fields(self, struct: exp.Struct, scope: Scope) -> Iterator[tuple[str, Shape | None]]:
        for item in struct.expressions:
            if isinstance(item, exp.PropertyEQ):
                yield item.name, self.read(item.expression, scope).shape
            else:
                column = self.read(item, scope)
                yield column.name or "", column.shape


def _is_grouping(node: exp.Expr) -> bool:
    """GROUPING(x) says which rows are totals, nothing of x."""
    return node.key == "grouping" or (isinstance(node, exp.Anonymous) and node.name.upper() == "GROUPING")


def _find_path(value: exp.Expr) -> exp.Column | None:
    """The column that an expression is, with or without brackets around it."""
    while isinstance(value, exp.Paren):
        value = value.this
    return value if isinstance(value, exp.Column) else None


def _classify(value: exp.Expr) -> EdgeType:
    """How a computed value is made: what is aggregated over a window is one value a row, and so derived."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, exp.AggFunc) and not isinstance(node.parent, _WINDOWED):
            return EdgeType.AGGREGATES
        if not isinstance(node, exp.Query):
            pending.extend(node.iter_expressions())
    return EdgeType.DERIVES


@dataclass
class Clauses:
    """The columns that decide which rows there are, by what they do."""

    flows: dict[EdgeType, Flow] = field(default_factory=dict)

    def add(self, type_: EdgeType, flow: Flow) -> None:
        """Count what a clause draws from."""
        self.flows.setdefault(type_, Flow()).absorb(flow, EdgeType.COPIES, exact=True)

    def list(self) -> list[SourceColumn]:
        """Each column and what it does, sorted."""
        found = [
            (table, column, type_, exact)
            for type_, flow in self.flows.items()
            for (table, column), (_, exact) in flow.columns.items()
        ]
        return [SourceColumn(*one) for one in sorted(found)]

    def list_unresolved(self) -> tuple[str, ...]:
        """The names that could not be placed."""
        return tuple(sorted({name for flow in self.flows.values() for name in flow.unresolved}))


class QueryReading(Protocol):
    """The reader of queries, as the readers of their parts see it: a FROM, a pipe or a value may hold a query."""

    clauses: Clauses
    values: ValueReader

    def read_query(self, query: exp.Expr, outer: Scope) -> list[Column]:
        """The columns of a query, given what is seen around it."""

    def read_items(self, items: Iterable[exp.Expr], scope: Scope) -> list[Column]:
        """The columns of a SELECT list, stars written out."""

    def open_with(self, node: exp.Expr) -> None:
        """Make the CTEs of a WITH known from here on."""

    def find_cte(self, name: str) -> list[Column] | None:
        """The columns of the CTE of that name; None when there is none."""

    def add_clause(self, type_: EdgeType, clause: exp.Expr | None, scope: Scope) -> None:
        """Count what a clause draws from, queries in it included."""
