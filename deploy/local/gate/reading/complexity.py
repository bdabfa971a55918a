"""Statements too large to plan, refused in BigQuery's words before anybody begins to work on them.

The emulator and the gate walk a statement's tree with Python code whose time grows with the square or the
cube of its depth: the sum of a thousand terms keeps a core busy for minutes, and with it everybody else.
"""

from http import HTTPStatus

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from deploy.local.gate.errors import GateError

MAX_DEPTH = 400
MAX_REFERENCES = 500
_SMALL_CHARACTERS = 2 * MAX_DEPTH
_MESSAGE = (
    "Resources exceeded during query execution: Not enough resources for query planning - too many subqueries "
    "or query is too complex. (The emulator takes at most {depth} operators in one chain, and {references} "
    "tables and SELECTs.)"
)


def check_complexity(sql: str) -> None:
    """Raise GateError for a statement that is too deep or refers to too much; what is no SQL passes."""
    if len(sql) < _SMALL_CHARACTERS:
        return
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect="bigquery") if tree]
    except RecursionError as error:
        raise too_complex() from error
    except (SqlglotError, ValueError):
        return  # the emulator says what is wrong with it
    if any(_is_complex(tree) for tree in trees):
        raise too_complex()


def too_complex() -> GateError:
    """What BigQuery answers to a statement it cannot plan."""
    message = _MESSAGE.format(depth=MAX_DEPTH, references=MAX_REFERENCES)
    return GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", message)


def _is_complex(tree: exp.Expr) -> bool:
    """Level by level: a walk down the tree would itself need its depth in stack."""
    level, depth, references = [tree], 0, 0
    while level:
        depth += 1
        references += sum(isinstance(node, exp.Table | exp.Select) for node in level)
        if depth > MAX_DEPTH or references > MAX_REFERENCES:
            return True
        level = [child for node in level for child in node.iter_expressions()]
    return False
