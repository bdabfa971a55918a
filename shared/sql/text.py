"""One SQL text: its parameters, its normal form and what is wrong with it, without a warehouse.

Reading a text needs its lexemes alone; the parser, which costs 150 ms to import, only comes where a tree is asked for.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

from shared.errors import AlmanacError
from shared.sql.called import find_calls
from shared.sql.lexer import MAX_KEPT_LENGTH, RESERVED_WORDS, Lexeme, read_lexemes
from shared.sql.violations import LineIndex


class SqlProblemKind(StrEnum):
    """What kind of thing is wrong with a SQL text."""

    SYNTAX = "syntax"
    EMPTY = "empty"
    STATEMENT = "statement"
    POSITIONAL_PARAMETER = "positional_parameter"
    SIZE = "size"
    FUNCTION = "function"
    TABLE = "table"
    COLUMN_NAME = "column_name"


@dataclass(frozen=True)
class SqlProblem:
    """One thing wrong; `start` and `end` are offsets into the SQL text.

    `remediation` says what to do about it where the kind alone does not, `suggestion` what was probably meant.
    """

    kind: SqlProblemKind
    message: str
    start: int
    end: int
    remediation: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True)
class ParameterUse:
    """One `@name` in the SQL, at offsets `start` (of the @) to `end`; `name` is in lower case."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class SqlText:
    """What the lexemes of one SQL text say.

    `session_users` are the offsets, start and end, of each `SESSION_USER`; `clocks` those of each function that asks
    what day or time it is and names no zone.
    """

    parameters: tuple[ParameterUse, ...]
    problem: SqlProblem | None
    session_users: tuple[tuple[int, int], ...] = ()
    clocks: tuple[tuple[int, int], ...] = ()

    @property
    def parameter_names(self) -> frozenset[str]:
        """The names of the parameters used, in lower case (BigQuery ignores their case)."""
        return frozenset(use.name for use in self.parameters)


def read_sql(sql: str) -> SqlText:
    """The lexemes of `sql`: comments and strings are told apart from code. Never raises on bad SQL."""
    return _read_kept(sql) if len(sql) <= MAX_KEPT_LENGTH else _read(sql)


def normalize_sql(sql: str) -> str:
    """The normal form of `sql`, equal for texts that differ only in layout. Never raises on bad SQL."""
    return _normalize_kept(sql) if len(sql) <= MAX_KEPT_LENGTH else _normalize(sql)


def _normalize(sql: str) -> str:
    try:
        return normalize(read_lexemes(sql).lexemes)
    except AlmanacError:
        return json.dumps(["?", sql])


def make_problems(sql: str, error: AlmanacError) -> list[SqlProblem]:
    """A refusal of the reader's or the guard's as problems of the text, in its order."""
    return [_make_problem(sql, detail) for detail in error.details]


def _make_problem(sql: str, detail: Mapping[str, object]) -> SqlProblem:
    rule, found = str(detail["rule"]), str(detail["found"])
    kind = _KINDS.get(rule, SqlProblemKind.SYNTAX)
    start = LineIndex(sql).offset_of(int(str(detail["line"])), int(str(detail["column"])))
    end = start + (1 if rule == "character" else _measure(sql[start:], found))
    message = shorten_message(str(detail["message"]))
    if kind is SqlProblemKind.EMPTY:
        start, end, message = 0, len(sql), "there is no statement here"
    elif rule == "single_statement":
        end, message = len(sql.rstrip()), f"these are {_count_statements(sql)} statements, not one"
    elif rule in ("statement", "syntax_kind"):
        word = found.split()[0] if found else ""
        end, message = start + len(word), f"this is a {word} statement, not a SELECT"
    elif kind is SqlProblemKind.POSITIONAL_PARAMETER:
        message = _POSITIONAL
    more = (detail.get(key) for key in ("remediation", "suggestion"))
    return SqlProblem(kind, message, start, end, *(None if one is None else str(one) for one in more))


def _measure(rest: str, found: str) -> int:
    """How long what was found is as it is written, which may be with backticks; 0 when it is written otherwise."""
    position = 0
    for character in found:
        while rest[position : position + 1] == "`":
            position += 1
        if rest[position : position + 1].upper() != character.upper():
            return 0
        position += 1
    return position + (rest[position : position + 1] == "`")


def shorten_message(message: str) -> str:
    """What is wrong, without where: a diagnostic shows the place itself."""
    reason = re.sub(r"^The SQL does not parse at (?:'.*?'|\".*?\"|its end): ", "", message, flags=re.DOTALL)
    return reason.rstrip(".")


def _count_statements(sql: str) -> int:
    texts = (lexeme.text for lexeme in read_lexemes(sql).lexemes)
    return sum(1 for ended, group in groupby(texts, lambda text: text == ";") if not ended and any(group))


_POSITIONAL = "positional parameters (?) are not accepted"
_KINDS = {
    "empty": SqlProblemKind.EMPTY,
    "statement": SqlProblemKind.STATEMENT,
    "single_statement": SqlProblemKind.STATEMENT,
    "syntax_kind": SqlProblemKind.STATEMENT,
    "legacy_sql": SqlProblemKind.STATEMENT,
    "system_variable": SqlProblemKind.STATEMENT,
    "positional_parameter": SqlProblemKind.POSITIONAL_PARAMETER,
    "size": SqlProblemKind.SIZE,
    "nesting": SqlProblemKind.SIZE,
    "function": SqlProblemKind.FUNCTION,
    "table": SqlProblemKind.TABLE,
    "table_name": SqlProblemKind.TABLE,
    "column_name": SqlProblemKind.COLUMN_NAME,
}


def _read(sql: str) -> SqlText:
    try:
        lexemes = read_lexemes(sql).lexemes
    except AlmanacError as error:
        return SqlText((), make_problems(sql, error)[0])
    positional = next((one for one in lexemes if one.kind == "symbol" and one.text == "?"), None)
    problem = None
    if positional is not None:
        kind = SqlProblemKind.POSITIONAL_PARAMETER
        problem = SqlProblem(kind, _POSITIONAL, positional.start, positional.end)
    return SqlText(
        tuple(_find_parameters(lexemes)),
        problem,
        tuple(_find_session_users(lexemes)),
        tuple(_find_clocks(lexemes)),
    )


_CLOCKS = frozenset({"CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME"})
_read_kept = lru_cache(maxsize=1024)(_read)
_normalize_kept = lru_cache(maxsize=1024)(_normalize)


def _find_session_users(lexemes: Sequence[Lexeme]) -> Iterator[tuple[int, int]]:
    if any(lexeme.upper == "SESSION_USER" for lexeme in lexemes):
        names = (call.path[-1] for call in find_calls(lexemes) if call.path)
        yield from ((name.start, name.end) for name in names if name.upper == "SESSION_USER")


def _find_clocks(lexemes: Sequence[Lexeme]) -> Iterator[tuple[int, int]]:
    """CURRENT_DATE and its like, with and without brackets; what is behind a dot or AS is another name."""
    texts = ["", *(lexeme.upper for lexeme in lexemes), "", ""]
    for index, lexeme in enumerate(lexemes):
        before, following = texts[index], texts[index + 2 : index + 4]
        is_clock = lexeme.kind == "word" and lexeme.upper in _CLOCKS and before not in (".", "AS")
        if is_clock and following[0] != "." and (following[0] != "(" or following[1] == ")"):
            yield lexeme.start, lexeme.end


def _find_parameters(lexemes: Sequence[Lexeme]) -> Iterator[ParameterUse]:
    for index, sign in enumerate(lexemes[:-1]):
        if sign.text != "@":
            continue
        name = lexemes[index + 1]
        is_system_variable = index > 0 and lexemes[index - 1].text == "@"
        if not is_system_variable and name.kind in ("word", "quoted"):
            yield ParameterUse(name.text.strip("`").lower(), sign.start, name.end)


def normalize(lexemes: Sequence[Lexeme]) -> str:
    """One line of JSON: kind and text of every lexeme, without semicolons at the end.

    The kind counts: a number is not the name that reads like it. Only the case of reserved words is free, because
    only they are never names: `date` may be a column whose case shows in the result. Parameters have no case.
    """
    words: list[tuple[str, str]] = []
    before = ""
    for lexeme in lexemes:
        text = lexeme.text
        if lexeme.kind == "word" and before == "@":
            text = text.lower()
        elif lexeme.kind == "word" and before != "." and lexeme.upper in RESERVED_WORDS:
            text = lexeme.upper
        words.append((lexeme.kind, text))
        before = lexeme.text
    while words and words[-1] == ("symbol", ";"):
        words.pop()
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))
