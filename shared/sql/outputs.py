"""The columns that a query names itself."""

from collections.abc import Iterator

from sqlglot import exp

from shared.sql.nodes import FROM_FIRST, PipeQuery


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
