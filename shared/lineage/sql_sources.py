"""What stands in FROM as range variables and columns: tables, CTEs, queries, arrays, and what joins make of them."""

from sqlglot import exp

from shared.lineage.column_flows import (
    Column,
    Flow,
    Shape,
    Source,
    Sources,
    expand_fields,
    make_source,
    merge_flows,
    read_shape,
)
from shared.lineage.model import EVERY_COLUMN, EdgeType
from shared.lineage.sql_pivots import pivot_columns
from shared.lineage.sql_scope import Scope
from shared.lineage.sql_tables import QueryTables, SchemaIndex
from shared.lineage.sql_values import QueryReading
from shared.sql.nodes import find_alias


class SourceReader:
    """Reads the items of FROM, each seeing those to its left."""

    def __init__(self, reading: QueryReading, tables: QueryTables, schemas: SchemaIndex) -> None:
        self._reading = reading
        self._tables = tables
        self._schemas = schemas

    def read_from(self, select: exp.Expr, outer: Scope) -> Sources:
        """The sources of a SELECT; none without FROM."""
        sources = Sources()
        clause = select.args.get("from_")
        if isinstance(clause, exp.From):
            self._add(clause.this, sources, outer)
        for join in select.args.get("joins") or ():
            self.join(join, sources, outer)
        return sources

    def join(self, join: exp.Expr, sources: Sources, outer: Scope) -> None:
        """Add what a join brings, and count its condition."""
        left = list(sources.columns)
        self._add(join.this, sources, outer)
        right = sources.columns[len(left) :]
        names = [name.name for name in join.args.get("using") or ()]
        if names:
            sources.columns = self._join_using(names, left, right)
        self._reading.add_clause(EdgeType.JOINS, join.args.get("on"), Scope(self._schemas, sources, outer))

    def _join_using(self, names: list[str], left: list[Column], right: list[Column]) -> list[Column]:
        """The columns joined by come first and once; each is made of both sides."""
        merged = []
        for name in names:
            sides = [self._find_side(columns, name) for columns in (left, right)]
            flow = Flow()
            flow.absorb(merge_flows(side.flow for side in sides), EdgeType.DERIVES, exact=True)
            self._reading.clauses.add(EdgeType.JOINS, flow)
            merged.append(Column(name, flow, sides[0].shape))
        used = {name.lower() for name in names}
        return [*merged, *(one for one in (*left, *right) if one.is_open or one.key not in used)]

    def _find_side(self, columns: list[Column], name: str) -> Column:
        return Scope(self._schemas, Sources(columns=columns)).resolve([name])

    def _add(self, node: exp.Expr, sources: Sources, outer: Scope) -> None:
        scope = Scope(self._schemas, sources, outer)
        if (isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query)) or (
            isinstance(node, exp.Subquery) and isinstance(node.this, exp.Subquery) and _is_join(node.this)
        ):
            self._add_joined(node, sources, outer)
        else:
            source, name = self._read(node, scope, outer)
            self._pivot(node, source, outer)
            self._keep(node, source, name, sources)
        for join in node.args.get("joins") or ():
            self.join(join, sources, outer)

    def _add_joined(self, node: exp.Subquery, sources: Sources, outer: Scope) -> None:
        """A join in brackets: what is in it stays visible under its own names."""
        inner = Sources()
        self._add(node.this, inner, outer)
        sources.by_name.update(inner.by_name)
        sources.columns.extend(inner.columns)

    def _keep(self, node: exp.Expr, source: Source, name: str, sources: Sources) -> None:
        if name:
            sources.by_name[name.lower()] = source
        sources.columns.extend(source.columns)
        offset = node.args.get("offset")
        if isinstance(offset, exp.Identifier):
            place = Column(offset.name, Flow())
            sources.by_name[offset.name.lower()] = Source([], place.flow)
            sources.columns.append(place)

    def _pivot(self, node: exp.Expr, source: Source, outer: Scope) -> None:
        for pivot in node.args.get("pivots") or ():
            self.pivot(pivot, source, outer)

    def pivot(self, pivot: exp.Expr, source: Source, outer: Scope) -> None:
        """Replace a source's columns by those behind a PIVOT, which count as what it groups by."""
        if not isinstance(pivot, exp.Pivot):
            return
        scope = Scope(self._schemas, Sources(columns=source.columns), outer)
        field = pivot.args["fields"][0]
        if not pivot.args.get("unpivot"):
            self._reading.add_clause(EdgeType.GROUPS, field.this, scope)
        source.columns = pivot_columns(pivot, source.columns, self._reading.values, scope)
        source.value = merge_flows(column.flow for column in source.columns)
        source.table = None

    # --- one source

    def _read(self, node: exp.Expr, scope: Scope, outer: Scope) -> tuple[Source, str]:
        """A source and the name it goes by, which is none for a query without an alias."""
        alias = find_alias(node)
        if isinstance(node, exp.Unnest):
            return self._read_array(node, scope, alias), alias
        if isinstance(node, exp.Table):
            return self._read_table(node, scope, alias or node.name), alias or _find_implicit(node)
        return make_source(self._reading.read_query(node, outer)), alias

    def _read_table(self, node: exp.Table, scope: Scope, name: str) -> Source:
        table = self._tables.nodes.get(id(node))
        if table is not None:
            return self._read_stored(table)
        if not isinstance(node.this, exp.Identifier):
            return self._read_function(node, scope)
        if len(node.parts) == 1:
            columns = self._reading.find_cte(node.name)
            return make_source(columns if columns is not None else [])
        array = scope.resolve([part.name for part in node.parts])
        return self._make_elements(array, name)

    def _read_stored(self, table: str) -> Source:
        whole = Flow()
        whole.add((table, EVERY_COLUMN), EdgeType.DERIVES, False)
        if not self._schemas.has_table(table):
            unknown = Flow()
            unknown.add((table, EVERY_COLUMN), EdgeType.COPIES, False)
            return Source([Column(EVERY_COLUMN, unknown, tables=(table,))], whole, table=table)
        columns = []
        for name, type_ in self._schemas.list_columns(table):
            flow = Flow()
            flow.add((table, name), EdgeType.COPIES, True)
            columns.append(Column(name, flow, read_shape(type_)))
        return Source(columns, whole, table=table)

    def _read_function(self, node: exp.Table, scope: Scope) -> Source:
        """What a table function returns is its own affair; what it is given is read for its queries."""
        self._reading.values.read_flow(node.this, scope)
        unknown = Flow(unresolved={EVERY_COLUMN})
        return Source([Column(EVERY_COLUMN, unknown)], unknown)

    def _read_array(self, node: exp.Unnest, scope: Scope, alias: str) -> Source:
        arrays = [self._reading.values.read(one, scope) for one in node.expressions]
        merged = Column(
            alias or None, merge_flows(one.flow for one in arrays), arrays[0].shape if arrays else None
        )
        return self._make_elements(merged, alias)

    def _make_elements(self, array: Column, name: str) -> Source:
        """The elements of an array: their fields when they are STRUCTs, else one column of the alias' name."""
        flow = Flow()
        flow.absorb(array.flow, EdgeType.DERIVES, exact=True)
        shape: Shape | None = array.shape.element if array.shape else None
        fields = expand_fields(shape, flow)
        return Source(fields or [Column(name or None, flow, shape)], flow, shape)


def _is_join(node: exp.Subquery) -> bool:
    return bool(node.args.get("joins"))


def _find_implicit(table: exp.Table) -> str:
    """The name of a table without an alias: the last of its path."""
    return "" if not isinstance(table.this, exp.Identifier) else table.name
