"""Columns of a query traced back to the columns of the tables it reads."""

from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp
from sqlglot.lineage import Node, to_node
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.scope import Scope, build_scope, find_all_in_scope

from shared.lineage.column_flows import ColumnTrace, Flow, OutputColumn, SourceColumn
from shared.lineage.model import EdgeType
from shared.lineage.names import EVERY_COLUMN
from shared.lineage.schemas import SchemaIndex, is_pseudo_column
from shared.lineage.sql_tables import (
    DIALECT,
    Deadline,
    SqlUnresolvedError,
    check_expansion,
    collect_spelling,
    index_aliases,
    list_tables,
    name_table,
)

_WINDOWED = (exp.Window, exp.IgnoreNulls, exp.RespectNulls)
_CLAUSES = {
    "where": EdgeType.FILTERS,
    "having": EdgeType.FILTERS,
    "qualify": EdgeType.FILTERS,
    "group": EdgeType.GROUPS,
    "order": EdgeType.SORTS,
}


def trace_columns(tree: exp.Query, schemas: SchemaIndex, deadline: Deadline) -> ColumnTrace:
    """The columns of a tree whose tables are qualified (the tree is changed).

    Raises SqlUnresolvedError when it has no columns to trace or the deadline passes, and whatever sqlglot
    raises on SQL it does not understand.
    """
    check_expansion(tree, sum(schemas.count_columns(table) for table in list_tables(tree)))
    spelling = collect_spelling(tree)
    qualified = qualify_columns(tree, schemas.for_parser)
    deadline.check()
    scope = build_scope(qualified)
    if scope is None:
        raise SqlUnresolvedError("the SQL is not a single SELECT")
    return _ColumnTracer(scope, schemas, spelling, deadline).trace()


class _ColumnTracer:
    def __init__(
        self, root: Scope, schemas: SchemaIndex, spelling: Mapping[str, str], deadline: Deadline
    ) -> None:
        self._root = root
        self._schemas = schemas
        self._spelling = spelling
        self._deadline = deadline
        self._aliases = index_aliases(root.expression)
        self._tables = sorted(set(self._aliases.values()))
        self._unknown_tables = [table for table in self._tables if not schemas.has_table(table)]
        self._has_pivot = root.expression.find(exp.Pivot) is not None
        self._flows: dict[int, Flow] = {}
        self._unresolved: set[str] = set()
        self._clause_flows: dict[tuple[int, str], Flow] = {}
        self._nodes: list[Node] = []
        self._node_cache: dict[tuple[object, ...], Node] = {}
        self._scope_cache: dict[int, tuple[bool, dict[str, exp.Expr]]] = {}

    def trace(self) -> ColumnTrace:
        names = dict.fromkeys(_name_outputs(self._root))
        if not names:
            raise SqlUnresolvedError("the SQL names no columns")
        outputs = [self._make_output(name, self._trace_column(self._root, name)) for name in names]
        clauses = self._trace_clauses()
        return ColumnTrace(tuple(outputs), tuple(clauses), tuple(sorted(self._unresolved)))

    def _make_output(self, name: str, flow: Flow) -> OutputColumn:
        if name == EVERY_COLUMN:
            # Several stars share this name, and sqlglot traces the first.
            for table in self._unknown_tables:
                self._add_to_table(flow, table, EVERY_COLUMN)
        return OutputColumn(
            self._spelling.get(name, name), tuple(self._list_sources(flow)), tuple(sorted(flow.unresolved))
        )

    def _list_sources(self, flow: Flow, type_: EdgeType | None = None) -> Iterator[SourceColumn]:
        for (table, column), (flow_type, exact) in sorted(flow.columns.items()):
            yield SourceColumn(table, column, type_ or flow_type, exact)

    def _trace_column(self, scope: Scope, column: str) -> Flow:
        """What one column of a scope is made of.

        The caches are sqlglot's own, shared over the whole query: its public `lineage` starts with empty ones
        and would walk the same CTEs again for each column of each clause.
        """
        node = to_node(
            column,
            scope,
            DIALECT,
            schema=self._schemas.for_parser,
            trim_selects=False,
            on_node=lambda _: self._deadline.check(),
            _cache=self._node_cache,
            _scope_meta=self._scope_cache,
        )
        self._nodes.append(node)  # keeps the id that keys self._flows from being used again
        return self._follow(node)

    # --- values: what a returned column is made of

    def _follow(self, node: Node) -> Flow:
        known = self._flows.get(id(node))
        if known is not None:
            return known
        flow = self._flows[id(node)] = Flow()
        if isinstance(node.expression, exp.Table | exp.Placeholder) and not node.downstream:
            self._read_leaf(node, flow)
            return flow
        # A node that stands for a whole query, or for a star, is one whose column sqlglot did not find there.
        exact = not isinstance(node.expression, exp.Query | exp.Star)
        type_ = self._classify(node.expression)
        for child in node.downstream:
            flow.absorb(self._follow(child), type_, exact)
        for row in find_all_in_scope(node.expression, exp.TableColumn):
            whole = Flow()
            self._add_column(whole, row.name, EVERY_COLUMN)
            flow.absorb(whole, EdgeType.DERIVES, exact)
        return flow

    def _classify(self, expression: exp.Expr) -> EdgeType:
        value = expression.unalias()
        if any(not isinstance(call.parent, _WINDOWED) for call in find_all_in_scope(value, exp.AggFunc)):
            return EdgeType.AGGREGATES
        if isinstance(value, exp.Column | exp.Star) and not self._has_pivot:
            return EdgeType.COPIES
        return EdgeType.DERIVES

    def _read_leaf(self, node: Node, flow: Flow) -> None:
        column = exp.to_column(node.name)
        alias, name = (column.table, column.name) if isinstance(column, exp.Column) else ("", EVERY_COLUMN)
        if isinstance(node.expression, exp.Table):
            self._add_to_table(flow, name_table(node.expression), name)
        else:
            self._add_column(flow, alias, name)

    def _add_column(self, flow: Flow, alias: str, column: str) -> None:
        """A column sqlglot found no source for: look where it must come from when only one table can."""
        table = self._aliases.get(alias)
        candidates = self._tables if is_pseudo_column(column) else self._unknown_tables
        if not alias and len(candidates) == 1:
            table = candidates[0]
        self._add_to_table(flow, table, column)

    def _add_to_table(self, flow: Flow, table: str | None, column: str) -> None:
        if table is None:
            flow.unresolved.add(self._spelling.get(column, column))
            return
        spelled = self._schemas.spell_column(table, self._spelling.get(column, column))
        flow.add((table, spelled), EdgeType.COPIES, self._schemas.has_column(table, column))

    # --- clauses: what decides the rows

    def _trace_clauses(self) -> list[SourceColumn]:
        found: dict[tuple[str, str, EdgeType], bool] = {}
        for scope in self._root.traverse():
            for clause, type_ in _iterate_clauses(scope):
                for flow in self._iterate_clause_flows(scope, clause):
                    self._unresolved |= flow.unresolved
                    for source in self._list_sources(flow, type_):
                        key = (source.table, source.column, type_)
                        found[key] = found.get(key, False) or source.exact
        return [SourceColumn(*key, exact=exact) for key, exact in sorted(found.items())]

    def _iterate_clause_flows(self, scope: Scope, clause: exp.Expr) -> Iterator[Flow]:
        for column in find_all_in_scope(clause, exp.Column):
            yield self._follow_clause(scope, column)
        inner = {id(subquery.expression): subquery for subquery in scope.subquery_scopes}
        for query in find_all_in_scope(clause, *exp.UNWRAPPED_QUERIES):
            if id(query) in inner:
                for name in _name_outputs(inner[id(query)]):
                    yield self._trace_column(inner[id(query)], name)

    def _follow_clause(self, scope: Scope, column: exp.Column) -> Flow:
        source = _find_source(scope, column) or scope
        key = (id(source), column.name)
        if key not in self._clause_flows:
            self._clause_flows[key] = flow = Flow()
            self._read_clause_column(source, column, flow)
        return self._clause_flows[key]

    def _read_clause_column(self, source: exp.Table | Scope, column: exp.Column, flow: Flow) -> None:
        expression = source.expression if isinstance(source, Scope) else source
        if isinstance(expression, exp.Table):
            self._add_to_table(flow, name_table(expression), column.name)
        elif not isinstance(source, Scope):
            self._add_column(flow, column.table, column.name)
        elif column.name in _name_outputs(source):
            flow.absorb(self._trace_column(source, column.name), EdgeType.COPIES, exact=True)
        elif isinstance(expression, exp.UDTF):
            for inner in expression.find_all(exp.Column):
                flow.absorb(self._follow_clause(source, inner), EdgeType.DERIVES, exact=True)
        else:
            self._add_column(flow, column.table, column.name)


def _name_outputs(scope: Scope) -> list[str]:
    return scope.expression.named_selects if isinstance(scope.expression, exp.Query) else []


def _iterate_clauses(scope: Scope) -> Iterator[tuple[exp.Expr, EdgeType]]:
    expression = scope.expression
    for pivot in scope.pivots:
        for field_ in pivot.fields:
            yield field_, EdgeType.GROUPS
    for key, type_ in _CLAUSES.items():
        if clause := expression.args.get(key):
            yield clause, type_
    joins: Iterable[exp.Join] = expression.args.get("joins") or ()
    for join in joins:
        if condition := join.args.get("on"):
            yield condition, EdgeType.JOINS


def _find_source(scope: Scope, column: exp.Column) -> exp.Table | Scope | None:
    """Where the column is from, here or, in a correlated subquery, in the query around it."""
    current: Scope | None = scope
    while current is not None:
        if column.table in current.sources:
            return current.sources[column.table]
        unnested = current.sources.get(column.name)
        # `UNNEST(tags) AS tag` is a source whose one column goes by the same name.
        if not column.table and isinstance(unnested, Scope) and isinstance(unnested.expression, exp.UDTF):
            return unnested
        current = current.parent
    return None
