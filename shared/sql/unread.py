"""What BigQuery accepts and the parser does not read yet: said as it is, with what to write instead."""

from collections.abc import Sequence

from shared.errors import SqlInvalidError
from shared.sql.lexer import Lexeme
from shared.sql.violations import Violation

UNREAD_PIPES = {
    "DROP": "|> SELECT * EXCEPT (column)",
    "RENAME": "|> SELECT * EXCEPT (old), old AS new",
    "SET": "|> SELECT * REPLACE (expression AS column)",
    "WINDOW": "|> EXTEND function() OVER (…) AS column",
    "WITH": "WITH name AS (…) before the first FROM",
}
"""Operators of pipe syntax, and how to write each."""
UNREAD_SAFE_NET = "NET.HOST(…) without SAFE."


def find_unread(lexemes: Sequence[Lexeme]) -> Violation | None:
    """The first thing in a statement that only the parser stumbles over; None when there is none."""
    for index, lexeme in enumerate(lexemes):
        following = [one.upper for one in lexemes[index : index + 4]]
        if following[:2] == ["|", ">"] and len(following) > 2 and following[2] in UNREAD_PIPES:
            return _explain(f"|> {following[2]}", UNREAD_PIPES[following[2]], lexeme)
        if following == ["SAFE", ".", "NET", "."] and (index == 0 or lexemes[index - 1].text != "."):
            return _explain("SAFE.NET", UNREAD_SAFE_NET, lexeme)
    return None


def _explain(found: str, instead: str, lexeme: Lexeme) -> Violation:
    message = f"BigQuery accepts {found}, Almanac does not read it yet."
    return Violation(SqlInvalidError, "syntax", message, found, lexeme.start, f"Write it as {instead}.")
