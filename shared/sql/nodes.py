"""Syntax nodes: those of GoogleSQL that the parser's library has no class for, where nodes are in the text, and what
the columns of a query and its types are called.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

from sqlglot import exp
from sqlglot.errors import SqlglotError

# What the REST API calls types, where SQL calls them something else.
_REST_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


@lru_cache(maxsize=1024)
def read_type(text: str) -> exp.DataType:
    """The type of that name; one that cannot be read is unknown, because only the fields of STRUCTs matter."""
    try:
        return exp.DataType.build(_REST_TYPES.get(text.upper(), text), dialect="bigquery")
    except SqlglotError:
        return exp.DataType.build("unknown")


class PipeQuery(exp.Select):
    """A query and the pipe operators behind it, in their order: what comes out of the last is what it selects."""

    arg_types: ClassVar = {"this": True, "operators": True, "with_": False}


class PipeOperator(exp.Expression):
    """One `|>`: `kind` is its first word; what else is set depends on it.

    `expressions` are columns or aggregates, `group` the grouping items of AGGREGATE, `queries` the operands of a
    set operation (whose kind of matching is in `set_operation`), `this` the clause, join, table or pivot.
    """

    arg_types: ClassVar = {
        "kind": True,
        "this": False,
        "expressions": False,
        "group": False,
        "queries": False,
        "set_operation": False,
        "alias": False,
        "with_": False,
        "windows": False,
    }


class WithExpression(exp.Expression):
    """`WITH(a AS 1, b AS a + 1, a * b)`: the value of `this`, where each alias stands for its expression."""

    arg_types: ClassVar = {"expressions": True, "this": True}


class GroupedAggregate(exp.Expression):
    """`x GROUP BY a, b` within the brackets of an aggregate: the aggregates in `this` are over those groups."""

    arg_types: ClassVar = {"this": True, "expressions": True}


class PrivacyClause(exp.Expression):
    """`WITH DIFFERENTIAL_PRIVACY OPTIONS(…)` and its like behind SELECT; `kind` is the word."""

    arg_types: ClassVar = {"kind": True, "expressions": False}


FROM_FIRST = "from_first"
"""Marks the SELECT that stands for a bare FROM."""


def walk(node: exp.Expr, leaves: tuple[type[exp.Expr], ...] = ()) -> list[exp.Expr]:
    """The node and all below it, level by level, but for what is below the kinds in `leaves`.

    As the library's own walk, at a third of its cost: every text is walked more than once.
    """
    kind = exp.Expr
    found = [node]
    for one in found:  # which grows
        if leaves and isinstance(one, leaves):
            continue
        for value in one.args.values():
            if not value:
                continue
            if isinstance(value, list):
                found.extend([part for part in value if isinstance(part, kind)])
            elif isinstance(value, kind):
                found.append(value)
    return found


def start_of(name: exp.Expr) -> int | None:
    """Where the parser read `name`; None for what it made up or put together itself."""
    start = name.meta.get("start")
    return start if isinstance(start, int) else None


def find_outputs(query: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    """Name and place of every column of the result that the text names; what stars stand for is not among them."""
    while isinstance(query, exp.Subquery | exp.SetOperation):
        query = query.this
    if isinstance(query, PipeQuery):
        yield from _find_last(query)
    elif isinstance(query, exp.Select) and not query.meta.get(FROM_FIRST):
        yield from _find_named(query)


def _find_last(query: PipeQuery) -> Iterator[tuple[str, exp.Expr]]:
    """The columns of the last operator that says what all of them are."""
    for operator in reversed(query.args["operators"]):
        kind = operator.args["kind"]
        if kind == "SELECT":
            yield from _find_named(operator.this)
            return
        if kind == "AGGREGATE":
            for item in (*(operator.args.get("group") or ()), *operator.expressions):
                yield from _name_item(item.this if isinstance(item, exp.Ordered) else item)
            return
        if kind not in ("WHERE", "ORDER BY", "LIMIT", "DISTINCT", "AS", "TABLESAMPLE", "WITH", "ASSERT"):
            return
    yield from find_outputs(query.this)


def _find_named(select: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if select.args.get("kind") != "VALUE":
        for item in select.expressions:
            yield from _name_item(item)


def _name_item(item: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    """The name of a column: its alias, or the last of the path it is."""
    named = item.args.get("alias") if isinstance(item, exp.Alias) else item
    while isinstance(named, exp.Column | exp.Dot | exp.Paren):
        named = named.expression if isinstance(named, exp.Dot) else named.this
    if isinstance(named, exp.Identifier):
        yield named.name, named


def find_alias(source: exp.Expr) -> str:
    """The alias of an item of FROM, behind PIVOT where it has one; "" without."""
    for pivot in reversed(source.args.get("pivots") or ()):
        if pivot.alias:
            return str(pivot.alias)
    if isinstance(source, exp.Unnest):
        alias = source.args.get("alias")
        return alias.columns[0].name if alias and alias.columns else ""
    return str(source.alias)


def find_star(item: exp.Expr) -> exp.Star | None:
    """The star that an item of a SELECT list is, `*` or `x.*`."""
    if isinstance(item, exp.Star):
        return item
    inner = (
        item.this if isinstance(item, exp.Column) else item.expression if isinstance(item, exp.Dot) else None
    )
    return inner if isinstance(inner, exp.Star) else None
