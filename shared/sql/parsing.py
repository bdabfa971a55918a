"""From text to one statement and its syntax tree, the same for everybody who asks.

The guard, the validators, the rules about partitions and lineage read one object each text: what one of them reads,
all of them read. Nobody changes a tree.
"""

import copy
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import cast

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import SqlglotError

from shared.errors import AlmanacError, SqlInvalidError, SqlNotAllowedError
from shared.sql.called import TableArgument, find_table_arguments
from shared.sql.expressions import SqlSyntaxError
from shared.sql.foreign import find_remedy
from shared.sql.lexer import MAX_KEPT_LENGTH, RESERVED_WORDS, LexedSql, Lexeme, make_words, read_lexemes
from shared.sql.nodes import start_of, walk
from shared.sql.pipes import GoogleSqlParser
from shared.sql.scopes import TableFinder
from shared.sql.statement import (
    DEFAULT_BOUNDS,
    SqlBounds,
    check_nesting,
    check_size,
    check_statement,
    find_unread,
)
from shared.sql.tokens import make_tokens
from shared.sql.violations import Violation, make_error, raise_violations

# What the parser raises when it meets a text nobody tried it on; each means "not read", so not let through.
_PARSER_FAULTS = (
    SqlglotError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError,
    NotImplementedError,
)  # fmt: skip
TOO_DEEP = Violation(SqlInvalidError, "nesting", "The SQL nests too deeply.", "", 0, "Split it with WITH.")
_WRITING_WORDS = make_words(
    "ALTER CALL CREATE DELETE DROP EXECUTE EXPORT GRANT INSERT LOAD MERGE REVOKE TRUNCATE UPDATE"
)
# Trees weigh more than texts, and one request reads each of its texts several times at once.
_KEPT_TREES = 64


@dataclass(frozen=True)
class ParsedSql:
    """One statement: its text, its lexemes without trailing semicolons, and its tree.

    `table_arguments` are tables that functions are given, which are not in the tree.
    """

    sql: str
    lexemes: Sequence[Lexeme]
    tree: exp.Query
    table_arguments: Sequence[TableArgument] = ()

    @cached_property
    def nodes(self) -> tuple[exp.Expr, ...]:
        """Every node of the tree, level by level."""
        return tuple(walk(self.tree))

    @cached_property
    def nodes_by_kind(self) -> Mapping[type[exp.Expr], Sequence[exp.Expr]]:
        """The same nodes by their very class: of most kinds that a rule looks for a text holds none."""
        kinds: dict[type[exp.Expr], list[exp.Expr]] = {}
        for node in self.nodes:
            kinds.setdefault(type(node), []).append(node)
        return kinds

    def find[NodeT: exp.Expr](self, *kinds: type[NodeT]) -> list[NodeT]:
        """The nodes of these kinds or of ones below them, level by level."""
        named = [kind for kind in self.nodes_by_kind if issubclass(kind, kinds)]
        if len(named) > 1:
            return [node for node in self.nodes if isinstance(node, kinds)]
        return [cast("NodeT", node) for kind in named for node in self.nodes_by_kind[kind]]

    @cached_property
    def tables(self) -> tuple[exp.Table, ...]:
        """Every node that names a table, and not a CTE or an array."""
        return tuple(TableFinder().find(self.tree, self.find(exp.Table)))

    def offset_of(self, node: exp.Expr) -> int:
        """Where `node` begins: by the parser's word, else by its name, else where the statement begins."""
        starts = [start_of(name) for name in walk(node) if isinstance(name, exp.Identifier)]
        known = [start for start in starts if start is not None]
        if known:
            return min(known)
        parts = node.parts if isinstance(node, exp.Table | exp.Column) else []
        written = ".".join(part.name for part in parts)
        quoted = (lexeme.start for lexeme in self.lexemes if lexeme.text.strip("`") == written)
        return next(quoted, self.lexemes[0].start)


class SqlReading:
    """One text that is one statement; its tree is made on first use, and kept."""

    def __init__(self, lexed: LexedSql, lexemes: Sequence[Lexeme]) -> None:
        self.lexed = lexed
        self.lexemes = lexemes
        self._parsed: ParsedSql | AlmanacError | None = None

    def parse(self) -> ParsedSql:
        """The statement with its tree. Raises SqlInvalidError with the position when it does not parse."""
        if self._parsed is None:
            try:
                self._parsed = _parse(self.lexed, self.lexemes)
            except AlmanacError as error:
                self._parsed = error
        if isinstance(self._parsed, AlmanacError):
            raise copy.copy(self._parsed) from None
        return self._parsed


def read_statement(sql: str, bounds: SqlBounds = DEFAULT_BOUNDS) -> SqlReading:
    """The lexemes of a text that is one statement and a query by its words.

    Raises SqlInvalidError or SqlNotAllowedError with the position: of what is too long, nests too deeply, is no
    BigQuery SQL lexically, or is another statement or more than one.
    """
    return _read_kept(sql, bounds) if len(sql) <= MAX_KEPT_LENGTH else _read(sql, bounds)


def parse_sql(sql: str, bounds: SqlBounds = DEFAULT_BOUNDS) -> ParsedSql:
    """The tree of a text that is one query; raises as `read_statement`, and where it does not parse."""
    return read_statement(sql, bounds).parse()


def _read(sql: str, bounds: SqlBounds) -> SqlReading:
    check_size(sql, bounds)
    lexed = read_lexemes(sql)
    check_nesting(lexed, bounds)
    lexemes = check_statement(lexed)
    raise_violations(sql, find_unread(lexemes))
    return SqlReading(lexed, lexemes)


_read_kept = lru_cache(maxsize=_KEPT_TREES)(_read)


def _parse(lexed: LexedSql, lexemes: Sequence[Lexeme]) -> ParsedSql:
    arguments = list(find_table_arguments(lexemes))
    keywords = {argument.keyword.start for argument in arguments}
    shown = [lexeme for lexeme in lexemes if lexeme.start not in keywords] if keywords else lexemes
    try:
        trees = _make_parser().parse(make_tokens(shown), lexed.sql)
    except RecursionError as fault:
        raise make_error(lexed.sql, [TOO_DEEP]) from fault
    except _PARSER_FAULTS as fault:
        raise make_error(lexed.sql, [_explain_fault(fault, lexemes)]) from fault
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query):
        message = "The SQL is not one query."
        violation = Violation(SqlInvalidError, "syntax", message, lexemes[0].text, lexemes[0].start)
        raise make_error(lexed.sql, [violation])
    parsed = ParsedSql(lexed.sql, lexemes, tree, arguments)
    raise_violations(lexed.sql, _find_reserved(parsed))
    return parsed


@cache
def _dialect() -> BigQuery:
    return BigQuery()


def _make_parser() -> GoogleSqlParser:
    return GoogleSqlParser(dialect=_dialect())


def _find_reserved(parsed: ParsedSql) -> list[Violation]:
    """Reserved words where the parser took them for names."""
    reserved = [
        node
        for node in parsed.find(exp.Identifier)
        if not node.quoted and node.name.upper() in RESERVED_WORDS
    ]
    if not reserved:
        return []
    places = {lexeme.start: index for index, lexeme in enumerate(parsed.lexemes)}
    found = []
    for node in reserved:
        start = start_of(node)
        index = places.get(start, 0) if start is not None else 0
        if index and parsed.lexemes[index - 1].text not in (".", "@"):
            message = f"{node.name} is a reserved word; as a name it is quoted."
            remedy = f"Write `{node.name}` in backticks."
            found.append(
                Violation(SqlInvalidError, "syntax", message, node.name, parsed.lexemes[index].start, remedy)
            )
    return found


def _explain_fault(fault: Exception, lexemes: Sequence[Lexeme]) -> Violation:
    if not isinstance(fault, SqlSyntaxError):
        message = "The SQL does not parse."
        return Violation(SqlInvalidError, "syntax", message, lexemes[0].text, lexemes[0].start)
    at = bisect_left(lexemes, fault.start, key=lambda lexeme: lexeme.start)
    found = lexemes[at].text if at < len(lexemes) else ""
    before = lexemes[at - 1] if at else lexemes[0]
    word = found.upper()
    if _is_writing([lexeme.upper for lexeme in lexemes[at : at + 3]]) and before.text != ">":
        message = f"{word} is nothing a reading query needs; it never runs here."
        return Violation(SqlNotAllowedError, "syntax_kind", message, word, fault.start)
    if found == "(" and before.kind == "word":
        message = f"{before.text} is not one of BigQuery's own functions that are known to only compute."
        return Violation(SqlNotAllowedError, "function", message, before.text, before.start)
    if fault.rule != "syntax":
        return Violation(SqlInvalidError, fault.rule, f"{fault}.", found, fault.start)
    place = repr(found[:80]) if found else "its end"
    reason = _shorten(str(fault)) or f"{place} is not expected behind {before.text[:80]!r}"
    message = f"The SQL does not parse at {place}: {reason}."
    following = lexemes[at + 1].upper if at + 1 < len(lexemes) else ""
    remedy = find_remedy([lexeme.upper for lexeme in lexemes[max(at - 2, 0) : at]], word, following)
    return Violation(SqlInvalidError, "syntax", message, found, min(fault.start, lexemes[-1].end), remedy)


def _is_writing(words: list[str]) -> bool:
    """Whether these words, where the parser stopped, begin what writes; `INTO OUTFILE 'x'` is no SQL of BigQuery's."""
    if words[:1] == ["INTO"]:
        return len(words) > 1 and words[1] != "OUTFILE"
    return words[:2] == ["FOR", "UPDATE"] or (bool(words) and words[0] in _WRITING_WORDS)


def _shorten(reason: str) -> str:
    """The parser's reason without the names of its classes, which say nothing to a writer of SQL; "" for none."""
    if reason.startswith("Required keyword"):
        operator = re.search(r"core\.(And|Or|Not)\b", reason)
        return (
            f"an operand of {operator.group(1).upper()} is missing" if operator else "an operand is missing"
        )
    if reason.startswith("Invalid expression"):
        return ""
    return reason.split(" for <class")[0].split(" but got <Token")[0].rstrip(".")
