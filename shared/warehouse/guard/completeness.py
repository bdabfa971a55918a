"""The rule that the tree holds every table the text names."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from sqlglot import exp

from shared.errors import SqlInvalidError
from shared.sql.lexer import Lexeme, fold_name
from shared.sql.nodes import start_of
from shared.sql.parsing import ParsedSql
from shared.sql.violations import Violation

_NO_TABLE = frozenset({"UNNEST", "SELECT", "WITH", "FROM", "LATERAL"})
PIPE_NAME = "__tmp"


class CompletenessRule:
    """A name behind FROM or JOIN names a source in the tree: the parser took it for nothing else."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every name behind FROM or JOIN that the tree lacks, and every name of another parser's making."""
        tables = (node for node in parsed.nodes if isinstance(node, exp.Table))
        known = {start_of(part) for table in tables for part in table.parts}
        for lexeme in _find_table_starts(parsed.lexemes):
            if not _is_name(lexeme):
                message = "A table is written out by name; a parameter or a string cannot stand for it."
                yield Violation(SqlInvalidError, "table_name", message, lexeme.text, lexeme.start)
            elif known.isdisjoint(_read_path(parsed.lexemes, lexeme)):
                message = f"What stands around {lexeme.text} is not understood."
                yield Violation(SqlInvalidError, "syntax", message, lexeme.text, lexeme.start)
        for lexeme in parsed.lexemes:
            # The parser of the local warehouse invents CTEs of such names, which a table must not hide behind.
            if lexeme.kind in ("word", "quoted") and fold_name(lexeme.text.strip("`")).startswith(PIPE_NAME):
                message = f"Names that begin with {PIPE_NAME} are reserved."
                yield Violation(SqlInvalidError, "syntax", message, lexeme.text, lexeme.start)


def _find_table_starts(lexemes: Sequence[Lexeme]) -> Iterator[Lexeme]:
    brackets: list[bool] = []  # for each open one, whether its FROM belongs to EXTRACT
    for index, lexeme in enumerate(lexemes[:-1]):
        if lexeme.text == "(":
            brackets.append(index > 0 and lexemes[index - 1].upper == "EXTRACT")
        elif lexeme.text == ")" and brackets:
            brackets.pop()
        elif lexeme.upper in ("FROM", "JOIN") and lexeme.kind == "word" and not _is_operator(lexemes, index):
            if lexeme.upper == "FROM" and brackets and brackets[-1]:
                continue
            following = lexemes[index + 1]
            after = lexemes[index + 2].text if index + 2 < len(lexemes) else ""
            named = _is_name(following) and following.upper not in _NO_TABLE and after != "("
            if named or following.text == "@" or following.kind == "string":
                yield following


def _is_name(lexeme: Lexeme) -> bool:
    return lexeme.kind in ("word", "quoted")


def _read_path(lexemes: Sequence[Lexeme], first: Lexeme) -> Iterator[int]:
    """Where the parts of the path that begins with `first` start; the parser keeps only some of them."""
    index = bisect_left(lexemes, first.start, key=lambda lexeme: lexeme.start)
    yield first.start
    while index + 2 < len(lexemes) and lexemes[index + 1].text == ".":
        index += 2
        yield lexemes[index].start


def _is_operator(lexemes: Sequence[Lexeme], index: int) -> bool:
    """True for the FROM of IS DISTINCT FROM, and for a field or parameter called from."""
    before = lexemes[index - 1].upper if index else ""
    return before in (".", "@") or (
        before == "DISTINCT" and index > 1 and lexemes[index - 2].upper in ("IS", "NOT")
    )
