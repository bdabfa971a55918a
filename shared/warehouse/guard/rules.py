"""Rules over the parsed tree: what it may be made of. Each yields what it refuses."""

from collections.abc import Iterator
from typing import Protocol

from sqlglot import exp

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.folding import upper_name
from shared.sql.parsing import ParsedSql
from shared.sql.violations import Violation, raise_violations
from shared.warehouse.guard.functions import FUNCTIONS
from shared.warehouse.guard.nodes import is_reading
from shared.warehouse.guard.policy import GuardPolicy

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
        for node in parsed.nodes:
            if not is_reading(node):
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
        joins = [node for node in parsed.nodes if isinstance(node, exp.Join)]
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
        for node in parsed.nodes:
            if not isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) or isinstance(
                node.parent, exp.Dot | exp.NetFunc | exp.SafeFunc
            ):
                continue  # a call behind a dot is judged by its whole name in `calls`
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


def check_table_count(sql: str, tree: exp.Query) -> None:
    """Raise SqlInvalidError when the statement names more tables than one may.

    BigQuery's own limit: https://cloud.google.com/bigquery/quotas#query_jobs.
    """
    count = sum(1 for _ in tree.find_all(exp.Table))
    if count > MAX_TABLES:
        message = f"The SQL names {count} tables; at most {MAX_TABLES} are accepted."
        raise_violations(
            sql,
            [
                Violation(
                    SqlInvalidError,
                    "size",
                    message,
                    f"{count} tables",
                    0,
                    _REMEDY,
                )
            ],
        )
