"""Extraction on SQL that is large, broken or hostile: quick, and never an exception."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lineage.extraction import extract_lineage
from shared.lineage.model import NodeType
from shared.lineage.sources import ChartSource, QuerySource
from tests.lineage.golden_cases import PATHS, SCHEMAS, json

REAL_QUERIES = [
    sql for path in PATHS for sql in json.loads(path.read_text())["given"]["queries"].values() if sql
]
FRAGMENTS = [
    "(",
    ")",
    "SELECT",
    "FROM",
    "*",
    ",",
    "`",
    "'",
    "@p",
    "UNNEST(",
    "AS",
    "JOIN",
    "\x00",
    "🛩",
    ";",
    "--",
    ".",
]
WIDE = {"acme.nyc.wide": {f"c{number}": "INT64" for number in range(500)}}


def extract(sql, schemas=SCHEMAS, dry_run=("acme.nyc.flights",), **options):
    return extract_lineage(
        "demo",
        "Demo",
        {"q": QuerySource(sql, "acme", "nyc")},
        [ChartSource("c", "C", "q", None)],
        {"q": dry_run},
        schemas,
        **options,
    )


def find_query(graph):
    return next(node for node in graph.nodes if node.id == "query:demo/q")


def list_reads(graph):
    return {(edge.source, edge.target) for edge in graph.edges if edge.type == "reads"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '" + "x" * 2_000_000 + "' AS a FROM flights",
        "SELECT " + "+".join(["year"] * 5000) + " AS a FROM flights",
        "SELECT " + "(" * 20_000 + "1" + ")" * 20_000 + " AS a FROM flights",
        " UNION ALL ".join(["SELECT carrier FROM flights"] * 1000),
        "SELECT CASE "
        + " ".join(f"WHEN year = {n} THEN {n}" for n in range(3900))
        + " END AS a FROM flights",
    ],
    ids=["two megabytes", "5,000 terms", "20,000 parentheses", "1,000 branches", "3,900 cases"],
)
def test_a_query_too_large_to_trace_keeps_its_dry_run_tables_and_says_so(sql):
    graph = extract(sql)
    assert find_query(graph).attributes["columns_unresolved"]
    assert list_reads(graph) == {("bq:acme.nyc.flights", "query:demo/q")}


def test_stars_that_multiply_are_refused_before_they_are_written_out():
    chain = "".join(f", x{n} AS (SELECT * FROM x{n - 1} WHERE c{n} > 1)" for n in range(1, 60))
    started = time.monotonic()
    graph = extract(f"WITH x0 AS (SELECT * FROM wide){chain} SELECT c1 FROM x59", WIDE, ())
    assert find_query(graph).attributes["columns_unresolved"] == "its 60 stars stand for too many columns"
    assert list_reads(graph) == {("bq:acme.nyc.wide", "query:demo/q")}
    assert time.monotonic() - started < 3


def test_ctes_that_join_themselves_do_not_multiply_the_work():
    chain = "".join(f", x{n} AS (SELECT a.c1 + b.c1 AS c1 FROM x{n - 1} a, x{n - 1} b)" for n in range(1, 60))
    graph = extract(f"WITH x0 AS (SELECT c1 FROM wide){chain} SELECT c1 FROM x59", WIDE, ())
    assert ("bq:acme.nyc.wide#c1", "query:demo/q#c1") in {(edge.source, edge.target) for edge in graph.edges}


def test_counting_stars_does_not_count_as_columns():
    sql = " UNION ALL ".join(["SELECT COUNT(*) AS n FROM wide"] * 100)
    assert "columns_unresolved" not in find_query(extract(sql, WIDE, ())).attributes


def test_over_the_time_limit_every_query_keeps_its_dry_run_tables():
    graph = extract("SELECT carrier FROM flights", time_limit_seconds=-1.0)
    assert find_query(graph).attributes["columns_unresolved"] == "tracing took too long"
    assert list_reads(graph) == {("bq:acme.nyc.flights", "query:demo/q")}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM flights WHERE TRUE",
        "CREATE TABLE a AS SELECT 1",
        "DECLARE x INT64",
        "SELECT 1; SELECT 2",
        "-- no",
    ],
)
def test_what_is_not_one_select_is_said_to_be_none(sql):
    assert find_query(extract(sql)).attributes["columns_unresolved"] == "the SQL is not a single SELECT"


def test_a_fault_of_the_parser_is_logged_and_told(monkeypatch, caplog):
    def fail(*_):
        raise KeyError("surprise")

    monkeypatch.setattr("shared.lineage.extraction.trace_columns", fail)
    graph = extract("SELECT carrier FROM flights")
    assert find_query(graph).attributes["columns_unresolved"] == "the parser cannot resolve it (KeyError)"
    assert "surprise" in caplog.text
    assert ("bq:acme.nyc.flights", "query:demo/q") in list_reads(graph)


def test_a_select_without_columns_says_so():
    graph = extract("SELECT FROM flights,")
    assert find_query(graph).attributes["columns_unresolved"] == "the SQL names no columns"
    assert list_reads(graph) == {("bq:acme.nyc.flights", "query:demo/q")}


@pytest.mark.parametrize("table", ["flights", "nyc.flights", "", "acme..flights", ".nyc.flights"])
def test_a_dry_run_table_without_its_full_name_is_refused(table):
    with pytest.raises(ValueError, match="is not a full table name"):
        extract("SELECT 1 AS a", dry_run=(table,))


def test_a_type_the_parser_does_not_know_harms_nothing():
    graph = extract("SELECT a FROM t", {"acme.nyc.t": {"a": "HOLOGRAM<)", "b": ""}}, ())
    assert "columns_unresolved" not in find_query(graph).attributes
    column = next(node for node in graph.nodes if node.id == "bq:acme.nyc.t#a")
    assert column.attributes["data_type"] == "HOLOGRAM<)"


@settings(max_examples=60)
@given(
    sql=st.sampled_from(REAL_QUERIES),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    fragment=st.sampled_from(FRAGMENTS),
)
def test_no_mangled_query_raises_or_vanishes(sql, cut, fragment):
    start, end = sorted(round(share * len(sql)) for share in cut)
    graph = extract(sql[:start] + fragment + sql[end:])
    assert ("bq:acme.nyc.flights", "query:demo/q") in list_reads(graph)
    assert [node.id for node in graph.nodes if node.type is NodeType.CHART] == ["chart:demo/c"]
