"""Tables that a call of a table function names: `APPENDS(TABLE nyc.flights, NULL, NULL)`.

The parser reads such an argument for a few functions only. So the word TABLE is kept from it, and what follows
is judged by its text: as a table, wherever it stands.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.sql.called import read_path, write_path
from shared.sql.lexer import Lexeme

type TablePath = list[Lexeme]


class TableArgument(NamedTuple):
    """The word TABLE, the path behind it, and the function that is called."""

    keyword: Lexeme
    path: TablePath
    function: str


def find_table_arguments(lexemes: Sequence[Lexeme]) -> Iterator[TableArgument]:
    """Each word TABLE that is an argument of a call, with the path behind it."""
    called: list[str] = []  # for each open bracket, what it calls
    for index, lexeme in enumerate(lexemes):
        if lexeme.text == "(":
            named = index > 0 and lexemes[index - 1].kind in ("word", "quoted")
            called.append(write_path(read_path(lexemes, index - 1)) if named else "")
        elif lexeme.text == ")" and called:
            called.pop()
        elif lexeme.upper == "TABLE" and lexeme.kind == "word" and called and called[-1]:
            path = _read_forwards(lexemes, index + 1)
            if path and lexemes[index - 1].text in ("(", ",", ">"):
                yield TableArgument(lexeme, path, called[-1])


def _read_forwards(lexemes: Sequence[Lexeme], first: int) -> TablePath:
    path: TablePath = []
    for index in range(first, len(lexemes), 2):
        if lexemes[index].kind not in ("word", "quoted"):
            return []
        path.append(lexemes[index])
        following = lexemes[index + 1].text if index + 1 < len(lexemes) else ""
        if following != ".":
            # Anything else behind the name, such as the hyphen of a project, makes it another name.
            return path if following in (",", ")") else []
    return []
