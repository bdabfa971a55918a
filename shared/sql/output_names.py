"""The names of a query's columns, where its text alone tells all of them."""

from sqlglot import exp

from shared.sql.nodes import PipeQuery, find_star
from shared.sql.parsing import ParsedSql


def list_output_names(parsed: ParsedSql) -> tuple[str, ...] | None:
    """The names in order; None for `*`, pipes, matching by name and columns that BigQuery names itself (`f0_`).

    A set operation is named as its first query:
    https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#set_operators
    """
    query: exp.Expr | None = parsed.tree
    while isinstance(query, exp.SetOperation | exp.Subquery):
        if query.args.get("by_name"):
            return None
        query = query.this
    if not isinstance(query, exp.Select) or isinstance(query, PipeQuery) or query.args.get("kind"):
        return None
    names = [_name(item) for item in query.expressions]
    known = tuple(name for name in names if name is not None)
    return known if known and len(known) == len(names) else None


def _name(item: exp.Expr) -> str | None:
    if find_star(item):
        return None
    if isinstance(item, exp.Alias):
        return item.alias
    if isinstance(item, exp.Dot):
        return item.name if isinstance(item.expression, exp.Identifier) else None
    return item.name if isinstance(item, exp.Column) else None
