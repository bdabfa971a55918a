"""Which readings of partitioned tables a query filters, followed through CTEs, views, subqueries and pipes.

A condition reaches a table from outside as long as nothing between them needs all rows: not through GROUP BY, window
functions, LIMIT, PIVOT, EXCEPT or a recursive CTE. BigQuery asks for filters as close to the table as can be:
https://cloud.google.com/bigquery/docs/querying-partitioned-tables
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from shared.sql.lexer import fold_name
from shared.sql.nodes import FROM_FIRST, PipeQuery, find_alias, walk
from shared.sql.scopes import TableFinder
from shared.warehouse.models.tables import TableRef
from shared.warehouse.partitions.relations import NOTHING_KNOWN, Read, Relation, combine
from shared.warehouse.partitions.sources import Sources
from shared.warehouse.partitions.tables import Known, find_ref, read_stored

ParseView = Callable[[TableRef], exp.Query | None]
"""The query of a view; None for what is no view, or one that cannot be read."""


@dataclass
class _Cte:
    """A CTE, read when it is first used: one that is never used reads nothing."""

    query: exp.Expr
    around: "_Place"
    recursive: bool
    relation: Relation | None = None
    is_open: bool = False


@dataclass
class _Place:
    """What the names in a place of a text mean: how tables are completed, which nodes are tables, CTEs in scope."""

    project: str
    dataset: str | None
    tables: frozenset[int]
    ctes: Mapping[str, _Cte] = field(default_factory=dict)

    def with_ctes(self, ctes: Mapping[str, _Cte]) -> "_Place":
        return _Place(self.project, self.dataset, self.tables, ctes)


class FilterFinder:
    """Follows the conditions of one query; `reads` are the readings found, `seen` the tables by any name."""

    def __init__(self, known: Known, parse_view: ParseView) -> None:
        self._known = known
        self._parse_view = parse_view
        self._views: dict[TableRef, Relation] = {}
        self.reads: list[tuple[TableRef, Read]] = []
        self.seen: set[TableRef] = set()

    def follow(self, query: exp.Query, project: str, dataset: str | None) -> Relation:
        """Read a whole query, whose tables `project` and `dataset` complete."""
        named = [node for node in walk(query) if isinstance(node, exp.Table)]
        tables = TableFinder().find(query, named)
        place = _Place(project, dataset, frozenset(map(id, tables)))
        refs = (find_ref(table, project, dataset) for table in tables)
        self.seen.update(ref for ref in refs if ref is not None)
        return self._read_query(query, place)

    # --- queries

    def _read_query(self, query: exp.Expr, place: _Place) -> Relation:
        place = self._open_with(query, place)
        if isinstance(query, PipeQuery):
            relation = self._read_pipes(query, place)
        elif isinstance(query, exp.SetOperation):
            relation = self._read_set(query, place)
        elif isinstance(query, exp.Subquery):
            relation = (
                self._read_query(query.this, place) if isinstance(query.this, exp.Query) else NOTHING_KNOWN
            )
        elif isinstance(query, exp.Select):
            relation = self._read_select(query, place)
        else:
            return NOTHING_KNOWN
        limited = query.args.get("limit") is not None
        return relation.without_reads() if limited else relation

    def _open_with(self, node: exp.Expr, place: _Place) -> _Place:
        clause = node.args.get("with_")
        if not isinstance(clause, exp.With):
            return place
        recursive = bool(clause.args.get("recursive"))
        ctes = dict(place.ctes)
        every = place.with_ctes(ctes)  # which goes on growing: a recursive CTE sees those behind it
        for cte in clause.expressions:
            around = every if recursive else place.with_ctes(dict(ctes))
            ctes[fold_name(cte.alias)] = _Cte(cte.this, around, recursive)
        return every

    def _read_set(self, query: exp.SetOperation, place: _Place) -> Relation:
        # A chain of UNIONs leans to the left, one level for each.
        chain = [query]
        while isinstance(chain[-1].this, exp.SetOperation) and chain[-1].this.args.get("with_") is None:
            chain.append(chain[-1].this)
        relation = self._read_query(chain[-1].this, place)
        for operation in reversed(chain):
            relation = _combine(operation, relation, self._read_query(operation.expression, place))
        return relation

    def _read_select(self, select: exp.Select, place: _Place) -> Relation:
        sources = self._read_from(select, place)
        where = select.args.get("where")
        sources.filter(where.this if where is not None else None)
        clauses = ("expressions", "where", "group", "having", "qualify", "windows", "order")
        self._visit(select, clauses, place)
        if select.meta.get(FROM_FIRST):
            return sources.relation
        relation = sources.select(select.expressions)
        return relation.without_reads() if _needs_all_rows(select) else relation

    def _visit(self, node: exp.Expr, keys: Iterable[str], place: _Place) -> None:
        """Read the queries within expressions; what they filter is their own."""
        for key in keys:
            value = node.args.get(key)
            for part in value if isinstance(value, list) else (value,):
                if isinstance(part, exp.Expr):
                    for inner in walk(part, leaves=(exp.Query,)):
                        if isinstance(inner, exp.Query):
                            self._read_query(inner, place)

    # --- FROM

    def _read_from(self, select: exp.Expr, place: _Place) -> Sources:
        clause = select.args.get("from_")
        sources = self._read_source(clause.this, place) if isinstance(clause, exp.From) else Sources()
        self._join_all(select.args.get("joins") or (), sources, place)
        return sources

    def _join_all(self, joins: Iterable[exp.Expr], sources: Sources, place: _Place) -> None:
        for join in joins:
            self._join(join, sources, place)

    def _join(self, join: exp.Expr, sources: Sources, place: _Place) -> None:
        """Add what a join brings; its condition binds both sides, or the one whose rows may go."""
        side = str(join.args.get("side") or "")
        left, right = sources.relation.reads, self._read_source(join.this, place)
        within = {"": left | right.relation.reads, "LEFT": right.relation.reads, "RIGHT": left}.get(
            side, frozenset()
        )
        joined = list(right.columns)
        sources.merge(right)
        sources.filter(join.args.get("on"), within)
        self._visit(join, ("on",), place)
        names = [fold_name(name.name) for name in join.args.get("using") or ()]
        sources.join_using(names, side, joined)
        if side:
            sources.mark_optional()

    def _read_source(self, node: exp.Expr, place: _Place) -> Sources:
        if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query):
            sources = self._read_source(node.this, place)  # a table or a join in brackets
        else:
            relation = self._read_relation(node, place)
            if node.args.get("pivots"):
                relation = NOTHING_KNOWN
            sources = Sources.of(relation, _name_of(node))
        self._join_all(node.args.get("joins") or (), sources, place)
        return sources

    def _read_relation(self, node: exp.Expr, place: _Place) -> Relation:
        if isinstance(node, exp.Table):
            return self._read_table(node, place)
        if isinstance(node, exp.Unnest):
            self._visit(node, ("expressions",), place)
            return Relation()
        return self._read_query(node, place)

    def _read_table(self, node: exp.Table, place: _Place) -> Relation:
        if not isinstance(node.this, exp.Identifier):
            self._visit(node, ("this",), place)
            return NOTHING_KNOWN
        if id(node) not in place.tables:
            cte = place.ctes.get(fold_name(node.name)) if len(node.parts) == 1 else None
            return self._read_cte(cte) if cte is not None else Relation()
        ref = find_ref(node, place.project, place.dataset)
        if ref is None:
            return NOTHING_KNOWN
        view = self._read_view(ref)
        if view is not None:
            return view.use()
        relation, read = read_stored(ref, self._known)
        if read is not None:
            self.reads.append((ref, read))
        return relation

    def _read_cte(self, cte: _Cte) -> Relation:
        if cte.relation is None:
            if cte.is_open:
                return NOTHING_KNOWN  # the recursive term reads what it is about to make
            cte.is_open = True
            relation = self._read_query(cte.query, cte.around)
            cte.relation = relation.without_reads() if cte.recursive else relation
        return cte.relation.use()

    def _read_view(self, ref: TableRef) -> Relation | None:
        if ref not in self._views:
            query = self._parse_view(ref)
            if query is None:
                return None
            self._views[ref] = NOTHING_KNOWN  # a view that names itself does not exist, and ends here
            self._views[ref] = self.follow(query, ref.project, f"{ref.project}.{ref.dataset}")
        return self._views[ref]

    # --- pipes

    def _read_pipes(self, query: PipeQuery, place: _Place) -> Relation:
        first = query.this
        if first.meta.get(FROM_FIRST):
            place = self._open_with(first, place)
            sources = self._read_from(first, place)
        else:
            sources = Sources.of(self._read_query(first, place))
        for operator in query.args["operators"]:
            place = self._open_with(operator, place)
            sources = self._apply(operator, sources, place)
        return sources.relation

    def _apply(self, operator: exp.Expr, sources: Sources, place: _Place) -> Sources:
        kind = operator.args["kind"]
        if kind == "JOIN":
            self._join_all(operator.expressions, sources, place)
            return sources
        if kind == "SET_OPERATION":
            relation = sources.relation
            for query in operator.args["queries"]:
                relation = _combine(operator.args["set_operation"], relation, self._read_query(query, place))
            return Sources.of(relation)
        self._visit(operator, ("this", "expressions", "group", "windows"), place)
        return _apply_simple(kind, operator, sources)


def _apply_simple(kind: str, operator: exp.Expr, sources: Sources) -> Sources:
    """An operator that reads nothing but the rows before it."""
    match kind:
        case "WHERE":
            sources.filter(operator.this.this)
        case "SELECT":
            relation = sources.select(operator.this.expressions)
            return Sources.of(relation.without_reads() if _has_window(operator.this) else relation)
        case "EXTEND":
            sources.columns.extend(sources.select(operator.expressions).columns)
            return Sources.of(sources.relation.without_reads()) if _has_window(operator) else sources
        case "AS":
            return Sources.of(sources.relation, operator.args["alias"].name)
        case "SET" | "DROP" | "RENAME":
            return Sources.of(_edit(kind, operator, sources.relation))
        case "ORDER BY" | "DISTINCT" | "ASSERT" | "WITH":
            return sources
        case "LIMIT" | "TABLESAMPLE" | "WINDOW":
            return Sources.of(sources.relation.without_reads())
        case _:  # AGGREGATE, PIVOT, UNPIVOT, CALL
            return Sources.of(NOTHING_KNOWN)
    return sources


def _edit(kind: str, operator: exp.Expr, relation: Relation) -> Relation:
    """What SET, DROP and RENAME leave of a relation: the star's own EXCEPT, REPLACE and RENAME."""
    key = {"SET": "replace", "DROP": "except_", "RENAME": "rename"}[kind]
    star = exp.Star(**{key: [part.copy() for part in operator.expressions]})
    return Sources.of(relation).select([star])


def _combine(operation: exp.Expr, left: Relation, right: Relation) -> Relation:
    if not isinstance(operation, exp.Union):
        return left.without_reads()
    return combine(left, right, by_name=bool(operation.args.get("by_name")))


def _needs_all_rows(select: exp.Select) -> bool:
    args = select.args
    if args.get("group") or args.get("qualify") or args.get("kind"):
        return True
    return any(map(_has_window, select.expressions))


def _has_window(node: exp.Expr) -> bool:
    return any(isinstance(one, exp.Window) for one in walk(node, leaves=(exp.Query,)))


def _name_of(node: exp.Expr) -> str:
    """What a source goes by: its alias, or the last part of a table's name."""
    return find_alias(node) or (str(node.name) if isinstance(node, exp.Table) else "")
