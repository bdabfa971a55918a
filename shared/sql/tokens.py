"""Lexemes as the parser's tokens: BigQuery's own lexical structure, and no word of another dialect.

The parser has a lexer made for thirty dialects. It is not asked: a word is a keyword to the parser only where
BigQuery's grammar has that keyword, so ILIKE, GLOB or SAMPLE are names like any other, and a text has one reading.
https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from sqlglot import TokenType
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.tokenizer_core import Token

from shared.sql.lexer import Lexeme, make_words

_KEYWORDS = make_words(
    """
    ALL AND ANY ARRAY AS ASC BETWEEN CASE COLLATE CROSS CUBE DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS
    FALSE FOR FROM FULL HAVING IN INNER INTERSECT INTERVAL IS JOIN LEFT LIKE LIMIT NOT NULL OFFSET ON OR OUTER
    OVER PIVOT QUALIFY RANGE RECURSIVE REPLACE RIGHT ROLLUP ROWS SELECT SOME STRUCT TABLESAMPLE THEN TRUE UNION UNNEST
    UNPIVOT USING WHEN WHERE WINDOW WITH FORMAT
    BIGDECIMAL BIGINT BIGNUMERIC BOOL BOOLEAN BYTEINT BYTES DATE DATETIME DECIMAL FLOAT64 GEOGRAPHY INT INT64
    INTEGER JSON NUMERIC SMALLINT STRING TIME TIMESTAMP TINYINT
    CURRENT_DATE CURRENT_DATETIME CURRENT_TIME CURRENT_TIMESTAMP SESSION_USER
    """
)
_PAIRS = {("GROUP", "BY"), ("ORDER", "BY"), ("PARTITION", "BY"), ("GROUPING", "SETS")}
# Symbols that are one only when nothing stands between their characters. `>>` is two: it also ends types.
_COMPOUND = {
    "||": TokenType.DPIPE, "|>": TokenType.PIPE_GT, "<=": TokenType.LTE, ">=": TokenType.GTE, "<>": TokenType.NEQ,
    "!=": TokenType.NEQ, "=>": TokenType.FARROW, "->": TokenType.ARROW,
}  # fmt: skip
_ESCAPES = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def make_tokens(lexemes: Sequence[Lexeme]) -> list[Token]:
    """The parser's tokens of one statement. Places are offsets: nobody asks the parser for lines and columns."""
    return [
        Token(kind, text, 1, 1, start, end - 1, []) for kind, text, start, end in _iterate_tokens(lexemes)
    ]


def read_literal(text: str) -> str:
    """The value of a string literal as it is written: without quotes, escapes resolved unless it is raw."""
    prefix, quote, content = _split_literal(text)
    return content if "r" in prefix.lower() or not quote else _ESCAPES.sub(_unescape, content)


def _iterate_tokens(lexemes: Sequence[Lexeme]) -> Iterator[tuple[TokenType, str, int, int]]:
    keywords, symbols = _find_keywords(), BigQuery.Tokenizer.SINGLE_TOKENS
    count, index = len(lexemes), 0
    while index < count:
        kind, text, start, end, upper = lexemes[index]
        index += 1
        following = lexemes[index] if index < count else None
        if kind == "word":
            if following is not None and (upper, following.upper) in _PAIRS and following.kind == "word":
                index += 1
                yield keywords[f"{upper} {following.upper}"], f"{text} {following.text}", start, following.end
            else:
                yield keywords.get(upper, TokenType.VAR), text, start, end
        elif kind == "symbol":
            pair = _COMPOUND.get(text + following.text) if following is not None else None
            if pair is not None and following is not None and following.start == end:
                index += 1
                yield pair, text + following.text, start, following.end
            else:
                yield symbols[text], text, start, end
        else:
            yield *_read_value(kind, text), start, end


def _read_value(kind: str, text: str) -> tuple[TokenType, str]:
    if kind == "quoted":
        return TokenType.IDENTIFIER, text[1:-1]
    if kind == "number":
        is_hexadecimal = text[:2] in ("0x", "0X")
        return (TokenType.HEX_STRING, text[2:]) if is_hexadecimal else (TokenType.NUMBER, text)
    prefix = _split_literal(text)[0].lower()
    if "b" in prefix:
        return TokenType.BYTE_STRING, read_literal(text)
    return TokenType.RAW_STRING if prefix else TokenType.STRING, read_literal(text)


@cache
def _find_keywords() -> dict[str, TokenType]:
    """What the parser calls BigQuery's keywords."""
    known = BigQuery.Tokenizer.KEYWORDS
    return {word: known[word] for word in (*_KEYWORDS, *map(" ".join, _PAIRS))}


def _split_literal(text: str) -> tuple[str, str, str]:
    prefix = re.match(r"[rRbB]*", text)
    start = prefix.end() if prefix else 0
    quote = text[start : start + 3] if text[start : start + 3] in ("'''", '"""') else text[start : start + 1]
    return text[:start], quote, text[start + len(quote) : len(text) - len(quote)]


def _unescape(match: re.Match[str]) -> str:
    byte, short, long, octal, letter = match.groups()
    code = int(octal, 8) if octal else int(byte or short or long or "0", 16)
    if letter is not None:
        return _LETTERS.get(letter, letter)
    return chr(code) if code <= 0x10FFFF else "\ufffd"
