"""The functions a text calls, by the names that are written before an opening parenthesis, and tables they name.

`APPENDS(TABLE nyc.flights, NULL, NULL)`: the parser reads such an argument for a few functions only. So the word TABLE
is kept from it, and what follows is judged by its text: as a table, wherever it stands.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.sql.lexer import PRIVACY_KINDS, Lexeme, upper_name


class Call(NamedTuple):
    """A name before a parenthesis. `chained` is true of `(x).LOWER()`: the name belongs to no path before it."""

    path: list[Lexeme]
    chained: bool


def find_calls(lexemes: Sequence[Lexeme]) -> Iterator[Call]:
    """Every name before an opening parenthesis, words of the grammar such as IN included."""
    open_brackets: list[int] = []
    closed = 0  # where the bracket opened that closed last
    for index, lexeme in enumerate(lexemes):
        if lexeme.kind != "symbol":
            continue
        if lexeme.text == "(":
            open_brackets.append(index)
            before = lexemes[index - 1] if index else None
            if before is None:
                continue
            if before.kind in ("word", "quoted") and not _is_privacy_clause(lexemes, index - 1):
                yield _read_call(lexemes, index - 1)
            elif before.text == ")" and closed and lexemes[closed - 1].text == ".":
                yield Call(list(lexemes[closed + 1 : index - 1 : 2]), chained=True)
        elif lexeme.text == ")" and open_brackets:
            closed = open_brackets.pop()


def _is_privacy_clause(lexemes: Sequence[Lexeme], index: int) -> bool:
    """The OPTIONS of `SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (…)`, and nobody else's."""
    words = [lexeme.upper for lexeme in lexemes[max(index - 3, 0) : index + 1]]
    return words in [["SELECT", "WITH", kind, "OPTIONS"] for kind in PRIVACY_KINDS]


def read_path(lexemes: Sequence[Lexeme], last: int) -> list[Lexeme]:
    """The parts of the dotted name that ends at the index `last`."""
    return _read_call(lexemes, last).path


def write_path(path: Sequence[Lexeme]) -> str:
    """The name as it is written, without backticks."""
    return ".".join(part.text.replace("`", "") for part in path)


def join_path(path: Sequence[Lexeme]) -> str:
    """The name as lists of functions have it: in upper case and without backticks."""
    return upper_name(write_path(path))


def _read_call(lexemes: Sequence[Lexeme], last: int) -> Call:
    first = last
    while first > 1 and lexemes[first - 1].text == "." and lexemes[first - 2].kind in ("word", "quoted"):
        first -= 2
    before = lexemes[first - 1].text if first else ""
    # Behind a dot stands a value, `(x).f(…)` or `x[0].f(…)`; behind @ a parameter, whose name is no namespace.
    chained = before == "." or (before == "@" and first < last)
    return Call(
        list(lexemes[last : last + 1] if before == "@" and chained else lexemes[first : last + 1 : 2]),
        chained,
    )


type TablePath = list[Lexeme]


class TableArgument(NamedTuple):
    """The word TABLE, the path behind it, and the function that is called."""

    keyword: Lexeme
    path: TablePath
    function: str


def find_table_arguments(lexemes: Sequence[Lexeme]) -> Iterator[TableArgument]:
    """Each word TABLE that is an argument of a call, with the path behind it."""
    if not any(lexeme.upper == "TABLE" for lexeme in lexemes):
        return
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
