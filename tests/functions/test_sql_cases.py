"""One text of SQL, one reading: what validate, compile, save, /sql/run and lineage say of it is the same."""

from typing import Any

import pytest
from google.cloud.bigquery import SchemaField

from deploy.local.alone.bigquery import BigQueryServer
from tests.fixtures.functions import FunctionHost

# Text, and the columns of tables that each column of its result is made of.
READ: dict[str, tuple[str, dict[str, set[str]]]] = {
    "comment": ("SELECT carrier FROM airlines; -- end", {"carrier": {"airlines.carrier"}}),
    "by_name": (
        "SELECT origin AS airport, dep_delay AS delay FROM flights UNION ALL BY NAME "
        "SELECT arr_delay AS delay, dest AS airport FROM flights",
        {"airport": {"flights.origin", "flights.dest"}, "delay": {"flights.dep_delay", "flights.arr_delay"}},
    ),
    "brackets": (
        "SELECT dest AS a FROM flights UNION ALL BY NAME (SELECT origin AS a FROM flights)",
        {"a": {"flights.dest", "flights.origin"}},
    ),
    "alias": (
        "SELECT SUBSTR(dest, 1, 1) AS dest, COUNT(*) AS n FROM flights WHERE flight_date = '2013-01-01' GROUP BY dest",
        {"dest": {"flights.dest"}, "n": set()},
    ),
    "pivot": (
        "SELECT * FROM (SELECT carrier, dep_delay FROM flights) "
        "PIVOT (AVG(dep_delay) AS delay FOR carrier IN ('AA', 'UA'))",
        {"delay_AA": {"flights.dep_delay"}, "delay_UA": {"flights.dep_delay"}},
    ),
    "numbers": (
        "SELECT * FROM (SELECT month, dep_delay FROM flights) PIVOT (AVG(dep_delay) FOR month IN (1, 2))",
        {"_1": {"flights.dep_delay"}, "_2": {"flights.dep_delay"}},
    ),
    "items": (
        "SELECT i.price FROM ev AS e INNER JOIN e.items AS i ON i.price > 1",
        {"price": {"ev.items"}},
    ),
    "correlated": (
        "SELECT (SELECT MAX(i.price) FROM e.items AS i) AS dearest FROM ev AS e",
        {"dearest": {"ev.items"}},
    ),
    "pipes": (
        "FROM flights |> AGGREGATE COUNT(*) AS n GROUP BY carrier |> AS f "
        "|> JOIN airlines AS a ON a.carrier = f.carrier |> SELECT a.name, f.n",
        {"name": {"airlines.name"}, "n": set()},
    ),
    "piped_union": (
        "FROM airlines |> UNION ALL (SELECT * FROM airlines)",
        {"carrier": {"airlines.carrier"}, "name": {"airlines.name"}},
    ),
    "suffix": ("SELECT NET.PUBLIC_SUFFIX('http://a.co.uk') AS s", {"s": set()}),
    "chained": ("SELECT (carrier).LOWER() AS c FROM airlines", {"c": {"airlines.carrier"}}),
    "long_interval": ("SELECT INTERVAL 3000000 HOUR AS i", {"i": set()}),
}
REFUSED = {
    "ilike": ("SELECT carrier ILIKE 'a%' AS a FROM airlines", "'a%'"),
    "glob": ("SELECT carrier GLOB 'a*' AS a FROM airlines", "'a*'"),
    "similar": ("SELECT carrier SIMILAR TO 'a' AS a FROM airlines", "TO"),
    "distinct_on": ("SELECT DISTINCT ON (carrier) carrier FROM airlines", "ON"),
    "sample": ("SELECT carrier FROM airlines USING SAMPLE 3", "USING"),
    "pivot_t": ("(PIVOT airlines ON carrier)", "PIVOT"),
    "unnest": ("SELECT UNNEST([1, 2])", "UNNEST"),
    "star_like": ("SELECT * LIKE 'o%' FROM airlines", "LIKE"),
    "bare_union": ("FROM airlines |> UNION ALL SELECT * FROM airlines", "SELECT"),
}
"""Text, and the word at which it is refused."""


@pytest.fixture(scope="module")
def flights(bigquery: BigQueryServer, people_table: str) -> None:
    """Small tables like the sample's, and one with an array of STRUCTs."""
    names = {
        "flight_date": "DATE",
        "month": "INT64",
        "origin": "STRING",
        "dest": "STRING",
        "carrier": "STRING",
    }
    delays = {"dep_delay": "INT64", "arr_delay": "INT64"}
    rows = [
        {"flight_date": "2013-01-01", "month": 1, "origin": "JFK", "dest": dest, "carrier": "AA",
         "dep_delay": 4, "arr_delay": 2}
        for dest in ("LAX", "LGA", "SFO")
    ]  # fmt: skip
    bigquery.load_rows("shop.flights", [SchemaField(*pair) for pair in (names | delays).items()], rows)
    bigquery.load_rows(
        "shop.airlines",
        [SchemaField("carrier", "STRING"), SchemaField("name", "STRING")],
        [{"carrier": "AA", "name": "American"}],
    )
    item = [SchemaField("price", "FLOAT64"), SchemaField("id", "STRING")]
    schema = [SchemaField("user", "STRING"), SchemaField("items", "RECORD", "REPEATED", fields=item)]
    bigquery.load_rows("shop.ev", schema, [{"user": "a", "items": [{"price": 2.5, "id": "x"}]}])


def write_file(texts: dict[str, str]) -> dict[str, Any]:
    queries = "".join(f"  {name}:\n    sql: |-\n      {sql}\n" for name, sql in texts.items())
    charts = "".join(f"  - {{id: {name}, title: T, query: {name}, type: table}}\n" for name in texts)
    yaml = f"version: 1\nslug: cases\ntitle: Cases\ndataset: shop\nqueries:\n{queries}charts:\n{charts}"
    return {"dashboards": [{"path": "cases.yaml", "yaml": yaml}]}


def run(functions: FunctionHost, sql: str) -> Any:
    return functions.call("sql_run", "POST", "/sql/run", json={"sql": sql, "dataset": "shop"}).json


def test_what_is_read_is_read_by_all(functions: FunctionHost, flights: None) -> None:
    body = write_file({name: sql for name, (sql, _) in READ.items()})
    columns = {name: list(made_of) for name, (_, made_of) in READ.items()}

    validated = functions.call("dashboards_validate", "POST", "/dashboards/validate", json=body).json
    assert validated["data"]["results"][0]["diagnostics"] == []

    compiled = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body).json
    assert compiled["data"], compiled
    (plan,) = compiled["data"]["results"]
    assert [one for one in plan["diagnostics"] if one["severity"] == "error"] == []
    shown = {
        name: [field["name"] for field in query["output_schema"]]
        for query in plan["plan"]["queries"]
        for name in query["names"]
    }
    assert shown == columns

    saved = functions.call("dashboards_save", "POST", "/dashboards/save", json=body)
    assert saved.status_code == 200, saved.text

    answers = {name: run(functions, sql) for name, (sql, _) in READ.items()}
    assert {
        name: [field["name"] for field in answer["data"]["output_schema"]] for name, answer in answers.items()
    } == columns
    assert sorted(answers["alias"]["data"]["rows"]) == [["L", 2], ["S", 1]]
    assert answers["pivot"]["data"]["rows"] == [[4.0, None]]
    assert answers["items"]["data"]["rows"] == [[2.5]]

    graph = functions.call("lineage", "GET", "/lineage/cases?level=column").json["data"]
    for name, (_, made_of) in READ.items():
        for column, sources in made_of.items():
            assert find_sources(graph, name, column) == sources, (name, column)


def find_sources(graph: dict[str, Any], query: str, column: str) -> set[str]:
    """`table.column` of every stored column that flows into a column of a query."""
    begin = "bq:local.shop."
    return {
        edge["source"].removeprefix(begin).replace("#", ".")
        for edge in graph["edges"]
        if edge["target"] == f"query:cases/{query}#{column}" and edge["source"].startswith(begin)
    }


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_by_all_at_the_same_word(
    functions: FunctionHost, flights: None, name: str
) -> None:
    sql, word = REFUSED[name]
    body, column = write_file({name: sql}), sql.index(word) + 1
    for function, path in (
        ("dashboards_validate", "/dashboards/validate"),
        ("dashboards_compile", "/dashboards/compile"),
        ("dashboards_save", "/dashboards/save"),
    ):
        answer = functions.call(function, "POST", path, json=body).json
        found = answer["data"]["results"][0]["diagnostics"] if answer["data"] else answer["error"]["details"]
        errors = [one for one in found if one["severity"] == "error"]
        assert [(one["line"], one["column"]) for one in errors] == [(8, column + 6)], function
    error = run(functions, sql)["error"]
    assert error["code"] in ("SQL_INVALID", "SQL_NOT_ALLOWED")
    assert (error["details"][0]["line"], error["details"][0]["column"]) == (1, column)
