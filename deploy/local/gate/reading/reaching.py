"""The conditions that reach a table: those of its own SELECT, and those of the queries around that hold for its rows.

A condition on a column of a subquery, a CTE or an operand of UNION is one on the table's, where it is that column
unchanged and nothing between the two needs all rows (GROUP BY, a window, LIMIT). A CTE is read once for each use.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

_MAX_USES = 64
_ELSEWHERE = exp.column("_", "_")
"""Stands for a column that is not the table's."""


@dataclass(frozen=True)
class Reaching:
    """The AND of `conditions` holds for every row that matters; `optional` says an outer join may leave it out."""

    conditions: tuple[exp.Expr, ...] = ()
    optional: bool = False


class _TooManyUsesError(Exception):
    """CTEs that use each other several times multiply: what then holds for all uses is not looked for."""


class ReachingConditions:
    """The conditions of one qualified tree."""

    def __init__(self, tree: exp.Expr) -> None:
        self._tables: dict[str, list[exp.Table]] = defaultdict(list)
        self._ctes: dict[str, int] = defaultdict(int)
        for node in tree.find_all(exp.Table, exp.CTE):
            if isinstance(node, exp.Table):
                self._tables[node.name].append(node)
            else:
                self._ctes[node.alias] += 1

    def find(self, table: exp.Table) -> list[Reaching]:
        """What reaches `table`, once for each way the query uses it; none for a CTE that nobody uses."""
        select = table.find_ancestor(exp.Select)
        if select is None:
            return [Reaching()]
        own = Reaching(tuple(_conditions(select, table)), _has_outer_join(select))
        columns = _outputs(select, table.alias, None)
        uses: list[Reaching] = []
        try:
            for outer in self._climb(select, columns):
                uses.append(_both(own, outer))
                if len(uses) > _MAX_USES:
                    raise _TooManyUsesError
        except _TooManyUsesError:
            return [own]
        return uses

    def _climb(self, query: exp.Expr, columns: Mapping[str, exp.Column]) -> Iterator[Reaching]:
        """What the queries around `query` say of its `columns`, by their names in its result."""
        if _needs_all_rows(query):
            columns = {}
        parent = query.parent
        if isinstance(parent, exp.SetOperation):
            yield from self._climb(parent, _through_set(parent, query, columns))
        elif isinstance(parent, exp.Subquery) and isinstance(parent.parent, exp.SetOperation):
            yield from self._climb(parent, columns)
        elif isinstance(parent, exp.Subquery) and isinstance(parent.parent, exp.From | exp.Join):
            yield from self._read_use(parent, columns)
        elif isinstance(parent, exp.CTE) and self._ctes[parent.alias] == 1 and not _is_recursive(parent):
            for use in self._tables[parent.alias]:
                yield from self._read_use(use, columns)
        else:
            yield Reaching()

    def _read_use(self, source: exp.Expr, columns: Mapping[str, exp.Column]) -> Iterator[Reaching]:
        """What the SELECT that has `source` in its FROM says of it, and the queries around that."""
        select = source.find_ancestor(exp.Select)
        if select is None:
            yield Reaching()
            return
        found = tuple(_translate(one, source.alias, columns) for one in _conditions(select, source))
        here = Reaching(found, _has_outer_join(select))
        for outer in self._climb(select, _outputs(select, source.alias, columns)):
            yield _both(here, outer)


def _both(one: Reaching, other: Reaching) -> Reaching:
    return replace(
        one, conditions=(*one.conditions, *other.conditions), optional=one.optional or other.optional
    )


def _conditions(select: exp.Select, source: exp.Expr) -> Iterator[exp.Expr]:
    """Conditions that every row of `source` which matters to `select` fulfils."""
    where = select.args.get("where")
    if where:
        yield from _conjuncts(where.this)
    joins = select.args.get("joins") or []
    own = next((index for index, join in enumerate(joins) if join.this is source), -1)
    for index, join in enumerate(joins):
        condition = join.args.get("on")
        applies = {"": True, "LEFT": own == index, "RIGHT": own < index}.get(join.side, False)
        if condition and applies and not join.kind.startswith(("SEMI", "ANTI")):
            yield from _conjuncts(condition)


def _conjuncts(condition: exp.Expr) -> Sequence[exp.Expr]:
    node = condition.unnest()
    return list(node.flatten()) if isinstance(node, exp.And) else [node]


def _has_outer_join(select: exp.Select) -> bool:
    return any(join.side for join in select.args.get("joins") or ())


def _needs_all_rows(query: exp.Expr) -> bool:
    args = query.args
    return any(args.get(key) for key in ("limit", "offset", "group", "qualify", "kind")) or (
        isinstance(query, exp.Select) and any(item.find(exp.Window) for item in query.expressions)
    )


def _is_recursive(cte: exp.CTE) -> bool:
    return bool(cte.parent and cte.parent.args.get("recursive"))


def _outputs(
    select: exp.Select, alias: str, columns: Mapping[str, exp.Column] | None
) -> dict[str, exp.Column]:
    """The columns of `alias` that the SELECT returns as they are; as `columns` says where it says anything."""
    found = {}
    for item in select.expressions:
        value = item.unalias().unnest()
        if isinstance(value, exp.Column) and value.table == alias:
            meant = value if columns is None else columns.get(value.name)
            if meant is not None:
                found[item.alias_or_name] = meant
    return found


def _through_set(
    operation: exp.SetOperation, operand: exp.Expr, columns: Mapping[str, exp.Column]
) -> dict[str, exp.Column]:
    """The columns of an operand by the names that the first operand gives them."""
    if not isinstance(operation, exp.Union):
        return {}
    if operation.args.get("by_name"):
        return dict(columns)
    names: Iterable[str] = getattr(operand, "named_selects", ())
    pairs = zip(operation.named_selects, names, strict=False)
    return {shown: columns[name] for shown, name in pairs if name in columns}


def _translate(condition: exp.Expr, alias: str, columns: Mapping[str, exp.Column]) -> exp.Expr:
    """The condition in terms of the table's columns."""

    def translate(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        found = columns.get(node.name) if node.table == alias else None
        return (found or _ELSEWHERE).copy()

    return condition.copy().transform(translate)
