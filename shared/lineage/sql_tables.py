"""A query's SQL as a tree whose tables have full names."""

import time
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.scope import traverse_scope

DIALECT = "bigquery"
# Bounds on what is traced. The parser's work grows with the square of the depth: 5,000 terms joined by `+`
# took nine seconds.
MAX_CHARACTERS = 100_000
MAX_NODES = 20_000
MAX_DEPTH = 400
_WRITTEN = "written"


class SqlUnresolvedError(Exception):
    """The SQL cannot be traced; the message is the reason a reader of the graph gets."""


class Deadline:
    """A point in time after which tracing stops."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def check(self) -> None:
        """Raise SqlUnresolvedError once the time is over."""
        if time.monotonic() > self._ends:
            raise SqlUnresolvedError("tracing took too long")


def parse_query(sql: str) -> exp.Query:
    """The tree of one SELECT. Raises SqlUnresolvedError when it is something else, or too large."""
    if len(sql) > MAX_CHARACTERS:
        raise SqlUnresolvedError(f"the SQL is longer than {MAX_CHARACTERS:,} characters")
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=DIALECT) if statement is not None]
    except ParseError as error:
        raise SqlUnresolvedError(_explain(error)) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SqlUnresolvedError("the SQL is not a single SELECT")
    _check_size(statements[0])
    return _unwrap(statements[0])


def _explain(error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    if "line" not in first:
        return "the SQL cannot be parsed"
    # What follows names the parser's own token.
    wanted = str(first["description"]).partition(" but got ")[0].rstrip(".")
    return f"the SQL cannot be parsed at [{first['line']}:{first['col']}]: {wanted}"


def _check_size(tree: exp.Expr) -> None:
    stack = [(tree, 0)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise SqlUnresolvedError("the SQL is too large or too deeply nested")
        stack.extend((child, depth + 1) for child in node.iter_expressions())


def check_expansion(tree: exp.Expr, column_count: int) -> None:
    """Raise SqlUnresolvedError when writing out each `*` with up to `column_count` columns is too much."""
    # `COUNT(*)` is no such star.
    stars = sum(1 for star in tree.find_all(exp.Star) if isinstance(star.parent, exp.Select | exp.Column))
    if stars * column_count > MAX_NODES:
        raise SqlUnresolvedError(f"its {stars} stars stand for too many columns")


def _unwrap(tree: exp.Query) -> exp.Query:
    """`(SELECT …)` without its parentheses, which the tracer does not see through."""
    while isinstance(tree, exp.Subquery) and tree.is_wrapper and isinstance(tree.this, exp.Query):
        tree = tree.this
    return tree


def qualify_query(tree: exp.Query, default_project: str, default_dataset: str) -> exp.Query:
    """The tree with full table names and normalised identifiers; `tree` itself is changed.

    Table names keep their case: sqlglot lowers those without a dataset, and BigQuery's are case-sensitive.
    """
    _name_anonymous_columns(tree)
    for identifier in tree.find_all(exp.Identifier):
        identifier.meta[_WRITTEN] = identifier.name
    tree = normalize_identifiers(tree, dialect=DIALECT)
    tree = qualify_tables(tree, db=default_dataset, catalog=default_project, dialect=DIALECT)
    for table in tree.find_all(exp.Table):
        if table.db and isinstance(table.this, exp.Identifier):
            table.this.set("this", table.this.meta.get(_WRITTEN, table.name))
    return tree


def _name_anonymous_columns(tree: exp.Query) -> None:
    """Give projections without a name the one BigQuery gives them: f0_, f1_, …"""
    for select in tree.find_all(exp.Select):
        anonymous = [column for column in select.expressions if not (column.output_name or column.is_star)]
        for number, column in enumerate(anonymous):
            column.replace(exp.alias_(column.copy(), f"f{number}_"))


def collect_spelling(tree: exp.Query) -> dict[str, str]:
    """Column names of a qualified tree as the author wrote them, by their lower case; the outermost wins."""
    spelling: dict[str, str] = {}
    for identifier in tree.find_all(exp.Identifier):
        if not isinstance(identifier.parent, exp.Table | exp.TableAlias):
            spelling.setdefault(identifier.name.lower(), identifier.meta.get(_WRITTEN, identifier.name))
    return spelling


def list_tables(tree: exp.Query) -> list[str]:
    """`project.dataset.table` of every table a qualified tree reads, sorted; CTEs are none."""
    return sorted({name for table in _iterate_tables(tree) if (name := name_table(table))})


def index_aliases(tree: exp.Expr) -> dict[str, str]:
    """Table by the alias it goes under, for the aliases that mean one table in the whole query."""
    aliases: dict[str, set[str]] = {}
    for table in _iterate_tables(tree):
        aliases.setdefault(table.alias_or_name, set()).add(name_table(table) or "")
    return {alias: min(names) for alias, names in aliases.items() if len(names) == 1 and "" not in names}


def name_table(table: exp.Table) -> str | None:
    """`project.dataset.table`, or None for table functions and names nobody qualified."""
    if not (isinstance(table.this, exp.Identifier) and table.catalog and table.db):
        return None
    return f"{table.catalog}.{table.db}.{table.name}"


def _iterate_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                yield source
