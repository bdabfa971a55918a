"""The page about SQL says what the guard does."""

import pytest

from shared.errors import SqlInvalidError
from shared.warehouse.guard.guard import QueryGuard
from tests.guard.sql_page import PAGE, render_page

MATCHED = "MATCH_RECOGNIZE (ORDER BY a MEASURES FIRST(p.a) AS m PATTERN (p+) DEFINE p AS a > 1)"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == render_page()


@pytest.mark.parametrize(
    ("sql", "found", "instead"),
    [
        (
            f"FROM t |> {MATCHED}",
            "MATCH_RECOGNIZE",
            "SELECT LEAD(a) OVER (ORDER BY a) AS m FROM t QUALIFY LAG(a) OVER (ORDER BY a) > 1",
        ),
        (f"SELECT m FROM t {MATCHED}", "MATCH_RECOGNIZE", "SELECT a FROM t"),
    ],
)
def test_what_only_the_parser_stumbles_over_is_no_fault_of_the_writer(
    guard: QueryGuard, sql: str, found: str, instead: str
):
    with pytest.raises(SqlInvalidError) as caught:
        guard.check(sql, "nyc")
    assert caught.value.message.startswith("BigQuery accepts")
    assert "does not read it yet" in caught.value.message
    assert caught.value.details[0]["found"] == found
    assert caught.value.remediation.startswith("Write it as")
    assert [str(table) for table in guard.check(instead, "nyc").tables] == ["proj.nyc.t"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ARRAY_FILTER(a, e -> e > 1), ARRAY_TRANSFORM(a, (e, i) -> e + i), ARRAY_MIN(a), ARRAY_MAX(a) FROM t",
        "SELECT ARRAY_INCLUDES(a, 1), ARRAY_IS_DISTINCT(a), INT64_ARRAY(j), LAX_STRING_ARRAY(j) FROM t",
    ],
)
def test_functions_of_arrays_pass(guard: QueryGuard, sql: str):
    assert [str(table) for table in guard.check(sql, "nyc").tables] == ["proj.nyc.t"]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM t |> DROP a",
        "FROM t |> RENAME a AS b",
        "FROM t |> SET a = 1",
        "FROM t |> WINDOW SUM(a) OVER () AS s",
        "FROM t |> WITH q AS (SELECT 1) |> SELECT a",
        "SELECT SAFE.NET.HOST(a) FROM t",
        r"SELECT br'\d' FROM t",
        r"SELECT RB'\d' FROM t",
    ],
)
def test_what_was_not_read_once_is_read(guard: QueryGuard, sql: str):
    assert [str(table) for table in guard.check(sql, "nyc").tables] == ["proj.nyc.t"]
