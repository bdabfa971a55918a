"""From text to one parsed tree that both lexers agree on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from sqlglot import Dialect, Parser, TokenType, exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.lexer import LexedSql, Lexeme
from shared.sql.table_arguments import TablePath
from shared.sql.unread import find_unread
from shared.sql.violations import LineIndex, Violation, make_error, raise_violations

_STRING_TOKENS = frozenset(
    {TokenType.STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING, TokenType.NATIONAL_STRING,
     TokenType.NATIONAL_RAW_STRING, TokenType.HEREDOC_STRING, TokenType.UNICODE_STRING, TokenType.IDENTIFIER}
)  # fmt: skip
# What the parser raises when it meets a text nobody tried it on; each means "not read", so not let through.
_PARSER_FAULTS = (
    SqlglotError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
)  # fmt: skip


@dataclass(frozen=True)
class ParsedSql:
    """One statement: its text, its lexemes without trailing semicolons, and its tree.

    `table_arguments` are tables that table functions are given, which are not in the tree.
    """

    sql: str
    lexemes: Sequence[Lexeme]
    tree: exp.Query
    table_arguments: Sequence[TablePath] = ()

    @cached_property
    def nodes(self) -> tuple[exp.Expr, ...]:
        """Every node of the tree."""
        return tuple(self.tree.walk())

    def offset_of(self, node: exp.Expr) -> int:
        """Where `node` begins: by the parser's word, else by its name, else where the statement begins."""
        starts = [start_of(name) for name in node.find_all(exp.Identifier)]
        known = [start for start in starts if start is not None]
        if known:
            return min(known)
        parts = node.parts if isinstance(node, exp.Table | exp.Column) else []
        written = ".".join(part.name for part in parts)
        quoted = (lexeme.start for lexeme in self.lexemes if lexeme.text.strip("`") == written)
        return next(quoted, self.lexemes[0].start)


def parse_statement(
    lexed: LexedSql, lexemes: Sequence[Lexeme], arguments: Sequence[tuple[Lexeme, TablePath]] = ()
) -> ParsedSql:
    """The tree of the statement made of `lexemes`; `arguments` are its words TABLE, which the parser is not shown.

    Raises SqlInvalidError with the position when it does not parse or reads differently to the parser than
    to BigQuery, SqlNotAllowedError when it parses as something else than a query.
    """
    text = lexed.masked[: lexemes[-1].end]
    for keyword, _ in arguments:
        text = text[: keyword.start] + " " * len(keyword.text) + text[keyword.end :]
    try:
        tokens = _dialect().tokenize(text)
        _compare_quotes(lexed.sql, lexemes, tokens)
        trees = _make_parser().parse(tokens, text)
    except _PARSER_FAULTS as fault:
        raise make_error(lexed.sql, [_explain_fault(fault, lexed.sql, lexemes)]) from fault
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        found = lexemes[0].text
        message = f"The statement that begins with {found} is not a query; only a single SELECT runs."
        violation = Violation(SqlNotAllowedError, "statement", message, found, lexemes[0].start)
        raise make_error(lexed.sql, [violation])
    return ParsedSql(lexed.sql, lexemes, tree, [path for _, path in arguments])


def start_of(name: exp.Expr) -> int | None:
    """Where the parser read `name`; None for what it made up or put together itself."""
    start = name.meta.get("start")
    return start if isinstance(start, int) else None


@cache
def _dialect() -> Dialect:
    return Dialect.get_or_raise("bigquery")


def _make_parser() -> Parser:
    parser = _dialect().parser()
    # It would make an array of a path that begins like a range variable, by letters that BigQuery does not hold
    # for the same and also where BigQuery sees one quoted name; `scopes` tells arrays from tables.
    parser.SUPPORTS_IMPLICIT_UNNEST = False  # type: ignore[misc]
    return parser


def _compare_quotes(sql: str, lexemes: Sequence[Lexeme], tokens: list[Token]) -> None:
    ours = {(lexeme.start, lexeme.end) for lexeme in lexemes if lexeme.kind in ("string", "quoted")}
    theirs = {(token.start, token.end + 1) for token in tokens if token.token_type in _STRING_TOKENS}
    unequal = sorted(ours ^ theirs)
    if unequal:
        start, end = unequal[0]
        message = "BigQuery accepts this literal, Almanac does not read it yet."
        remedy = r"Write it as a plain string, br'\d' as b'\\d'."
        raise_violations(
            sql, [Violation(SqlInvalidError, "literal", message, sql[start:end][:80], start, remedy)]
        )


def _explain_fault(fault: Exception, sql: str, lexemes: Sequence[Lexeme]) -> Violation:
    unread = find_unread(lexemes)
    if unread is not None:
        return unread
    errors = fault.errors if isinstance(fault, ParseError) else []
    if errors and errors[0].get("line"):
        found = str(errors[0].get("highlight") or "")
        # The parser's column is that of the last character of the word.
        column = int(errors[0]["col"]) - len(found) + 1
        offset = LineIndex(sql).offset_of(int(errors[0]["line"]), column)
        reason = _shorten(str(errors[0].get("description") or "not understood"))
        message = f"The SQL does not parse at {found!r}: {reason}."
        return Violation(SqlInvalidError, "syntax", message, found, offset)
    message = "The SQL does not parse."
    return Violation(SqlInvalidError, "syntax", message, lexemes[0].text, lexemes[0].start)


def _shorten(reason: str) -> str:
    """The parser's reason without the names of its classes, which say nothing to a writer of SQL."""
    return reason.split(" for <class")[0].split(" but got <Token")[0].rstrip(".")
