"""What BigQuery accepts and Almanac does not read yet: said as it is, with what to write instead."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from shared.errors import SqlInvalidError
from shared.sql.lexer import Lexeme
from shared.sql.violations import Violation

UNREAD = {"MATCH_RECOGNIZE": "LAG and LEAD in a SELECT, with QUALIFY"}
"""Clauses and pipe operators by their word, and how to write each."""


def find_unread(lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
    """Everything in a statement that only the parser stumbles over."""
    for lexeme, following in pairwise(lexemes):
        if lexeme.kind == "word" and lexeme.upper in UNREAD and following.text == "(":
            yield _explain(lexeme.upper, UNREAD[lexeme.upper], lexeme)


def _explain(found: str, instead: str, lexeme: Lexeme) -> Violation:
    message = f"BigQuery accepts {found}, Almanac does not read it yet."
    return Violation(SqlInvalidError, "syntax", message, found, lexeme.start, f"Write it as {instead}.")
