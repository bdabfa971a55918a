"""Texts made to cost time are answered quickly, and with one of the guard's own errors."""

import contextlib
import sys
import time

import pytest

from shared.errors import AlmanacError, SqlInvalidError
from shared.sql import scopes
from shared.sql.lexer import fold_name
from shared.warehouse.guard.functions import (
    FUNCTIONS,
    GRAMMAR_WORDS,
    NAMESPACED_FUNCTIONS,
    PARAMETERISED_TYPES,
)
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard
from shared.warehouse.guard.rules import MAX_SOURCES

BOMBS = {
    "brackets": lambda n: "SELECT " + "(" * n + "1" + ")" * n,
    "open brackets": lambda n: "SELECT " + "(" * n,
    "closing brackets": lambda n: "SELECT 1" + ")" * n,
    "arrays": lambda n: "SELECT " + "[" * n + "1" + "]" * n,
    "subqueries": lambda n: "SELECT * FROM " + "(SELECT * FROM " * n + "t" + ")" * n,
    "joins in brackets": lambda n: "SELECT 1 FROM " + "(a JOIN " * n + "b" + ")" * n,
    "with": lambda n: "WITH a AS (" * n + "SELECT 1" + ") SELECT 1" * n,
    "case": lambda n: "SELECT " + "CASE WHEN TRUE THEN " * n + "1" + " END" * n,
    "not": lambda n: "SELECT " + "NOT " * n + "TRUE",
    "minus": lambda n: "SELECT " + "- " * n + "1",
    "interval": lambda n: "SELECT " + "INTERVAL " * n + "1 DAY",
    "types": lambda n: "SELECT CAST(NULL AS " + "ARRAY<" * n + "INT64" + ">" * n + ")",
    "functions": lambda n: "SELECT " + "ABS(" * n + "1" + ")" * n,
    "structs": lambda n: "SELECT " + "STRUCT(" * n + "1 AS a" + ")" * n,
    "dates": lambda n: "SELECT " + "DATE(" * n + "1" + ")" * n,
    "safe functions": lambda n: "SELECT " + "SAFE.DATE(" * n + "1" + ")" * n,
    "typed arrays": lambda n: "SELECT " + "STRING[" * n + "1" + "]" * n,
    "sums": lambda n: "SELECT 1" + " + 1" * n,
    "conditions": lambda n: "SELECT * FROM t WHERE TRUE" + " AND x" * n,
    "unions": lambda n: "SELECT 1" + " UNION ALL SELECT 1" * n,
    "columns": lambda n: "SELECT 1" + ", 1" * n,
    "fields": lambda n: "SELECT a" + ".a" * n,
    "subscripts": lambda n: "SELECT a" + "[0]" * n,
    "right-hand joins": lambda n: "SELECT 1 FROM a " + "JOIN b " * n + "ON TRUE " * n,
    "comma joins": lambda n: "SELECT 1 FROM a" + ", b" * n,
    "between": lambda n: "SELECT 1" + " BETWEEN 1 AND 1" * n,
    "pipes": lambda n: "FROM t" + " |> WHERE TRUE" * n,
    "statements": lambda n: "SELECT 1;" * n,
    "comments": lambda n: "SELECT 1 " + "/**/" * n,
    "unclosed comments": lambda n: "SELECT 1 " + "/* " * n,
    "strings": lambda n: "SELECT " + "''," * n + "1",
    "triple quotes": lambda n: "SELECT " + "'''" * n,
    "backslashes": lambda n: "SELECT '" + "\\" * (2 * n) + "'",
    "one long string": lambda n: "SELECT '" + "x" * n + "'",
    "one long name": lambda n: "SELECT " + "x" * n,
    "spaces": lambda n: "SELECT 1" + " " * n,
}


@pytest.mark.parametrize("size", [30, 2000, 60_000])
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_answered_within_seconds(guard: QueryGuard, name: str, size: int):
    sql = BOMBS[name](size)
    started = time.process_time()
    with contextlib.suppress(AlmanacError):
        guard.check(sql, "nyc")
    assert time.process_time() - started < 4


def test_every_word_that_may_stand_before_brackets_nests_in_bounded_time(guard: QueryGuard):
    words = sorted(
        FUNCTIONS | GRAMMAR_WORDS | NAMESPACED_FUNCTIONS | PARAMETERISED_TYPES | {"SAFE.DATE", "SAFE.IF"}
    )
    slow = []
    for word in words:
        for opening, closing in (("(", ")"), ("[", "]")):
            sql = "SELECT " + f"{word}{opening}" * 20 + "1" + closing * 20
            started = time.process_time()
            with contextlib.suppress(AlmanacError):
                guard.check(sql, "nyc")
            if time.process_time() - started > 2:
                slow.append(word + opening)
    assert slow == []


@pytest.mark.parametrize(
    "joined",
    ["a{}", "UNNEST([{}])", "(SELECT {})", "nyc.a{} AS b{}"],
    ids=["tables", "arrays", "queries", "aliases"],
)
def test_as_many_sources_as_bigquery_reads_pass_and_one_more_does_not(guard: QueryGuard, joined: str):
    sources = [joined.format(number, number) for number in range(MAX_SOURCES + 1)]
    guard.check("SELECT 1 FROM " + ", ".join(sources[:-1]), "nyc")
    with pytest.raises(SqlInvalidError) as caught:
        guard.check("SELECT 1 FROM " + ", ".join(sources), "nyc")
    assert caught.value.details[0]["rule"] == "size"
    assert "1001" in caught.value.details[0]["found"]


def test_each_join_is_looked_at_a_constant_number_of_times(
    monkeypatch: pytest.MonkeyPatch, guard: QueryGuard
):
    """What is visible is looked up where it is kept: nothing grows with the square of the joins."""
    folded = 0

    def count(name: str) -> str:
        nonlocal folded
        folded += 1
        return fold_name(name)

    monkeypatch.setattr(scopes, "fold_name", count)
    guard.check("SELECT 1 FROM " + ", ".join(f"a{number}" for number in range(900)), "nyc")
    assert folded <= 3 * 900


def test_wide_content_in_brackets_read_twice_counts_for_each_reading(guard: QueryGuard):
    sql = "SELECT " + "STRUCT(" * 8 + ", ".join(["1"] * 2000) + ")" * 8
    with pytest.raises(SqlInvalidError) as caught:
        guard.check(sql, "nyc")
    assert caught.value.details[0]["rule"] == "size"


@pytest.mark.parametrize("link", [" + 1", " || 'a'", " AND x", " UNION ALL SELECT 1", " JOIN b ON TRUE"])
def test_a_chain_is_bounded_and_named_with_its_position(guard: QueryGuard, link: str):
    with pytest.raises(SqlInvalidError, match="more than 1000") as caught:
        guard.check("SELECT 1" + link * 5000, "nyc")
    detail = caught.value.details[0]
    assert (detail["rule"], detail["line"]) == ("size", 1)
    assert detail["column"] > 1000


def test_commas_begin_another_chain(guard: QueryGuard):
    guard.check("SELECT " + ", ".join(["a + 1"] * 3000) + " FROM t", "nyc")


def test_tables_are_counted(guard: QueryGuard):
    guard.check("SELECT 1 FROM " + ", ".join(f"t AS t{n}" for n in range(1000)), "nyc")
    with pytest.raises(SqlInvalidError, match="names 1001 tables; at most 1000"):
        guard.check("SELECT 1 FROM " + ", ".join(f"t AS t{n}" for n in range(1001)), "nyc")


def test_ordinary_nesting_passes(guard: QueryGuard):
    sql = "SELECT " + "COALESCE(" * 12 + "DATE(TIMESTAMP(STRING(DATE(x))))" + ", 1)" * 12 + " FROM t"
    assert guard.check(sql, "nyc").deterministic


def test_nesting_beyond_the_policy_is_named_with_its_position():
    strict = QueryGuard(GuardPolicy("proj", ["nyc"], max_depth=3))
    strict.check("SELECT (((1)))", None)
    with pytest.raises(SqlInvalidError) as caught:
        strict.check("SELECT\n((((1))))", None)
    detail = caught.value.details[0]
    assert (detail["rule"], detail["line"], detail["column"]) == ("nesting", 2, 4)
    assert "3 levels" in caught.value.message


def test_size_is_counted_in_bytes():
    strict = QueryGuard(GuardPolicy("proj", ["nyc"], max_sql_bytes=20))
    strict.check("SELECT 'ää'", None)
    with pytest.raises(SqlInvalidError) as caught:
        strict.check("SELECT 'äääääääääää'", None)
    assert caught.value.details[0]["rule"] == "size"
    assert "20" in caught.value.message


def test_a_quarter_megabyte_query_is_read_and_one_byte_more_is_not(guard: QueryGuard):
    sql = "SELECT '" + "x" * (256 * 1024 - 9) + "'"
    assert len(sql) == 256 * 1024
    guard.check(sql, None)
    with pytest.raises(SqlInvalidError):
        guard.check(sql + " ", None)


def test_a_lone_surrogate_is_refused_and_not_a_crash(guard: QueryGuard):
    with pytest.raises(SqlInvalidError) as caught:
        guard.check("SELECT '\ud800'", None)
    assert caught.value.details[0]["found"] == "U+D800"


def test_too_little_stack_is_a_refusal_and_not_a_crash(guard: QueryGuard):
    def call_deeply(levels: int) -> None:
        if levels:
            call_deeply(levels - 1)
        else:
            guard.check("SELECT " + "ABS(" * 20 + "1" + ")" * 20, None)

    with pytest.raises(SqlInvalidError) as caught:
        call_deeply(sys.getrecursionlimit() - 400)
    assert caught.value.details[0]["rule"] == "nesting"
