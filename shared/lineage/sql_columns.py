"""Columns of a query traced back to the columns of the tables it reads.

The tree is read from the inside out, each query once: every FROM becomes columns with what they are made of, and
every clause adds to what decides the rows. Nothing is rewritten, so a name nobody can place costs its column alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from shared.lineage.column_flows import (
    Column,
    ColumnTrace,
    Flow,
    OutputColumn,
    SourceColumn,
    Sources,
    expand_fields,
    merge_flows,
)
from shared.lineage.model import EVERY_COLUMN, EdgeType
from shared.lineage.set_operations import combine_columns
from shared.lineage.sql_pipes import PipeReader
from shared.lineage.sql_scope import Scope
from shared.lineage.sql_sources import SourceReader
from shared.lineage.sql_tables import Deadline, QueryTables, SchemaIndex, SqlUnresolvedError, check_expansion
from shared.lineage.sql_values import Clauses, ValueReader
from shared.sql.nodes import PipeQuery, find_star
from shared.sql.parsing import ParsedSql

# Recursion is followed until nothing is added; each round passes a column one step further.
_MAX_ROUNDS = 8


def trace_columns(
    parsed: ParsedSql, tables: QueryTables, schemas: SchemaIndex, deadline: Deadline
) -> ColumnTrace:
    """What a query returns, and what decides its rows.

    Raises SqlUnresolvedError when it has no columns to trace or the deadline passes.
    """
    check_expansion(parsed, sum(schemas.count_columns(table) for table in tables.names))
    tracer = QueryTracer(tables, schemas, deadline)
    columns = tracer.read_query(parsed.tree, Scope(schemas))
    tracer.read_unused()
    if not columns:
        raise SqlUnresolvedError("the SQL names no columns")
    return ColumnTrace(
        tuple(_make_outputs(columns)), tuple(tracer.clauses.list()), tracer.clauses.list_unresolved()
    )


@dataclass
class _Cte:
    """A named query; `columns` are known once it is read, and in part while it reads itself."""

    query: exp.Expr
    ctes: "Mapping[str, _Cte]"
    columns: list[Column] | None = None
    done: bool = False
    recursive: bool = False


class QueryTracer:
    """Reads queries; clauses are gathered on the way."""

    def __init__(self, tables: QueryTables, schemas: SchemaIndex, deadline: Deadline) -> None:
        self.clauses = Clauses()
        self.values = ValueReader(self.read_query)
        self.sources = SourceReader(self, tables, schemas)
        self._pipes = PipeReader(self, self.sources)
        self._schemas = schemas
        self._deadline = deadline
        self._ctes: Mapping[str, _Cte] = {}
        self._all_ctes: list[_Cte] = []

    def read_query(self, query: exp.Expr, outer: Scope) -> list[Column]:
        """The columns of a query, given what is seen around it."""
        self._deadline.check()
        before = self._ctes
        try:
            self.open_with(query)
            return self._read_body(query, outer)
        finally:
            self._ctes = before

    def read_unused(self) -> None:
        """CTEs that nothing reads: their clauses are written, so they are told."""
        for cte in self._all_ctes:
            self._read_cte(cte)

    def open_with(self, node: exp.Expr) -> None:
        """Make the CTEs of a WITH known from here on."""
        clause = node.args.get("with_")
        if not isinstance(clause, exp.With):
            return
        known = dict(self._ctes)
        recursive = bool(clause.args.get("recursive"))
        shared: dict[str, _Cte] = known if recursive else {}
        for cte in clause.expressions:
            entry = _Cte(cte.this, shared if recursive else dict(known), recursive=recursive)
            known[cte.alias.lower()] = entry
            self._all_ctes.append(entry)
        self._ctes = known

    def find_cte(self, name: str) -> list[Column] | None:
        """The columns of the CTE of that name; None when there is none."""
        cte = self._ctes.get(name.lower())
        return None if cte is None else self._read_cte(cte)

    def _read_cte(self, cte: _Cte) -> list[Column]:
        if cte.columns is not None:
            return cte.columns
        before, self._ctes = self._ctes, cte.ctes
        try:
            cte.columns = []  # what it is to itself before its first part is read
            cte.columns = (
                self._repeat(cte) if cte.recursive else self.read_query(cte.query, Scope(self._schemas))
            )
        finally:
            self._ctes = before
        return cte.columns

    def _repeat(self, cte: _Cte) -> list[Column]:
        """The columns of a query that may read itself: of its first part, then of all, until nothing is new."""
        body = cte.query
        if isinstance(body, exp.SetOperation):
            cte.columns = self.read_query(body.this, Scope(self._schemas))
        for _ in range(_MAX_ROUNDS):
            columns = self.read_query(cte.query, Scope(self._schemas))
            same = [one.flow.columns for one in columns] == [one.flow.columns for one in cte.columns or ()]
            cte.columns = columns
            if same:
                break
        return columns

    # --- bodies

    def _read_body(self, query: exp.Expr, outer: Scope) -> list[Column]:
        if isinstance(query, PipeQuery):
            return self._pipes.read(query, outer)
        if isinstance(query, exp.SetOperation):
            return self._read_set_operation(query, outer)
        if isinstance(query, exp.Subquery):
            columns = self.read_query(query.this, outer)
            self.read_order(query, Scope(self._schemas, Sources(columns=columns), outer), columns)
            return columns
        if isinstance(query, exp.Select):
            return self._read_select(query, outer)
        raise SqlUnresolvedError("the SQL is not a single SELECT")

    def _read_set_operation(self, query: exp.SetOperation, outer: Scope) -> list[Column]:
        # A chain leans to the left, one level for each: it is read from its first query on.
        chain: list[exp.SetOperation] = []
        first: exp.Expr = query
        while isinstance(first, exp.SetOperation) and (first is query or not first.args.get("with_")):
            chain.append(first)
            first = first.this
        columns = self.read_query(first, outer)
        for operation in reversed(chain):
            columns = combine_columns(operation, columns, self.read_query(operation.expression, outer))
        self.read_order(query, Scope(self._schemas, Sources(columns=columns), outer), columns)
        return columns

    def _read_select(self, select: exp.Select, outer: Scope) -> list[Column]:
        scope = Scope(
            self._schemas, self.sources.read_from(select, outer), outer, windows=read_windows(select)
        )
        self.add_clause(EdgeType.FILTERS, select.args.get("where"), scope)
        columns = self.read_items(select.expressions, scope)
        if select.args.get("kind") == "VALUE" and len(columns) == 1:
            columns = expand_fields(columns[0].shape, columns[0].flow) or columns
        # A name means a column of the result before one of the tables here.
        named = {column.key: column for column in columns if column.name and not column.is_open}
        results = scope.with_locals(named)
        self._add_groups(select, columns, results)
        self.add_clause(EdgeType.FILTERS, select.args.get("having"), results)
        self.add_clause(EdgeType.FILTERS, select.args.get("qualify"), results)
        self.read_order(select, results, columns)
        return columns

    def read_items(self, items: Iterable[exp.Expr], scope: Scope) -> list[Column]:
        """The columns of a SELECT list, stars written out."""
        return [column for item in items for column in self._read_item(item, scope)]

    def _read_item(self, item: exp.Expr, scope: Scope) -> Iterator[Column]:
        star = find_star(item)
        if star is None:
            yield self.values.read(item, scope)
            return
        hidden = {one.name.lower() for one in star.args.get("except_") or ()}
        replaced = {one.alias.lower(): one for one in star.args.get("replace") or ()}
        for column in self._expand(item, scope):
            if column.key in replaced:
                yield self.values.read(replaced[column.key], scope)
            elif column.key not in hidden or column.is_open:
                yield column

    def _expand(self, item: exp.Expr, scope: Scope) -> list[Column]:
        """The columns that a star stands for."""
        if isinstance(item, exp.Star):
            return scope.sources.columns
        if isinstance(item, exp.Column):
            path = [part.name for part in item.parts[:-1]]
            source = scope.find_source(path[0]) if len(path) == 1 else None
            if source is not None and source.columns:
                return source.columns
            value = scope.resolve(path)
        else:
            value = self.values.read(item.this, scope)
        derived = Flow()
        derived.absorb(value.flow, EdgeType.DERIVES, exact=True)
        return expand_fields(value.shape, derived) or [Column(EVERY_COLUMN, derived)]

    # --- clauses

    def add_clause(self, type_: EdgeType, clause: exp.Expr | None, scope: Scope) -> None:
        """Count what a clause draws from, queries in it included."""
        if clause is not None:
            self.clauses.add(type_, self.values.read_flow(clause, scope))

    def _add_groups(self, select: exp.Select, columns: list[Column], scope: Scope) -> None:
        group = select.args.get("group")
        if not isinstance(group, exp.Group):
            return
        if group.args.get("all"):
            plain = [one for one in select.expressions if one.find(exp.AggFunc) is None]
            self.clauses.add(EdgeType.GROUPS, merge_flows(self.values.read(one, scope).flow for one in plain))
        for item in group.iter_expressions():
            self.clauses.add(EdgeType.GROUPS, self.read_position(item, scope, columns))

    def read_order(self, query: exp.Expr, scope: Scope, columns: list[Column]) -> None:
        """Count what ORDER BY draws from."""
        order = query.args.get("order")
        for item in order.expressions if isinstance(order, exp.Order) else ():
            self.clauses.add(EdgeType.SORTS, self.read_position(item.this, scope, columns))

    def read_position(self, item: exp.Expr, scope: Scope, columns: list[Column]) -> Flow:
        """What a grouping or sorting item draws from; a number stands for the column at that place."""
        if isinstance(item, exp.Literal) and item.is_int:
            index = int(item.name) - 1
            return columns[index].flow if index < len(columns) else Flow()
        return self.values.read_flow(item, scope)


def read_windows(select: exp.Expr) -> dict[str, exp.Expr]:
    """The named windows of a SELECT."""
    return {window.name.lower(): window for window in select.args.get("windows") or ()}


def _make_outputs(columns: list[Column]) -> Iterator[OutputColumn]:
    """The columns as a result has them; those without a name are numbered, and stars are one."""
    anonymous = 0
    outputs: dict[str, Flow] = {}
    for column in columns:
        name = column.name
        if name is None:
            name, anonymous = f"f{anonymous}_", anonymous + 1
        if name == EVERY_COLUMN:
            outputs.setdefault(name, Flow()).absorb(column.flow, EdgeType.COPIES, exact=True)
        else:
            outputs.setdefault(name, column.flow)
    for name, flow in outputs.items():
        sources = (SourceColumn(*key, *value) for key, value in sorted(flow.columns.items()))
        yield OutputColumn(name, tuple(sources), tuple(sorted(flow.unresolved)))
