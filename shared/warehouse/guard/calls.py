"""The rule about functions, read from the names as they are written.

The parser gives functions of many dialects classes of their own and forgets how they were spelled; what
BigQuery calls is the name in the text. So the names are judged there: whatever stands before an opening
parenthesis must be on a list.
"""

from collections.abc import Iterator, Sequence

from shared.errors import SqlNotAllowedError
from shared.sql.called import find_calls, join_path
from shared.sql.lexer import Lexeme
from shared.sql.violations import Violation
from shared.warehouse.guard.functions import (
    FUNCTIONS,
    GRAMMAR_WORDS,
    NAMESPACED_FUNCTIONS,
    PARAMETERISED_TYPES,
)

_UNQUALIFIED = FUNCTIONS | GRAMMAR_WORDS | PARAMETERISED_TYPES
_MODEL_NAMESPACES = frozenset({"ML", "AI", "OBJ"})
_TABLE_FUNCTIONS = frozenset(
    {"EXTERNAL_QUERY", "VECTOR_SEARCH", "APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "GRAPH_TABLE"}
)


class CallRule:
    """Only BigQuery's own computing functions are called, and the table functions the policy lists."""

    def __init__(self, table_functions: frozenset[str]) -> None:
        self._table_functions = table_functions

    def find(self, lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
        """Every call of a function that is not on a list."""
        for call in find_calls(lexemes):
            if not (self._may_chain(call.path) if call.chained else self._may_call(call.path)):
                yield _refuse(call.path)

    def _may_call(self, path: list[Lexeme]) -> bool:
        name = join_path(path)
        if name in self._table_functions:
            return True
        if any(part.kind == "quoted" for part in path):
            return False  # a quoted name is a routine's
        if len(path) == 1:
            return name in _UNQUALIFIED
        return _is_built_in(path, name)

    def _may_chain(self, path: list[Lexeme]) -> bool:
        """Words of the grammar are no functions here: `(x).IN(…)` calls a routine of that name."""
        name = join_path(path)
        return not any(part.kind != "word" for part in path) and (
            name in FUNCTIONS or _is_built_in(path, name)
        )


def _is_built_in(path: list[Lexeme], name: str) -> bool:
    if path[0].upper == "SAFE":
        rest = name.partition(".")[2]
        return rest in FUNCTIONS or rest in NAMESPACED_FUNCTIONS
    return name in NAMESPACED_FUNCTIONS


def _refuse(path: list[Lexeme]) -> Violation:
    name = ".".join(part.text.replace("`", "") for part in path)
    first = path[0].upper
    if len(path) > 1 and first in _MODEL_NAMESPACES:
        reason = "calls a model or a remote service"
    elif len(path) == 1 and first in _TABLE_FUNCTIONS:
        reason = "is a table function that is not in ALLOWED_TABLE_FUNCTIONS"
    elif len(path) > 1 and first == "KEYS":
        reason = "handles encryption keys"
    elif len(path) > 1:
        reason = "is a stored routine, which may reach anything"
    else:
        reason = "is not one of BigQuery's own functions that are known to only compute"
    message = f"{name} {reason}; it never runs here."
    return Violation(SqlNotAllowedError, "function", message, name, path[0].start)
