"""Texts that were once read in several ways: guard, validator and lineage agree on what BigQuery makes of them."""

import pytest

from shared.lineage.extraction import trace_sql
from shared.lineage.sources import QuerySource
from shared.lineage.sql_tables import Deadline, SchemaIndex
from shared.sql.text import normalize_sql
from shared.warehouse.guard.guard import GuardedQuery
from tests.sql.tables import list_tables
from tests.sql.test_one_verdict import assert_one_verdict, judge, validate

SCHEMAS = SchemaIndex({f"proj.{name}": columns for name, columns in list_tables().items()})


def trace(sql: str) -> dict[str, set[str]]:
    """`table.column` of all that each column of the result is made of."""
    found = trace_sql(QuerySource(sql, "proj", "nyc"), SCHEMAS, Deadline(30))
    assert found.unresolved is None
    return {one.name: {f"{s.table.split('.')[2]}.{s.column}" for s in one.sources} for one in found.outputs}


@pytest.mark.parametrize("kind", ["", "FULL ", "LEFT ", "INNER ", "FULL OUTER "])
@pytest.mark.parametrize("match", ["BY NAME", "CORRESPONDING"])
def test_set_operations_by_name_match_columns_by_their_names(kind: str, match: str) -> None:
    sql = (
        f"SELECT origin AS airport, dep_delay AS delay FROM flights {kind}UNION ALL {match} "
        "SELECT arr_delay AS delay, dest AS airport FROM flights"
    )
    assert validate(sql) == []
    assert trace(sql) == {
        "airport": {"flights.origin", "flights.dest"},
        "delay": {"flights.dep_delay", "flights.arr_delay"},
    }


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT carrier FROM airlines; -- end",
        "SELECT t.select FROM (SELECT 1 AS `select`) t",
        "SELECT rb'abc' AS b",
        "SELECT NET.PUBLIC_SUFFIX('http://a.co.uk') AS s",
        "SELECT (carrier).LOWER() AS c FROM airlines",
        "SELECT 1 AS a UNION ALL BY NAME (SELECT 2 AS a)",
        "FROM flights |> UNION ALL (SELECT * FROM flights)",
        "SELECT (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'x') AS v FROM ga4.events",
        "SELECT INTERVAL 3000000 HOUR AS i",
    ],
)
def test_what_bigquery_takes_is_taken(sql: str) -> None:
    assert validate(sql) == []
    assert isinstance(judge(sql), GuardedQuery)
    assert_one_verdict(sql)


def test_an_alias_around_is_no_dataset() -> None:
    sql = "SELECT (SELECT COUNT(*) FROM secret.payroll) AS n FROM nyc.flights AS secret"
    guarded = judge(sql)
    assert isinstance(guarded, GuardedQuery)
    assert [str(table) for table in guarded.tables] == ["proj.nyc.flights"]
    assert not isinstance(
        judge("SELECT (SELECT COUNT(*) FROM secret.payroll) AS n FROM nyc.flights"), GuardedQuery
    )


def test_a_path_in_a_join_is_an_array_and_no_table() -> None:
    sql = "SELECT i.price FROM nested AS e INNER JOIN e.items AS i ON i.price > 1"
    guarded = judge(sql)
    assert isinstance(guarded, GuardedQuery)
    assert [str(table) for table in guarded.tables] == ["proj.nyc.nested"]
    assert trace(sql) == {"price": {"nested.items"}}


def test_a_hexadecimal_number_is_not_the_decimal_one() -> None:
    hexadecimal, decimal = "SELECT 0x10 AS a, 255 & 0x10 AS bit", "SELECT 10 AS a, 255 & 10 AS bit"
    assert normalize_sql(hexadecimal) != normalize_sql(decimal)
    assert normalize_sql("SELECT `0x10` AS a") != normalize_sql("SELECT 0x10 AS a")
