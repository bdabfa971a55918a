"""Which names in FROM are tables: neither CTEs in scope nor array fields of what stands to the left.

BigQuery's rules (https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#from_clause): a
name of one part is a CTE when one of that name is visible, else a table; a path of several parts is an array
when its first name is a range variable visible there, else a table. A WITH sees the CTEs before it (all
of them when RECURSIVE) and no range variables; a query in an expression sees those around it; one in FROM
does not see its neighbours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from shared.sql.lexer import fold_name
from shared.sql.nodes import FROM_FIRST, PipeQuery, start_of, walk

# The pipe operators behind which the range variables before them are still seen.
_KEEPING = frozenset(
    {"EXTEND", "WINDOW", "SET", "DROP", "RENAME", "WHERE", "ORDER BY", "LIMIT", "DISTINCT", "TABLESAMPLE", "WITH",
     "ASSERT"}
)  # fmt: skip
# What opens a scope of its own, or is judged by one.
_SCOPED = (exp.Query, exp.Table)


@dataclass(frozen=True)
class _Scope:
    """What is visible in one place: the names of each enclosing WITH and FROM, which go on growing.

    Nothing is copied: a visit sees what stands to the left of it because the rest is not there yet.
    """

    ctes: tuple[set[str], ...] = ()
    aliases: tuple[set[str], ...] = ()

    def with_ctes(self, names: set[str]) -> "_Scope":
        return _Scope((*self.ctes, names), self.aliases)

    def with_aliases(self, names: set[str]) -> "_Scope":
        return _Scope(self.ctes, (*self.aliases, names))

    def without_aliases(self) -> "_Scope":
        return _Scope(self.ctes)

    def has_cte(self, name: str) -> bool:
        return any(name in names for names in self.ctes)

    def has_alias(self, name: str) -> bool:
        return any(name in names for names in self.aliases)


class TableFinder:
    """Collects the table nodes of one tree; `find` is called once."""

    def __init__(self) -> None:
        self._tables: list[exp.Table] = []
        self._seen: set[int] = set()

    def find(self, query: exp.Query, tables: Iterable[exp.Table]) -> list[exp.Table]:
        """Every one of the query's nodes of that kind that names a table, in no particular order.

        A table node in a place that no rule of scope reaches counts as a table.
        """
        self._visit_query(query, _Scope())
        self._tables.extend(table for table in tables if id(table) not in self._seen)
        return self._tables

    def _visit_query(self, query: exp.Expr, scope: _Scope) -> None:
        # A chain of UNIONs leans to the left, one level for each; only brackets, which are bounded, recurse.
        pending = [(query, scope)]
        while pending:
            node, outer = pending.pop()
            inner = self._visit_with(node, outer)
            if isinstance(node, exp.SetOperation):
                pending.append((node.this, inner))
                pending.append((node.expression, inner))
                self._visit_parts(node, inner, skip=("this", "expression", "with_"))
            elif isinstance(node, PipeQuery):
                self._visit_pipes(node, inner)
            elif isinstance(node, exp.Select):
                self._visit_select(node, inner)
            elif isinstance(node, exp.Subquery):
                self._visit_source(node, inner, set())
            else:
                self._visit_expression(node, inner)

    def _visit_pipes(self, query: PipeQuery, scope: _Scope) -> None:
        """Operator for operator: range variables stay until one takes them away, as SELECT does."""
        names: set[str] = set()
        if query.this.meta.get(FROM_FIRST):
            scope = self._visit_with(query.this, scope)
            self._visit_from(query.this, scope, names)
        else:
            self._visit_query(query.this, scope)
        for operator in query.args["operators"]:
            scope = self._visit_with(operator, scope)
            names = self._visit_operator(operator, scope, names)

    def _visit_operator(self, operator: exp.Expr, scope: _Scope, names: set[str]) -> set[str]:
        """Visit what one operator names; the range variables behind it."""
        kind = operator.args["kind"]
        for query in operator.args.get("queries") or ():
            self._visit_query(query, scope)
        if kind == "JOIN":
            names = set(names)
            for join in operator.expressions:
                names |= self._visit_source(join.this, scope, names)
                self._visit_parts(join, scope.with_aliases(names), skip=("this",))
            return names
        self._visit_parts(
            operator, scope.with_aliases(names), skip=("with_", "queries", "set_operation", "alias")
        )
        if kind in _KEEPING:
            return names
        alias = operator.args.get("alias") or getattr(operator.this, "args", {}).get("alias")
        return {fold_name(alias.name)} if isinstance(alias, exp.TableAlias) else set()

    def _visit_with(self, node: exp.Expr, scope: _Scope) -> _Scope:
        clause = node.args.get("with_")
        if not isinstance(clause, exp.With):
            return scope
        names: set[str] = set()
        if clause.args.get("recursive"):
            names |= {fold_name(cte.alias) for cte in clause.expressions}
        inside = scope.without_aliases().with_ctes(names)
        for cte in clause.expressions:
            self._visit_query(cte.this, inside)
            names.add(fold_name(cte.alias))
        return scope.with_ctes(names)

    def _visit_select(self, select: exp.Select, scope: _Scope) -> None:
        names: set[str] = set()
        self._visit_from(select, scope, names)
        self._visit_parts(select, scope.with_aliases(names), skip=("from_", "joins", "with_"))

    def _visit_from(self, select: exp.Expr, scope: _Scope, names: set[str]) -> None:
        """Visit the sources of a SELECT, and add the range variables they bring to `names`."""
        source = select.args.get("from_")
        if isinstance(source, exp.From):
            names |= self._visit_source(source.this, scope, names)
        self._visit_joins(select, scope, names)

    def _visit_joins(self, node: exp.Expr, scope: _Scope, names: set[str]) -> None:
        """Visit what is joined to the range variables `names`, and add the ones it brings."""
        for join in node.args.get("joins") or ():
            names |= self._visit_source(join.this, scope, names)
            self._visit_parts(join, scope.with_aliases(names), skip=("this",))

    def _visit_source(self, node: exp.Expr, scope: _Scope, left: set[str]) -> set[str]:
        """Visit one item of FROM; the range variables it brings, folded. `left` are those before it."""
        if isinstance(node, exp.Table):
            return self._visit_table(node, scope, left)
        if isinstance(node, exp.Unnest):
            return self._visit_unnest(node, scope.with_aliases(left))
        if isinstance(node, exp.Subquery):
            return self._visit_subquery(node, scope, left)
        self._visit_query(node, scope)
        return set()

    def _visit_table(self, table: exp.Table, scope: _Scope, left: set[str]) -> set[str]:
        self._seen.add(id(table))
        is_call = isinstance(table.this, exp.Func)
        if not is_call and not self._is_in_scope(table, scope.with_aliases(left)):
            self._tables.append(table)
        self._visit_parts(table, scope, skip=("joins",) if is_call else ("this", "joins"))
        names = {fold_name(table.alias_or_name)}
        if table.args.get("joins"):
            names |= left
            self._visit_joins(table, scope, names)
        return names

    def _is_in_scope(self, table: exp.Table, visible: _Scope) -> bool:
        parts = table.parts
        first = fold_name(parts[0].name)
        if len(parts) == 1:
            return visible.has_cte(first)
        # `a.b` in one pair of backticks is a single name to BigQuery, which is no range variable's.
        return visible.has_alias(first) and not table.meta.get("quoted_table")

    def _visit_unnest(self, unnest: exp.Unnest, visible: _Scope) -> set[str]:
        self._visit_parts(unnest, visible, skip=("alias", "offset"))
        alias = unnest.args.get("alias")
        names = {fold_name(name.name) for name in alias.columns} | {fold_name(alias.name)} if alias else set()
        return names - {""}

    def _visit_subquery(self, node: exp.Subquery, scope: _Scope, left: set[str]) -> set[str]:
        inner = self._visit_with(node, scope)
        content = node.this
        if isinstance(content, exp.Query) and not isinstance(content, exp.Subquery):
            self._visit_query(content, inner)
            names: set[str] = set()
        else:  # brackets around a table or a join: what is named inside stays visible
            names = self._visit_source(content, inner, left)
        if node.alias:
            names = {fold_name(node.alias)}
        self._visit_joins(node, inner, names)
        self._visit_parts(node, inner.with_aliases(names), skip=("this", "with_", "joins", "alias"))
        return names

    def _visit_parts(self, node: exp.Expr, visible: _Scope, skip: tuple[str, ...]) -> None:
        for key, value in node.args.items():
            if key in skip:
                continue
            for part in value if isinstance(value, list) else (value,):
                if isinstance(part, exp.Expr):
                    self._visit_expression(part, visible)

    def _visit_expression(self, node: exp.Expr, visible: _Scope) -> None:
        for inner in walk(node, leaves=_SCOPED):
            if isinstance(inner, exp.Table):
                self._visit_table(inner, visible, set())
            elif isinstance(inner, exp.Query):
                self._visit_query(inner, visible)


def find_quoted_arrays(arrays: Iterable[exp.Unnest]) -> Iterator[exp.Column]:
    """Paths in UNNEST that the parser splits although BigQuery sees one quoted name.

    Of `a.b` in backticks the parser makes the field b of a; what BigQuery makes of it is not left to chance.
    """
    for unnest in arrays:
        for column in unnest.expressions:
            if isinstance(column, exp.Column) and len(column.parts) > 1:
                starts = [start_of(part) for part in column.parts]
                if starts[0] is None or starts[0] == starts[1]:
                    yield column
