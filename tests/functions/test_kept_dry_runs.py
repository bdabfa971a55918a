"""What a dry run said is kept while the query's tables stay as they are: it prices plans, and admits no job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.bigquery import SchemaField
from sqlalchemy import text

from deploy.local.alone.bigquery import BigQueryServer
from tests.fixtures.functions import SHOP, FunctionHost

OWN = SHOP.replace("FROM people", "FROM visitors")
FIELDS = [SchemaField("id", "INT64"), SchemaField("name", "STRING"), SchemaField("day", "DATE")]
QUERIES = 3


@pytest.fixture
def visitors(bigquery: BigQueryServer) -> Callable[..., str]:
    """Makes the table that the dashboard reads, with so many rows."""

    def load(rows: int = 2, fields: list[SchemaField] | None = None) -> str:
        values = [{"id": number, "name": "x", "day": "2024-01-01"} for number in range(rows)]
        return bigquery.load_rows("shop.visitors", fields or FIELDS, values, partition_by="day")

    load()
    return load


@pytest.fixture
def plan(
    functions: FunctionHost, bigquery: BigQueryServer
) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Compiles a file; how many dry runs that took, and the planned queries."""

    def compile_file(yaml: str = OWN, status: int = 200) -> tuple[int, list[dict[str, Any]]]:
        before = count_dry_runs(bigquery)
        body = {"dashboards": [{"path": "shop.yaml", "yaml": yaml}], "kept_prices": True}
        answer = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
        assert answer.status_code == status, answer.text
        found = answer.json["data"]["results"][0]["plan"] if status == 200 else {"queries": []}
        return count_dry_runs(bigquery) - before, found["queries"]

    return compile_file


def count_dry_runs(bigquery: BigQueryServer) -> int:
    return int(str(bigquery.read_gate()["dry_runs"]))


def change_rows(functions: FunctionHost, sql: str, **values: object) -> int:
    with functions.container.database.engine.begin() as connection:
        return int(connection.execute(text(sql), values).rowcount)


def forget_when(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: one for name, one in query.items() if name != "price_kept_from"} for query in queries]


def test_an_unchanged_file_over_unchanged_tables_needs_none_and_its_plan_says_so(
    functions: FunctionHost, visitors, plan
) -> None:
    asked, first = plan()
    assert asked == QUERIES
    assert not any("price_kept_from" in query for query in first)
    kept, second = plan()
    assert kept == 0
    moments = [datetime.fromisoformat(query["price_kept_from"]) for query in second]
    assert all(timedelta() <= datetime.now(UTC) - moment < timedelta(minutes=5) for moment in moments)
    assert forget_when(second) == first
    body = {"dashboards": [{"path": "shop.yaml", "yaml": OWN}]}
    plain = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body).json["data"]
    assert plain["results"][0]["plan"]["queries"] == first
    # Comments and white space make no other query, and another process knows the same.
    functions.restart_with(payload_memory_seconds=0)
    assert plan(OWN.replace("SELECT id, name", "SELECT id,  name -- all of them"))[0] == 0


def test_what_is_read_is_asked_anew_when_its_table_changes(visitors, plan) -> None:
    plan()
    visitors(rows=4)
    asked, queries = plan()
    assert asked == QUERIES
    assert not any("price_kept_from" in query for query in queries)
    assert plan()[0] == 0
    visitors(rows=4, fields=[*FIELDS, SchemaField("more", "STRING")])
    assert plan()[0] == QUERIES


def test_only_what_is_another_query_is_asked(visitors, plan) -> None:
    plan()
    for old, new, asked in (
        ("SELECT id, name\n", "SELECT id\n", 2),
        ("SELECT COUNT(*) AS people", "SELECT COUNT(DISTINCT id) AS people", 1),
        ("    sql: SELECT COUNT", "    max_rows: 7\n    sql: SELECT COUNT", 1),
        ('"2024-01-02"]', '"2024-01-03"]', 1),
    ):
        assert OWN.count(old) == 1
        assert plan(OWN.replace(old, new))[0] == asked
    assert plan()[0] == 0


def test_a_job_is_admitted_by_none(functions: FunctionHost, bigquery: BigQueryServer, visitors, plan) -> None:
    functions.save_shop(OWN)
    assert plan()[0] == 0
    before = count_dry_runs(bigquery)
    assert functions.precompute_shop()["variants_ready"] == 2
    assert count_dry_runs(bigquery) - before == QUERIES
    sql = "SELECT COUNT(*) AS people FROM visitors WHERE day >= '2024-01-01'"
    for _ in range(2):
        before = count_dry_runs(bigquery)
        answer = functions.call("sql_run", "POST", "/sql/run", json={"sql": sql, "dataset": "shop"})
        assert answer.status_code == 200, answer.text
        assert count_dry_runs(bigquery) - before == 1


def test_the_bounds_of_a_kept_price_are_those_of_today(visitors, plan) -> None:
    plan()
    asked, queries = plan(OWN + "budget: {per_query: 11 MB}\n")
    assert asked == 0
    assert {query["cap_bytes"] for query in queries} == {11_000_000}
    assert {query["bytes_billed_max"] for query in queries} <= {11_000_000}


def test_a_row_that_is_stale_or_unreadable_is_as_none(functions: FunctionHost, visitors, plan) -> None:
    _, first = plan()
    for damage in (
        "SET source_sha256 = repeat('0', 64)",
        "SET conditions_sha256 = repeat('0', 64)",
        "SET answer = '{}'",
        "SET answer = jsonb_set(answer, '{fields}', '[{\"name\": 7}]')",
        "SET answer = jsonb_set(answer, '{accuracy}', '\"SURE\"')",
        "SET asked_at = now() - interval '8 days'",
        # No answer of now is newer than that.
        "SET asked_at = now() + interval '1 day'",
    ):
        assert change_rows(functions, f"UPDATE kept_dry_runs {damage}") == QUERIES
        assert plan() == (QUERIES, first), damage


def test_neither_is_kept_what_hangs_on_more_than_tables(functions: FunctionHost, visitors, plan) -> None:
    today = OWN.replace("day >= '2024-01-01'", "day >= CURRENT_DATE()")
    assert plan(today)[0] == QUERIES
    asked, queries = plan(today)
    assert asked == 1
    assert ["price_kept_from" not in query for query in queries] == [
        not one["deterministic"] for one in queries
    ]


def test_nothing_is_kept_of_a_table_that_cannot_be_watched(bigquery: BigQueryServer, plan) -> None:
    table = bigquery.client().get_table(bigquery.load_rows("shop.guests", FIELDS, []))
    table.expires = datetime.now(UTC) + timedelta(days=1)
    bigquery.client().update_table(table, ["expires"])
    of_guests = OWN.replace("FROM visitors", "FROM guests")
    assert [plan(of_guests)[0], plan(of_guests)[0]] == [QUERIES, QUERIES]


def test_what_was_refused_is_not_kept(functions: FunctionHost, visitors, plan) -> None:
    assert plan(OWN.replace("SELECT id, name", "SELECT id, nome"), 422)[0] == 1
    assert change_rows(functions, "UPDATE kept_dry_runs SET answer = answer") == 1


def test_zero_seconds_keep_nothing_and_use_nothing(functions: FunctionHost, visitors, plan) -> None:
    plan()
    functions.restart_with(dry_run_kept_seconds=0)
    assert [plan()[0], plan()[0]] == [QUERIES, QUERIES]


def test_datasets_that_are_allowed_no_more_are_not_priced_by_what_was(
    functions: FunctionHost, visitors, plan
) -> None:
    plan()
    functions.restart_with(allowed_datasets=["other"])
    asked, _ = plan(status=422)
    assert asked == 0
    functions.restart_with(allowed_datasets=["shop", "other"])
    assert plan()[0] == QUERIES


def test_kept_answers_do_not_count_as_dry_runs_of_a_call(functions: FunctionHost, visitors, plan) -> None:
    plan()
    functions.restart_with(dry_runs_per_call=1)
    assert plan()[0] == 0
    assert plan(OWN.replace("SELECT id, name", "SELECT name, id"), 429)[0] == 0


def test_what_is_old_or_too_much_is_cleared(functions: FunctionHost, visitors, plan, monkeypatch) -> None:
    plan()
    clear = functions.container.housekeeper.clear
    assert clear().dry_runs == 0
    change_rows(
        functions,
        "UPDATE kept_dry_runs SET asked_at = now() - interval '8 days' "
        "WHERE fingerprint = (SELECT min(fingerprint) FROM kept_dry_runs)",
    )
    assert clear().dry_runs == 1
    monkeypatch.setattr("shared.precompute.housekeeping.MOST_DRY_RUNS", 1)
    assert clear().dry_runs == QUERIES - 2
    assert plan()[0] == QUERIES - 1
