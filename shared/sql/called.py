"""The functions a text calls, by the names that are written before an opening parenthesis."""

from collections.abc import Sequence

from shared.sql.folding import upper_name
from shared.sql.lexer import Lexeme


def read_path(lexemes: Sequence[Lexeme], last: int) -> list[Lexeme]:
    """The parts of the dotted name that ends at the index `last`."""
    path = [lexemes[last]]
    index = last - 1
    while index > 0 and lexemes[index].text == "." and lexemes[index - 1].kind in ("word", "quoted"):
        path.insert(0, lexemes[index - 1])
        index -= 2
    if index >= 0 and lexemes[index].text == ".":
        path.insert(0, Lexeme("symbol", "…", lexemes[index].start))  # computed: the path of no function
    return path


def join_path(path: list[Lexeme]) -> str:
    """The name as lists of functions have it: in upper case and without backticks."""
    return upper_name(".".join(part.text.replace("`", "") for part in path))
