"""The page about SQL says what the guard does."""

import pytest

from shared.errors import SqlInvalidError
from shared.sql.unread import UNREAD_PIPES
from shared.warehouse.guard.guard import QueryGuard
from tests.guard.sql_page import PAGE, render_page

INSTEAD = {
    "DROP": ("FROM t |> DROP a", "FROM t |> SELECT * EXCEPT (a)"),
    "RENAME": ("FROM t |> RENAME a AS b", "FROM t |> SELECT * EXCEPT (a), a AS b"),
    "SET": ("FROM t |> SET a = 1", "FROM t |> SELECT * REPLACE (1 AS a)"),
    "WINDOW": ("FROM t |> WINDOW SUM(a) OVER () AS s", "FROM t |> EXTEND SUM(a) OVER () AS s"),
    "WITH": ("FROM t |> WITH q AS (SELECT 1)", "WITH q AS (SELECT 1) FROM t |> SELECT a"),
}


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == render_page()


def test_every_pipe_that_is_not_read_is_tried():
    assert set(INSTEAD) == set(UNREAD_PIPES)


@pytest.mark.parametrize(
    ("sql", "found", "instead"),
    [
        *((sql, f"|> {word}", instead) for word, (sql, instead) in INSTEAD.items()),
        ("SELECT SAFE.NET.HOST(a) FROM t", "SAFE.NET", "SELECT NET.HOST(a) FROM t"),
        (r"SELECT br'\d' FROM t", r"br'\d'", r"SELECT b'\\d' FROM t"),
        (r"SELECT RB'\d' FROM t", r"RB'\d'", r"SELECT b'\\d' FROM t"),
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
