"""Tables that a call of a table function names: `APPENDS(TABLE nyc.flights, NULL, NULL)`.

The parser reads such an argument for a few functions only. So the word TABLE is kept from it, and what follows
is judged here by its text: as a table, wherever it stands.
"""

from collections.abc import Iterator, Sequence

from shared.sql.called import join_path, read_path
from shared.sql.lexer import Lexeme

type TablePath = list[Lexeme]


def find_table_arguments(
    lexemes: Sequence[Lexeme], table_functions: frozenset[str]
) -> Iterator[tuple[Lexeme, TablePath]]:
    """Each word TABLE that is an argument of a listed table function, with the path behind it."""
    listed: list[bool] = []  # for each open bracket, whether it is that of such a call
    for index, lexeme in enumerate(lexemes):
        if lexeme.text == "(":
            named = index > 0 and lexemes[index - 1].kind in ("word", "quoted")
            listed.append(named and join_path(read_path(lexemes, index - 1)) in table_functions)
        elif lexeme.text == ")" and listed:
            listed.pop()
        elif lexeme.upper == "TABLE" and lexeme.kind == "word" and listed and listed[-1]:
            path = _read_forwards(lexemes, index + 1)
            if path and lexemes[index - 1].text in ("(", ",", ">"):
                yield lexeme, path


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
