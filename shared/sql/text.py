"""One SQL text: its parameters, its normal form and what is wrong with it, without a warehouse.

sqlglot is imported on first use: it costs 150 ms, and reading a definition does not need it.
"""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from shared.sql.normal_form import normalize_tokens

if TYPE_CHECKING:
    from sqlglot.dialects.bigquery import BigQuery
    from sqlglot.tokenizer_core import Token

# Results are kept for texts up to this length, so that many large texts cannot fill the memory.
_MAX_KEPT_LENGTH = 10_000


class SqlProblemKind(StrEnum):
    """What kind of thing is wrong with a SQL text."""

    SYNTAX = "syntax"
    EMPTY = "empty"
    STATEMENT = "statement"
    POSITIONAL_PARAMETER = "positional_parameter"


@dataclass(frozen=True)
class SqlProblem:
    """One thing wrong; `start` and `end` are offsets into the SQL text."""

    kind: SqlProblemKind
    message: str
    start: int
    end: int


@dataclass(frozen=True)
class ParameterUse:
    """One `@name` in the SQL, at offsets `start` (of the @) to `end`; `name` is in lower case."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class SqlText:
    """What the tokens of one SQL text say. `normal_form` is equal for texts that differ only in layout."""

    parameters: tuple[ParameterUse, ...]
    normal_form: str
    problem: SqlProblem | None

    @property
    def parameter_names(self) -> frozenset[str]:
        """The names of the parameters used, in lower case (BigQuery ignores their case)."""
        return frozenset(use.name for use in self.parameters)


def read_sql(sql: str) -> SqlText:
    """Tokenise `sql`; comments and strings are told apart from code. Never raises on bad SQL."""
    return _read_kept(sql) if len(sql) <= _MAX_KEPT_LENGTH else _read(sql)


def find_sql_problem(sql: str) -> SqlProblem | None:
    """The first reason why `sql` is not exactly one BigQuery SELECT that parses, or None."""
    return _find_problem_kept(sql) if len(sql) <= _MAX_KEPT_LENGTH else _find_problem(sql)


def _read(sql: str) -> SqlText:
    from sqlglot.errors import TokenError

    try:
        tokens = _tokenize(sql)
    except TokenError as error:
        return SqlText((), json.dumps(["?", sql]), _describe_token_error(sql, error))
    positional = next((token for token in tokens if token.token_type.name == "PLACEHOLDER"), None)
    problem = None
    if positional is not None:
        message = "positional parameters (?) are not accepted"
        problem = SqlProblem(
            SqlProblemKind.POSITIONAL_PARAMETER, message, positional.start, positional.end + 1
        )
    return SqlText(tuple(_find_parameters(tokens)), normalize_tokens(tokens), problem)


def _find_problem(sql: str) -> SqlProblem | None:
    from sqlglot import expressions as exp
    from sqlglot.errors import ParseError

    found = read_sql(sql).problem
    if found is not None:
        return found
    try:
        parsed = _dialect().parser().parse(list(_tokenize(sql)), sql)
        statements = [statement for statement in parsed if statement is not None]
    except ParseError as error:
        return _describe_parse_error(sql, error)
    except RecursionError:
        return SqlProblem(SqlProblemKind.SYNTAX, "the SQL nests too deeply to be read", 0, len(sql))
    if not statements:
        return SqlProblem(SqlProblemKind.EMPTY, "there is no statement here", 0, len(sql))
    if len(statements) > 1:
        start = _start_of_second(sql)
        return SqlProblem(SqlProblemKind.STATEMENT, f"{len(statements)} statements", start, len(sql.rstrip()))
    if not isinstance(statements[0], exp.Query):
        word = re.match(r"\w*", sql.lstrip())
        start = len(sql) - len(sql.lstrip())
        message = f"a {statements[0].key.upper()} statement"
        return SqlProblem(SqlProblemKind.STATEMENT, message, start, start + (word.end() if word else 0))
    return None


_read_kept = lru_cache(maxsize=1024)(_read)
_find_problem_kept = lru_cache(maxsize=1024)(_find_problem)


@cache
def _dialect() -> "BigQuery":
    from sqlglot.dialects.bigquery import BigQuery

    # It logs a warning for statements it keeps as text; they are refused here with a diagnostic instead.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    return BigQuery()


@lru_cache(maxsize=4)
def _tokenize(sql: str) -> "Sequence[Token]":
    """Kept for a moment: one text is read for its parameters, then parsed."""
    return tuple(_dialect().tokenize(sql))


def _find_parameters(tokens: "Sequence[Token]") -> "list[ParameterUse]":
    found = []
    for before, sign, name in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if sign.token_type.name != "PARAMETER" or name.start != sign.end + 1:
            continue
        is_system_variable = before is not None and before.token_type.name == "PARAMETER"
        if not is_system_variable and re.fullmatch(r"[A-Za-z_]\w*", name.text):
            found.append(ParameterUse(name.text.lower(), sign.start, name.end + 1))
    return found


def _describe_token_error(sql: str, error: Exception) -> SqlProblem:
    match = re.match(r"Missing (\S+) from \d+:(\d+)", str(error.__cause__ or error))
    if match is None:
        return SqlProblem(SqlProblemKind.SYNTAX, "a comment or string does not end", 0, len(sql))
    delimiter, offset = match.group(1), int(match.group(2))
    start = offset if sql.startswith(delimiter, offset) else max(offset - len(delimiter), 0)
    line_end = sql.find("\n", start)
    return SqlProblem(
        SqlProblemKind.SYNTAX,
        f"the closing {delimiter} is missing",
        start,
        line_end if line_end > 0 else len(sql),
    )


def _describe_parse_error(sql: str, error: Exception) -> SqlProblem:
    details: dict[str, str] = next(iter(getattr(error, "errors", [])), {})
    highlight = details.get("highlight") or ""
    before = details.get("start_context") or ""
    start = max(sql.find(before + highlight), 0) + len(before)
    message = _humanize(details.get("description") or "", highlight)
    return SqlProblem(SqlProblemKind.SYNTAX, message, start, start + len(highlight))


def _humanize(description: str, highlight: str) -> str:
    if "Unexpected token" in description:
        return f"unexpected {highlight[:80]!r}"
    description = re.sub(r"<Token [^>]*?text: (.*?), line: .*?>", r"'\1'", description)
    description = re.sub(
        r"Required keyword: '\w+' missing for <class '[\w.]*?\.(\w+)'>", _name_missing, description
    )
    description = description.strip().rstrip(".")
    return description[:1].lower() + description[1:] if description else "the SQL does not parse"


def _name_missing(match: re.Match[str]) -> str:
    return f"an operand of {match.group(1).upper()} is missing"


def _start_of_second(sql: str) -> int:
    tokens = _tokenize(sql)
    ends = [index for index, token in enumerate(tokens) if token.token_type.name == "SEMICOLON"]
    return next((tokens[index + 1].start for index in ends if index + 1 < len(tokens)), 0)
