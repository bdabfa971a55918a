"""What the guard promises beyond the single verdicts of the corpus."""

import pytest
from sqlglot import exp

from shared.errors import SqlInvalidError, SqlNotAllowedError, TableNotAllowedError
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard
from shared.warehouse.models.tables import TableRef


def test_all_refusals_of_one_kind_are_listed_in_the_order_of_the_text(guard: QueryGuard):
    with pytest.raises(TableNotAllowedError) as caught:
        guard.check("SELECT *\nFROM b.x\n  JOIN nyc.t USING (k)\n  JOIN a.y USING (k)", None)
    places = [(detail["line"], detail["column"], detail["found"]) for detail in caught.value.details]
    assert places == [(2, 6, "b.x"), (4, 8, "a.y")]


def test_a_forbidden_function_outranks_a_forbidden_table(guard: QueryGuard):
    with pytest.raises(SqlNotAllowedError) as caught:
        guard.check("SELECT nyc.f(x) FROM secret.t", None)
    assert [detail["found"] for detail in caught.value.details] == ["nyc.f"]


def test_positions_count_characters_and_ignore_what_comments_hold(guard: QueryGuard):
    with pytest.raises(TableNotAllowedError) as caught:
        guard.check("/* zwei\nZeilen */ SELECT '日本' -- x\n\tFROM `secret.t`", None)
    assert (caught.value.details[0]["line"], caught.value.details[0]["column"]) == (3, 7)


def test_the_tree_is_one_query_and_the_sql_is_untouched(guard: QueryGuard):
    sql = "  SELECT 1 AS one -- why\n;\n"
    query = guard.check(sql, None)
    assert isinstance(query.tree, exp.Select)
    assert query.sql == sql


def test_an_empty_allowlist_allows_no_table():
    with pytest.raises(TableNotAllowedError):
        QueryGuard(GuardPolicy("proj", [])).check("SELECT * FROM nyc.t", None)


def test_a_policy_with_something_else_than_datasets_is_refused_at_once():
    for entry in ("", "nyc.", ".nyc", "a..b", "proj:nyc"):
        with pytest.raises(ValueError, match="is not a dataset"):
            QueryGuard(GuardPolicy("proj", [entry]))


def test_a_domain_scoped_project_is_allowed_by_its_full_name():
    guard = QueryGuard(GuardPolicy("proj", ["example.com:Legacy.sales"]))
    query = guard.check("SELECT * FROM `example.com:legacy.sales.orders`", None)
    assert query.tables == (TableRef("example.com:legacy", "sales", "orders"),)
    with pytest.raises(TableNotAllowedError):
        guard.check("SELECT * FROM `example.org:legacy.sales.orders`", None)


def test_a_listed_table_function_passes_and_its_arguments_are_still_read():
    guard = QueryGuard(GuardPolicy("proj", ["nyc"], ["nyc.delays", "GAP_FILL", "range_sessionize"]))
    assert guard.check("SELECT * FROM nyc.delays(@day)", None).tables == ()
    assert guard.check("SELECT * FROM `nyc.delays`(@day)", None).tables == ()
    assert guard.check("SELECT * FROM RANGE_SESSIONIZE((SELECT * FROM nyc.t), 'a', ['b'])", None).tables == (
        TableRef("proj", "nyc", "t"),
    )
    gaps = "SELECT * FROM GAP_FILL(TABLE {}, ts_column => 'd', bucket_width => INTERVAL 1 DAY)"
    assert guard.check(gaps.format("nyc.t"), None).tables == (TableRef("proj", "nyc", "t"),)
    with pytest.raises(TableNotAllowedError):
        guard.check(gaps.format("secret.t"), None)
    with pytest.raises(TableNotAllowedError):
        guard.check("SELECT * FROM nyc.delays((SELECT MAX(day) FROM secret.t))", None)
    with pytest.raises(SqlNotAllowedError):
        guard.check("SELECT * FROM nyc.other(@day)", None)


def test_a_parse_error_names_the_word_and_no_class_of_the_parser(guard: QueryGuard):
    with pytest.raises(SqlInvalidError) as caught:
        guard.check("SELECT *\nFROM nyc.t\nWHERE x = = 1", None)
    detail = caught.value.details[0]
    assert (detail["line"], detail["column"], detail["found"]) == (3, 11, "=")
    assert "class" not in caught.value.message
    assert "(line 3, column 11)" in caught.value.message


def test_one_guard_serves_many_threads_alike(guard: QueryGuard):
    from concurrent.futures import ThreadPoolExecutor

    sqls = [f"WITH a AS (SELECT {n} AS x) SELECT * FROM a JOIN t{n} USING (x)" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        queries = list(pool.map(lambda sql: guard.check(sql, "nyc"), sqls))
    assert [str(query.tables[0]) for query in queries] == [f"proj.nyc.t{n}" for n in range(40)]
