"""A word that is all of an expression is read without asking for operators: the tree is that of the long way."""

import pytest
from sqlglot import exp

from shared.errors import AlmanacError
from shared.sql.expressions import _EXPRESSION_ENDS, _OPERAND_ENDS, ExpressionParser
from shared.sql.lexer import read_lexemes
from shared.sql.nodes import walk
from shared.sql.parsing import SqlReading
from shared.sql.pipes import GoogleSqlParser
from shared.sql.statement import DEFAULT_BOUNDS, check_nesting, check_statement
from tests.guard.test_corpus import CASES
from tests.sql.corpus import read_corpus

TEXTS = sorted({query.sql for query in read_corpus()} | {case.sql for case in CASES if len(case.sql) < 2000})
BINDING = [
    GoogleSqlParser.BITWISE, GoogleSqlParser.TERM, GoogleSqlParser.FACTOR, GoogleSqlParser.EXPONENT,
    GoogleSqlParser.COLUMN_OPERATORS,
]  # fmt: skip
COMPARING = [
    GoogleSqlParser.DISJUNCTION, GoogleSqlParser.CONJUNCTION, GoogleSqlParser.EQUALITY, GoogleSqlParser.COMPARISON,
    GoogleSqlParser.RANGE_PARSERS,
]  # fmt: skip


def describe(sql: str) -> list[object]:
    """Every node with its place and its arguments that are none, or why the text is refused."""
    try:
        lexed = read_lexemes(sql)
        check_nesting(lexed, DEFAULT_BOUNDS)
        tree = SqlReading(lexed, check_statement(lexed)).parse().tree
    except AlmanacError as error:
        return [error.code, error.message, error.details]
    nodes = walk(tree)
    return [
        (type(node), node.meta, {key: value for key, value in node.args.items() if not _holds_nodes(value)})
        for node in nodes
    ]


def _holds_nodes(value: object) -> bool:
    return isinstance(value, exp.Expr) or (isinstance(value, list) and any(map(_holds_nodes, value)))


def test_both_ways_end_in_one_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    shortened = [describe(sql) for sql in TEXTS]
    asked: list[object] = []
    monkeypatch.setattr(ExpressionParser, "_parse_word", lambda _, ends: asked.append(ends))
    assert shortened == [describe(sql) for sql in TEXTS]
    assert len(TEXTS) > 300
    assert len(asked) > len(TEXTS)


@pytest.mark.parametrize("operators", BINDING)
def test_what_ends_an_operand_binds_nothing_to_it(operators: object) -> None:
    assert _OPERAND_ENDS.isdisjoint(operators)  # type: ignore[arg-type]


@pytest.mark.parametrize("operators", [*BINDING, *COMPARING])
def test_what_ends_an_expression_goes_on_with_none(operators: object) -> None:
    assert _EXPRESSION_ENDS.isdisjoint(operators)  # type: ignore[arg-type]
