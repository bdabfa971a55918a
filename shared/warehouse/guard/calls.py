"""Rules read from the text: which functions are called, and that values arrive as named parameters.

The parser gives functions of many dialects classes of their own and forgets how they were spelled; what
BigQuery calls is the name in the text. So the names are judged there: whatever stands before an opening
parenthesis must be on a list.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from shared.errors import SqlInvalidError, SqlNotAllowedError
from shared.sql.called import find_calls, join_path, write_path
from shared.sql.lexer import Lexeme
from shared.sql.violations import Violation
from shared.warehouse.guard.functions import (
    FUNCTIONS,
    GRAMMAR_WORDS,
    NAMESPACED_FUNCTIONS,
    PARAMETERISED_TYPES,
)
from shared.warehouse.guard.policy import GuardPolicy

_UNQUALIFIED = FUNCTIONS | GRAMMAR_WORDS | PARAMETERISED_TYPES
_MODEL_NAMESPACES = frozenset({"ML", "AI", "OBJ"})
_TABLE_FUNCTIONS = frozenset(
    {"EXTERNAL_QUERY", "VECTOR_SEARCH", "APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "GRAPH_TABLE"}
)


class CallRule:
    """Only BigQuery's own computing functions are called, and the routines the policy lists."""

    def __init__(self, policy: GuardPolicy) -> None:
        self._policy = policy

    def find(self, lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
        """Every call of a function that is not on a list."""
        for call in find_calls(lexemes):
            if not (self._may_chain(call.path) if call.chained else self._may_call(call.path)):
                yield _refuse(call.path)

    def _may_call(self, path: list[Lexeme]) -> bool:
        name = join_path(path)
        if self._policy.allows_routine(write_path(path)):
            return True
        if any(part.kind == "quoted" for part in path):
            return False  # a quoted name is a routine's
        if len(path) == 1:
            return name in _UNQUALIFIED
        return _is_built_in(path, name)

    def _may_chain(self, path: list[Lexeme]) -> bool:
        """Words of the grammar are no functions here: `(x).IN(…)` calls a routine of that name."""
        name = join_path(path)
        if not path or (len(path) > 1 and self._policy.allows_routine(write_path(path))):
            return bool(path)
        return all(part.kind == "word" for part in path) and (name in FUNCTIONS or _is_built_in(path, name))


def _is_built_in(path: list[Lexeme], name: str) -> bool:
    if path[0].upper == "SAFE":
        rest = name.partition(".")[2]
        return rest in FUNCTIONS or rest in NAMESPACED_FUNCTIONS
    return name in NAMESPACED_FUNCTIONS


def _refuse(path: list[Lexeme]) -> Violation:
    name = write_path(path)
    first, suggestion = path[0].upper, None
    if len(path) > 1 and first in _MODEL_NAMESPACES:
        reason = "calls a model or a remote service"
    elif len(path) == 1 and first in _TABLE_FUNCTIONS:
        reason = "is a table function that is not in ALLOWED_ROUTINES"
    elif len(path) > 1 and first == "KEYS":
        reason = "handles encryption keys"
    elif "." in name:
        reason = "is a stored routine that is not in ALLOWED_ROUTINES, and may reach anything"
    else:
        reason = "is not one of BigQuery's own functions that are known to only compute"
        suggestion = next(iter(get_close_matches(first, FUNCTIONS, n=1)), None)
    message = f"{name} {reason}; it never runs here."
    remedy = f"Did you mean {suggestion}?" if suggestion else None
    return Violation(SqlNotAllowedError, "function", message, name, path[0].start, remedy, suggestion)


class ParameterRule:
    """Values arrive as named parameters; positional ones, system variables and hints do not."""

    def find(self, lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
        """Every `?`, `@@variable` and `@` without a name."""
        for index, lexeme in enumerate(lexemes):
            if lexeme.text == "?":
                message = "Positional parameters are not supported; name it, as in @origin."
                yield Violation(SqlNotAllowedError, "positional_parameter", message, "?", lexeme.start)
            elif lexeme.text == "@" and (index == 0 or lexemes[index - 1].text != "@"):
                following = lexemes[index + 1] if index + 1 < len(lexemes) else None
                if following is not None and following.text == "@":
                    name = lexemes[index + 2].text if index + 2 < len(lexemes) else ""
                    message = f"System variables such as @@{name} belong to scripts and are not read here."
                    yield Violation(SqlNotAllowedError, "system_variable", message, f"@@{name}", lexeme.start)
                elif following is None or following.kind not in ("word", "quoted"):
                    message = "A parameter is @ and a name."
                    yield Violation(SqlInvalidError, "syntax", message, "@", lexeme.start)
