"""Texts of one shape: what is let through because another one was is what would be let through alone."""

import re

import pytest

from shared.errors import AlmanacError
from shared.sql.parsing import read_statement
from shared.sql.shape import write_shape
from shared.warehouse.guard.guard import QueryGuard
from tests.guard.conftest import POLICY
from tests.guard.test_corpus import CASES
from tests.sql.corpus import read_corpus

NUMBERS = ("0", "7", "2147483648", "999999999999999999")
COMPARED = re.compile(r"((?:[<>=]|\b(?:BETWEEN|AND|LIMIT)\b)\s*)\d+(?![\w.])", re.IGNORECASE)
TEXTS = sorted({*(case.sql for case in CASES), *(query.sql for query in read_corpus())})
VARIED = [sql for sql in TEXTS if COMPARED.search(sql)]


def judge(guard: QueryGuard, sql: str) -> object:
    """What the guard says when it knows no other text."""
    try:
        guard.check(sql, "nyc")
    except AlmanacError as error:
        return error.code, error.message, error.details
    return None


def admit(guard: QueryGuard, sql: str) -> object:
    """What it says after the texts before."""
    try:
        guard.admit(sql, "nyc")
    except AlmanacError as error:
        return error.code, error.message, error.details
    return None


def shape_of(sql: str) -> str:
    """As the guard compares it."""
    return write_shape(read_statement(sql).lexemes)


def test_the_corpora_compare_with_many_numbers() -> None:
    assert len(VARIED) > 60


@pytest.mark.parametrize("number", NUMBERS)
def test_other_numbers_get_the_verdict_that_they_get_alone(number: str) -> None:
    alone, together = QueryGuard(POLICY), QueryGuard(POLICY)
    for sql in VARIED:
        assert admit(together, sql) == judge(alone, sql)
        other = COMPARED.sub(lambda found: found[1] + number, sql)
        assert admit(together, other) == judge(alone, other), other


def test_every_text_gets_its_own_verdict_after_all_others() -> None:
    alone, together = QueryGuard(POLICY), QueryGuard(POLICY)
    for _ in range(2):
        assert [admit(together, sql) for sql in TEXTS] == [judge(alone, sql) for sql in TEXTS]


def test_a_text_of_a_known_shape_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = QueryGuard(POLICY)
    guard.admit("SELECT x FROM t WHERE y = 1 AND z BETWEEN 2 AND 3 LIMIT 4", "nyc")
    monkeypatch.setattr(guard, "check", lambda *_: pytest.fail("it was read again"))
    guard.admit("SELECT x FROM t -- as ever\nWHERE y = 20 AND z BETWEEN 0 AND 30\nLIMIT 1000", "nyc")


def test_what_passed_with_one_dataset_has_not_passed_with_another() -> None:
    guard = QueryGuard(POLICY)
    guard.admit("SELECT x FROM t WHERE y = 1", "nyc")
    with pytest.raises(AlmanacError, match="ALLOWED_DATASETS"):
        guard.admit("SELECT x FROM t WHERE y = 1", "secret")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT x FROM t WHERE y = 'a'", "SELECT x FROM t WHERE y = 'b'"),
        ("SELECT x FROM t WHERE y = 1", "SELECT x FROM t WHERE y = 1.5"),
        ("SELECT x FROM t WHERE y = 1", "SELECT x FROM t WHERE y = -1"),
        ("SELECT x FROM t WHERE y = 1", "SELECT x FROM t WHERE y = 0x1"),
        ("SELECT x FROM t WHERE y = 1", "SELECT x FROM t WHERE y = 1234567890123456789"),
        ("SELECT x FROM a.t2013", "SELECT x FROM a.t2014"),
        ("SELECT x FROM p-1.a.t", "SELECT x FROM p-2.a.t"),
        ("SELECT x FROM p-q.a.t", "SELECT x FROM p - q.a.t"),
        ("SELECT x, 1 FROM t", "SELECT x, 2 FROM t"),
        ("SELECT x FROM t", "SELECT X FROM t"),
    ],
)
def test_nothing_but_compared_whole_numbers_is_left_out(one: str, other: str) -> None:
    assert shape_of(one) != shape_of(other)
