"""What a statement is but for the numbers it compares with: texts of one shape are all let through, or none is.

Dashboards are often copies of each other that differ in a year, an id or a threshold. No rule about a text, and
nothing in the parser, asks how large such a number is, so that the first of them is read for all.
"""

from collections.abc import Sequence

from shared.sql.lexer import Lexeme

_COMPARING = frozenset({"=", "<", ">", "BETWEEN", "AND", "LIMIT"})
_MOST_DIGITS = 18
"""So many of any value fit an INT64."""


def write_shape(lexemes: Sequence[Lexeme]) -> str:
    """The text without comments, with one space where lexemes do not touch, and each such whole number as 0."""
    written: list[str] = []
    before, end = "", -1
    for kind, text, start, stop, upper in lexemes:
        if start != end:
            written.append(" ")
        is_compared = kind == "number" and before in _COMPARING
        written.append("0" if is_compared and len(text) <= _MOST_DIGITS and text.isdecimal() else text)
        before, end = upper, stop
    return "".join(written)
