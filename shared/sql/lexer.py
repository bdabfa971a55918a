"""BigQuery's lexical structure: comments, strings, names and symbols.

The parser has a lexer of its own, made for thirty dialects. A text that the two read differently could hide
a table in what one of them takes for a comment, so only this one reads, by BigQuery's rules to the letter
(https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical); `tokens` hands the parser what it found.
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.violations import Violation, raise_violations


def make_words(*texts: str) -> frozenset[str]:
    """The words of all texts, as a set."""
    return frozenset(word for text in texts for word in text.split())


# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords: only these words
# can never be names.
RESERVED_WORDS = make_words(
    """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE
    CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
    FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS
    JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
    PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT
    TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN
    """
)
# What may stand behind SELECT WITH.
PRIVACY_KINDS = make_words("DIFFERENTIAL_PRIVACY AGGREGATION_THRESHOLD ANONYMIZATION")

# Names compare by the letters A to Z alone. `str.lower` knows more letters than BigQuery does and makes some equal that
# are not: U+212A, the sign for kelvin, becomes a plain k, and two names that BigQuery tells apart would be one.
_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_TO_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def fold_name(name: str) -> str:
    """The name with A to Z in lower case, and nothing else changed."""
    return name.lower() if name.isascii() else name.translate(_TO_LOWER)


def upper_name(name: str) -> str:
    """The name with a to z in upper case, and nothing else changed."""
    return name.upper() if name.isascii() else name.translate(_TO_UPPER)


Kind = Literal["word", "quoted", "string", "number", "symbol"]

MAX_KEPT_LENGTH = 10_000
"""What is read from texts up to this length is kept: many large texts cannot fill the memory."""

# Single-quoted strings end with their line; in raw strings too a backslash keeps the quote behind it inside.
_LEXEMES = re.compile(
    r"""
    [ \t\r\n]*+(?:
    (?P<word>(?![rRbB]{1,2}['"])[A-Za-z_][A-Za-z0-9_]*)
  | (?P<symbol>[()\[\],;+*%=<>!~&|^@?]|\.(?!\d)|-(?!-)|/(?!\*))
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<quoted>`[^`\\\x00-\x1f]+`)
  | (?P<string>(?:[rR][bB]?|[bB][rR]?)?(?:
        '''(?:[^\\]|\\.)*?''' | \"\"\"(?:[^\\]|\\.)*?\"\"\"
      | '(?!'')(?:[^'\\\r\n]|\\[^\r\n])*' | "(?!"")(?:[^"\\\r\n]|\\[^\r\n])*"))
  | (?P<comment>(?:--|\#)[^\r\n]*|/\*.*?\*/))
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SPACES = " \t\r\n"
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")
_LEGACY_PREFIX = re.compile(r"#\s*legacySQL", re.IGNORECASE)
_TYPOGRAPHIC = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
_OPENINGS = {"'": "string", '"': "string", "`": "quoted name", "/*": "comment"}


class Lexeme(NamedTuple):
    """One word, name, literal or symbol; `start` and `end` count characters of the SQL.

    `upper` is the text in upper case, as keywords and built-in functions are compared. It is kept because every
    rule asks for it of every lexeme.
    """

    kind: Kind
    text: str
    start: int
    end: int
    upper: str


@dataclass(frozen=True)
class LexedSql:
    """The SQL as BigQuery's lexer sees it."""

    sql: str
    lexemes: Sequence[Lexeme]


def read_lexemes(sql: str) -> LexedSql:
    """The lexemes of `sql`, without spaces and comments.

    Raises SqlInvalidError at the first character that belongs to none, or that cannot be sent, and
    SqlNotAllowedError for the comment that switches BigQuery to legacy SQL.
    """
    return _read_kept(sql) if len(sql) <= MAX_KEPT_LENGTH else _read(sql)


def _read(sql: str) -> LexedSql:
    lexemes: list[Lexeme] = []
    unsendable = _UNSENDABLE.search(sql)
    if unsendable:
        _refuse_character(sql, unsendable.start())
    position = 0
    while match := _LEXEMES.match(sql, position):
        kind: Kind | Literal["comment"] = match.lastgroup  # type: ignore[assignment]
        start, position = match.span(kind)
        if kind == "comment":
            _check_comment(sql, start, position)
        else:
            text = sql[start:position]
            upper = text if kind == "symbol" else upper_name(text)
            lexemes.append(Lexeme(kind, text, start, position, upper))
    rest = sql[position:].lstrip(_SPACES)
    if rest:
        _refuse_character(sql, len(sql) - len(rest))
    _check_spaces(sql, lexemes)
    return LexedSql(sql, lexemes)


# One request reads each of its texts for several rules at once.
_read_kept = lru_cache(maxsize=64)(_read)


def _check_spaces(sql: str, lexemes: Sequence[Lexeme]) -> None:
    """Refuse a word that begins where a literal ends, `1_000`; a path may hold one, `my-project-1a.t.u`."""
    for index, (literal, word) in enumerate(pairwise(lexemes)):
        if literal.kind in ("number", "string") and word.kind == "word" and literal.end == word.start:
            before = lexemes[index - 1] if index else None
            if before is None or before.text not in ("-", ".") or before.end != literal.start:
                message = f"Between {literal.text[:40]} and {word.text[:40]} a space is missing."
                raise_violations(sql, [Violation(SqlInvalidError, "syntax", message, word.text, word.start)])


def _check_comment(sql: str, start: int, end: int) -> None:
    text = sql[start:end]
    if _LEGACY_PREFIX.match(text):
        message = "#legacySQL would switch BigQuery to its old dialect; only GoogleSQL runs."
        raise_violations(
            sql, [Violation(SqlNotAllowedError, "legacy_sql", message, text[:40].strip(), start)]
        )
    # A lone carriage return ends a line comment for one lexer and not for another.
    ending = sql[end : end + 2]
    if not text.startswith("/*") and ending.startswith("\r") and ending != "\r\n":
        _refuse_character(sql, end)


def _refuse_character(sql: str, offset: int) -> None:
    character = sql[offset]
    opening = "/*" if sql.startswith("/*", offset) else character
    prefixed = re.match(r"[rRbB]{0,2}(['\"])", sql[offset : offset + 3])
    if prefixed:
        opening = prefixed.group(1)
    if opening in _OPENINGS:
        message = f"This {_OPENINGS[opening]} does not end as BigQuery needs it to."
    else:
        shown = character if character.isprintable() and character.isascii() else f"U+{ord(character):04X}"
        message = f"The character {shown} has no meaning in BigQuery SQL outside of quotes."
    remedy = None
    if character in _TYPOGRAPHIC:
        remedy = f"Write a straight quote: {_TYPOGRAPHIC[character]}"
    found = opening if opening in _OPENINGS else f"U+{ord(character):04X}"
    raise_violations(sql, [Violation(SqlInvalidError, "character", message, found, offset, remedy)])
