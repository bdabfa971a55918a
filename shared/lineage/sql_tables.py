"""A query's SQL as the one tree that all readers share, the tables it reads, and the schemas known of them."""

import re
import time
from collections.abc import Iterator, Mapping

from sqlglot import exp

from shared.errors import AlmanacError
from shared.lineage.sources import QuerySource
from shared.sql.lexer import fold_name, upper_name
from shared.sql.nodes import read_type
from shared.sql.parsing import ParsedSql, parse_sql
from shared.sql.queries import NO_COLUMNS

# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical (pseudocolumns)
_PSEUDO_COLUMNS = {"_partitiontime", "_partitiondate", "_table_suffix", "_file_name"}


class SchemaIndex:
    """Column names and types by `project.dataset.table`; column names compare without regard to case."""

    def __init__(self, table_schemas: Mapping[str, Mapping[str, str]]) -> None:
        self._types = table_schemas
        self._spelling = {
            table: {column.lower(): column for column in columns} for table, columns in table_schemas.items()
        }

    def has_table(self, table: str) -> bool:
        """True when the columns of `table` are known."""
        return table in self._spelling

    def count_columns(self, table: str) -> int:
        """How many columns `table` is known to have."""
        return len(self._spelling.get(table, ()))

    def has_column(self, table: str, column: str) -> bool:
        """True when `table` is known to have `column`, pseudo-columns included."""
        known = self._spelling.get(table)
        return known is not None and (column.lower() in known or is_pseudo_column(column))

    def spell_column(self, table: str, column: str) -> str:
        """The column's name as the schema spells it, or as it came when the schema has none."""
        if is_pseudo_column(column):
            return column.upper()
        return self._spelling.get(table, {}).get(column.lower(), column)

    def find_type(self, table: str, column: str) -> str | None:
        """The type the schema gives the column, if it does."""
        return self._types.get(table, {}).get(column)

    def list_columns(self, table: str) -> Iterator[tuple[str, exp.DataType]]:
        """The columns of `table` in its order, each with its parsed type."""
        for name, type_ in self._types.get(table, {}).items():
            yield name, read_type(type_)


def is_pseudo_column(column: str) -> bool:
    """True for a column that BigQuery has on tables that do not declare it."""
    return column.lower() in _PSEUDO_COLUMNS


# Bounds on what is traced, so that a save is not held up by a query that nobody reads a graph of.
MAX_CHARACTERS = 100_000
MAX_NODES = 20_000
MAX_DEPTH = 400
_NO_QUERY = frozenset({"empty", "statement", "single_statement", "syntax_kind"})
_PLACED = re.compile(r"The SQL does not parse at (?:'.*'|\".*\"|its end): (.*)\.", re.DOTALL)


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


class QueryTables:
    """The tables one query names, each with its full name; `nodes` tells them from CTEs and arrays by identity."""

    def __init__(self, parsed: ParsedSql, source: QuerySource) -> None:
        self._source = source
        self.nodes = {id(node): name for node in parsed.tables if (name := self._name(node))}
        arguments = ([part.text.strip("`") for part in one.path] for one in parsed.table_arguments)
        given = {self._complete(".".join(parts).split(".")) for parts in arguments}
        self.names = sorted({*self.nodes.values(), *given} - {""})

    def _name(self, table: exp.Table) -> str:
        """Nothing for table functions, and for a name that nothing completes."""
        if not isinstance(table.this, exp.Identifier):
            return ""
        return self._complete([part.name for part in table.parts])

    def _complete(self, parts: list[str]) -> str:
        missing = self._defaults()[: max(3 - len(parts), 0)]
        *project, dataset, table = [*missing, *parts]
        if not (project and dataset and table):
            return ""
        # As the guard tells tables: projects and metadata views without regard to case, all else with it.
        is_view = upper_name(table).startswith("INFORMATION_SCHEMA.")
        return ".".join([*map(fold_name, project), dataset, upper_name(table) if is_view else table])

    def _defaults(self) -> list[str]:
        dataset = self._source.default_dataset
        return dataset.split(".") if "." in dataset else [self._source.default_project, dataset]


def parse_query(sql: str) -> ParsedSql:
    """One SELECT. Raises SqlUnresolvedError when it is something else, or too large."""
    if len(sql) > MAX_CHARACTERS:
        raise SqlUnresolvedError(f"the SQL is longer than {MAX_CHARACTERS:,} characters")
    try:
        parsed = parse_sql(sql)
    except AlmanacError as error:
        raise SqlUnresolvedError(_explain(error)) from error
    _check_size(parsed.tree)
    return parsed


def _explain(error: AlmanacError) -> str:
    detail = error.details[0]
    message, found = str(detail["message"]), str(detail["found"])
    if detail["rule"] in _NO_QUERY:
        return "the SQL is not a single SELECT"
    if NO_COLUMNS in message:
        return "the SQL names no columns"
    placed = _PLACED.fullmatch(message)
    reason = placed.group(1) if placed else message.rstrip(".")
    # The place is where what was found ends: readers of graphs have always been told that one.
    column = int(str(detail["column"])) + max(len(found) - 1, 0)
    return f"the SQL cannot be parsed at [{detail['line']}:{column}]: {reason}"


def _check_size(tree: exp.Expr) -> None:
    stack = [(tree, 0)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise SqlUnresolvedError("the SQL is too large or too deeply nested")
        stack.extend((child, depth + 1) for child in node.iter_expressions())


def check_expansion(parsed: ParsedSql, column_count: int) -> None:
    """Raise SqlUnresolvedError when writing out each `*` with up to `column_count` columns is too much."""
    # `COUNT(*)` is no such star.
    stars = sum(1 for node in parsed.nodes if isinstance(node, exp.Star) and _is_projected(node))
    if stars * column_count > MAX_NODES:
        raise SqlUnresolvedError(f"its {stars} stars stand for too many columns")


def _is_projected(star: exp.Star) -> bool:
    return isinstance(star.parent, exp.Select | exp.Column)
