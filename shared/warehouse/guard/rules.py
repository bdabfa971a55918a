"""Rules over the parsed tree: which nodes it may be made of, how many, what its columns may be called, and that it
holds every table the text names.

Each yields what it refuses.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Protocol

from sqlglot import exp

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.lexer import Lexeme, fold_name, upper_name
from shared.sql.nodes import (
    GroupedAggregate,
    PipeOperator,
    PipeQuery,
    PrivacyClause,
    WithExpression,
    find_outputs,
    start_of,
)
from shared.sql.parsing import ParsedSql
from shared.sql.violations import Violation, raise_violations
from shared.warehouse.guard.functions import FUNCTIONS
from shared.warehouse.guard.policy import GuardPolicy

# Functions are all let through here: `policy` judges them by the names in the text.
_READING = (
    # queries
    exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join,
    exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Window, exp.WindowSpec,
    PipeQuery, PipeOperator, PrivacyClause, WithExpression, GroupedAggregate,
    # tables
    exp.Table, exp.TableAlias, exp.Unnest, exp.Pivot, exp.PivotAlias, exp.TableSample, exp.Version,
    # expressions
    exp.Alias, exp.Column, exp.Identifier, exp.Dot, exp.Star, exp.Literal, exp.RawString,
    exp.ByteString, exp.HexString, exp.Boolean, exp.Null, exp.Parameter, exp.Placeholder, exp.Var, exp.Paren, exp.Tuple,
    exp.Bracket, exp.Slice, exp.Interval, exp.IntervalSpan, exp.AtTimeZone, exp.Collate, exp.In, exp.Between,
    exp.Binary, exp.Unary, exp.Func, exp.Lambda, exp.SubqueryPredicate, exp.Predicate, exp.IgnoreNulls,
    exp.RespectNulls,
    exp.HavingMax, exp.Kwarg, exp.PropertyEQ, exp.Any, exp.All, exp.WithinGroup, exp.WeekStart,
    # types and JSON
    exp.DataType, exp.DataTypeParam, exp.ColumnDef, exp.JSONKeyValue, exp.JSONPath, exp.JSONPathPart,
    exp.FormatJson, exp.CharacterSet,
)  # fmt: skip
_KNOWN: dict[type[exp.Expr], bool] = {}


def is_reading(kind: type[exp.Expr]) -> bool:
    """True when a node of this kind only reads and computes."""
    known = _KNOWN.get(kind)
    if known is None:
        known = _KNOWN[kind] = issubclass(kind, _READING)
    return known


MAX_SOURCES = 1000
MAX_TABLES = 1000
_REMEDY = "Split it with WITH, or move long lists into a table."


class TreeRule(Protocol):
    """One reason to refuse a parsed statement."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every place of the statement that the rule refuses."""
        ...


class NodeRule:
    """The tree holds only nodes known to read: the list is of what may be, so new syntax stays out."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every node that is not on the list, such as an INSERT inside of a WITH."""
        if all(map(is_reading, parsed.nodes_by_kind)):
            return
        for node in parsed.nodes:
            if not is_reading(type(node)):
                yield self._refuse(parsed, node)

    def _refuse(self, parsed: ParsedSql, node: exp.Expr) -> Violation:
        keyword = _KEYWORDS.get(type(node), node.key.upper())
        offset = next(
            (lexeme.start for lexeme in parsed.lexemes if lexeme.kind == "word" and lexeme.upper == keyword),
            parsed.offset_of(node),
        )
        message = f"{keyword} is nothing a reading query needs; it never runs here."
        return Violation(SqlNotAllowedError, "syntax_kind", message, keyword, offset)


_KEYWORDS: dict[type[exp.Expr], str] = {exp.Lock: "FOR", exp.Command: "CALL"}


class SizeRule:
    """No more is joined than BigQuery reads tables: arrays and queries count too, which the rules of scope look at."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """The first join over the bound (https://cloud.google.com/bigquery/quotas#query_jobs)."""
        joins = parsed.find(exp.Join)
        if len(joins) >= MAX_SOURCES:
            message = f"The SQL joins {len(joins) + 1} tables or arrays; at most {MAX_SOURCES} are accepted."
            offset = parsed.offset_of(joins[-1])
            remedy = "Read them in several queries, or name them by a wildcard table."
            yield Violation(SqlInvalidError, "size", message, f"{len(joins) + 1} sources", offset, remedy)


class AnonymousCallRule:
    """A call the parser has no class for is one of BigQuery's own functions, by name.

    It stops calls of routines named like a word of the grammar, which pass as names before a bracket.
    """

    def __init__(self, policy: GuardPolicy) -> None:
        self._policy = policy

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every unqualified call of something that is not on the list of functions."""
        for node in parsed.find(exp.Anonymous, exp.AnonymousAggFunc):
            if isinstance(node.parent, exp.Dot | exp.NetFunc | exp.SafeFunc):
                continue  # a call behind a dot is judged by its whole name in `policy`
            name = _read_name(node)
            if "." in node.name:
                continue  # so is a path in brackets, and a routine's quoted name
            if upper_name(name) not in FUNCTIONS and not self._policy.allows_routine(name):
                message = f"{name} is not one of BigQuery's own functions known to only compute."
                offset = _find_call(parsed, node.name)
                yield Violation(SqlNotAllowedError, "function", message, name, offset)


def _read_name(call: exp.Expr) -> str:
    """The name of a call; that of a table function with its dataset and project."""
    source = call.parent
    qualifier = [source.catalog, source.db] if isinstance(source, exp.Table) else []
    return ".".join([*filter(None, qualifier), call.name])


def _find_call(parsed: ParsedSql, name: str) -> int:
    pairs = zip(parsed.lexemes, parsed.lexemes[1:], strict=False)
    places = (word.start for word, after in pairs if after.text == "(" and word.upper == upper_name(name))
    return next(places, parsed.lexemes[0].start)


def check_table_count(parsed: ParsedSql) -> None:
    """Raise SqlInvalidError when the statement names more tables than one may.

    BigQuery's own limit: https://cloud.google.com/bigquery/quotas#query_jobs.
    """
    count = len(parsed.find(exp.Table))
    if count > MAX_TABLES:
        message = f"The SQL names {count} tables; at most {MAX_TABLES} are accepted."
        found = Violation(SqlInvalidError, "size", message, f"{count} tables", 0, _REMEDY)
        raise_violations(parsed.sql, [found])


MAX_NAME_LENGTH = 300
_FORBIDDEN = re.compile(r"""[!"$()*,./;?@\[\\\]^`{}~]""")
_RESERVED_PREFIXES = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier")


class ColumnNameRule:
    """Each column of the result has a name of its own, and one that a column may have."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every name that comes twice, and every one that BigQuery refuses."""
        seen: set[str] = set()
        for name, place in find_outputs(parsed.tree):
            reason = _refuse(name, place.parent is not None and bool(place.parent.args.get("alias")))
            folded = fold_name(name)
            if folded in seen:
                reason = f"Two columns of the result are called {name}; BigQuery compares names without case"
            seen.add(folded)
            if reason:
                start = start_of(place)
                offset = parsed.offset_of(place) if start is None else start
                remedy = "Give the column another name with AS."
                yield Violation(SqlInvalidError, "column_name", f"{reason}.", name, offset, remedy)


def _refuse(name: str, is_alias: bool) -> str | None:
    character = _FORBIDDEN.search(name)
    if character and is_alias:
        return f"{character.group()} cannot stand in the name of a column"
    if fold_name(name).startswith(_RESERVED_PREFIXES) and is_alias:
        return f"{name} begins like a name that BigQuery keeps for itself"
    if len(name) > MAX_NAME_LENGTH:
        return f"The name of a column is longer than {MAX_NAME_LENGTH} characters"
    return None


_NO_TABLE = frozenset({"UNNEST", "SELECT", "WITH", "FROM", "LATERAL"})
PIPE_NAME = "__tmp"
_PIPE_NAMES = (PIPE_NAME.upper(), f"`{PIPE_NAME.upper()}")


class CompletenessRule:
    """A name behind FROM or JOIN names a source in the tree: the parser took it for nothing else."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every name behind FROM or JOIN that the tree lacks, and every name of another parser's making."""
        known = {start_of(part) for table in parsed.find(exp.Table) for part in table.parts}
        for lexeme in _find_table_starts(parsed.lexemes):
            if not _is_name(lexeme):
                message = "A table is written out by name; a parameter or a string cannot stand for it."
                yield Violation(SqlInvalidError, "table_name", message, lexeme.text, lexeme.start)
            elif known.isdisjoint(_read_path(parsed.lexemes, lexeme)):
                message = f"What stands around {lexeme.text} is not understood."
                yield Violation(SqlInvalidError, "syntax", message, lexeme.text, lexeme.start)
        for lexeme in parsed.lexemes:
            # The parser of the local warehouse invents CTEs of such names, which a table must not hide behind.
            if lexeme.upper.startswith(_PIPE_NAMES) and _is_name(lexeme):
                message = f"Names that begin with {PIPE_NAME} are reserved."
                yield Violation(SqlInvalidError, "syntax", message, lexeme.text, lexeme.start)


def _find_table_starts(lexemes: Sequence[Lexeme]) -> Iterator[Lexeme]:
    brackets: list[bool] = []  # for each open one, whether its FROM belongs to EXTRACT
    for index, lexeme in enumerate(lexemes[:-1]):
        if lexeme.text == "(":
            brackets.append(index > 0 and lexemes[index - 1].upper == "EXTRACT")
        elif lexeme.text == ")" and brackets:
            brackets.pop()
        elif lexeme.upper in ("FROM", "JOIN") and lexeme.kind == "word" and not _is_operator(lexemes, index):
            if lexeme.upper == "FROM" and brackets and brackets[-1]:
                continue
            following = lexemes[index + 1]
            after = lexemes[index + 2].text if index + 2 < len(lexemes) else ""
            named = _is_name(following) and following.upper not in _NO_TABLE and after != "("
            if named or following.text == "@" or following.kind == "string":
                yield following


def _is_name(lexeme: Lexeme) -> bool:
    return lexeme.kind in ("word", "quoted")


def _read_path(lexemes: Sequence[Lexeme], first: Lexeme) -> Iterator[int]:
    """Where the parts of the path that begins with `first` start; the parser keeps only some of them."""
    index = bisect_left(lexemes, first.start, key=lambda lexeme: lexeme.start)
    yield first.start
    while index + 2 < len(lexemes) and lexemes[index + 1].text == ".":
        index += 2
        yield lexemes[index].start


def _is_operator(lexemes: Sequence[Lexeme], index: int) -> bool:
    """True for the FROM of IS DISTINCT FROM, and for a field or parameter called from."""
    before = lexemes[index - 1].upper if index else ""
    return before in (".", "@") or (
        before == "DISTINCT" and index > 1 and lexemes[index - 2].upper in ("IS", "NOT")
    )
