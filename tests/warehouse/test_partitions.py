"""Partitioned tables that nobody filters are named, with the column to filter on."""

import pytest
from google.cloud import bigquery as google_bigquery

from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container
from shared.errors import BytesLimitExceededError, SqlInvalidError
from shared.warehouse.bigquery.failures import translate_api_error
from shared.warehouse.models.queries import DryRun, PartitionUse, QueryParameter
from shared.warehouse.partitions.reader import PartitionReader
from tests.fixtures.warehouse import ROWS, SCHEMA
from tests.warehouse.test_queries import dry_run_one, make_request, run_one


@pytest.fixture(scope="module")
def shop(bigquery: BigQueryServer, people_table: str) -> str:
    """Beside `people`: `plain` without partitions, `visits` by the same column, views with and without filter."""
    bigquery.load_rows("shop.plain", SCHEMA, ROWS[:10])
    bigquery.load_rows("shop.visits", SCHEMA, ROWS[:10], partition_by="day")
    client = bigquery.client()
    for name, where in (("recent", "WHERE day >= '2024-01-20'"), ("everyone", "")):
        view = google_bigquery.Table(f"{bigquery.project}.shop.{name}")
        view.view_query = f"SELECT id, name, day FROM `{people_table}` {where}"
        client.create_table(view, exists_ok=True)
    return people_table


def find(warehouse: Container, sql: str) -> dict[str, bool]:
    """Whether each partitioned table is filtered, by its short name."""
    uses = dry_run_one(warehouse, make_request(sql)).partitions
    assert {use.column for use in uses} <= {"day"}
    return {use.table.rpartition(".")[2]: use.filtered for use in uses}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM people WHERE day = '2024-01-02'",
        "SELECT id FROM people WHERE '2024-01-02' <= day AND name != 'x'",
        "SELECT id FROM people WHERE day BETWEEN '2024-01-02' AND '2024-01-05'",
        "SELECT id FROM people WHERE day IN ('2024-01-02', '2024-01-03')",
        "SELECT id FROM people WHERE (day = '2024-01-02' OR day = '2024-01-05')",
        "SELECT id FROM people AS p WHERE p.day > DATE_SUB(DATE '2024-01-09', INTERVAL 3 DAY)",
        "SELECT id FROM people WHERE DATE_TRUNC(day, MONTH) = '2024-01-01'",
        "SELECT p.id FROM people AS p JOIN plain AS q ON p.id = q.id AND p.day = '2024-01-02'",
        "WITH days AS (SELECT id, day FROM people) SELECT id FROM days WHERE day = '2024-01-02'",
        "SELECT id FROM recent",
        "SELECT id FROM everyone WHERE day = '2024-01-02'",
    ],
)
def test_a_condition_on_the_column_counts(warehouse: Container, shop: str, sql: str) -> None:
    assert find(warehouse, sql) == {"people": True}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM people",
        "SELECT id FROM people WHERE id = 7",
        "SELECT id FROM people WHERE day = '2024-01-02' OR id = 7",
        "SELECT id FROM people WHERE NOT day = '2024-01-02'",
        "SELECT id FROM people WHERE day = (SELECT MAX(day) FROM plain)",
        "SELECT id FROM people WHERE day IN (SELECT day FROM plain)",
        "SELECT p.id FROM people AS p JOIN plain AS q ON p.day = q.day",
        "SELECT p.id FROM people AS p JOIN plain AS q ON p.id = q.id WHERE q.day = '2024-01-02'",
        "SELECT IF(day = '2024-01-02', id, 0) AS id FROM people",
        "SELECT id FROM people WHERE TRUE -- day = '2024-01-02'",
        "SELECT id FROM everyone",
    ],
)
def test_what_prunes_nothing_does_not(warehouse: Container, shop: str, sql: str) -> None:
    assert find(warehouse, sql) == {"people": False}


def test_each_table_is_judged_on_its_own(warehouse: Container, shop: str) -> None:
    sql = "SELECT p.id FROM people AS p JOIN visits AS v ON p.id = v.id WHERE v.day = '2024-01-02'"
    assert find(warehouse, sql) == {"people": False, "visits": True}


def test_a_table_without_partitions_is_no_finding(warehouse: Container, shop: str) -> None:
    assert find(warehouse, "SELECT id FROM plain") == {}


def test_a_parameter_counts_as_a_constant(warehouse: Container, shop: str) -> None:
    day = QueryParameter("day", "DATE", "2024-01-02")
    plan = dry_run_one(warehouse, make_request("SELECT id FROM people WHERE day = @day", parameters=(day,)))
    assert plan.partitions == (PartitionUse(shop, "day", filtered=True, required=False),)


def test_a_query_over_its_cap_is_told_what_to_filter_on(warehouse: Container, shop: str) -> None:
    with pytest.raises(BytesLimitExceededError) as caught:
        run_one(warehouse, make_request("SELECT name FROM people", max_bytes_billed=100))
    assert f"Filter on day, the partitioning column of {shop}" in caught.value.remediation
    assert caught.value.details[1] == {"table": shop, "partition_column": "day", "filtered": False}


def test_a_filtered_query_over_its_cap_is_not_told_to_filter(warehouse: Container, shop: str) -> None:
    with pytest.raises(BytesLimitExceededError) as caught:
        run_one(
            warehouse,
            make_request("SELECT name FROM people WHERE day > '2024-01-02'", max_bytes_billed=100),
        )
    assert len(caught.value.details) == 1


def test_bigquerys_own_refusal_of_an_unfiltered_table_says_what_to_filter_on() -> None:
    from google.api_core.exceptions import BadRequest

    message = (
        "Cannot query over table 'shop.app.visits' without a filter over column(s) 'day' that can be used "
        "for partition elimination"
    )
    error = translate_api_error(BadRequest(message, errors=[{"reason": "invalidQuery", "message": message}]))
    assert isinstance(error, SqlInvalidError)
    assert error.remediation == "Filter on day, the partitioning column of shop.app.visits."


@pytest.fixture(scope="module")
def arrivals(bigquery: BigQueryServer, people_table: str) -> str:
    """A table by the day its rows came in, and two that a wildcard names."""
    client = bigquery.client()
    sql = "CREATE TABLE IF NOT EXISTS shop.arrivals (id INT64) PARTITION BY _PARTITIONDATE"
    client.query(sql, retry=None, job_retry=None).result(retry=None, job_retry=None)
    for suffix in ("20240101", "20240102"):
        bigquery.load_rows(f"shop.visits_{suffix}", SCHEMA, ROWS[:10])
    return f"{bigquery.project}.shop.arrivals"


@pytest.mark.parametrize(
    ("condition", "filtered"),
    [
        ("_PARTITIONTIME >= '2024-01-01'", True),
        ("_PARTITIONDATE = '2024-01-01'", True),
        ("t._partitiondate BETWEEN '2024-01-01' AND CURRENT_DATE()", True),
        ("DATE(_PARTITIONTIME) = '2024-01-01'", True),
        ("_PARTITIONTIME IS NULL", True),
        ("TIMESTAMP_ADD(_PARTITIONTIME, INTERVAL 5 DAY) > '2024-01-01'", False),
        ("EXTRACT(YEAR FROM _PARTITIONTIME) = 2024", False),
        (
            "_PARTITIONTIME > (SELECT MAX(_PARTITIONTIME) FROM arrivals WHERE _PARTITIONTIME > '2024-01-01')",
            False,
        ),
        ("id = 1", False),
    ],
)
def test_time_of_arrival_is_filtered_by_its_pseudo_columns(
    warehouse: Container, arrivals: str, condition: str, filtered: bool
) -> None:
    plan = dry_run_one(warehouse, make_request(f"SELECT id FROM arrivals AS t WHERE {condition}"))
    assert plan.partitions == (PartitionUse(arrivals, "_PARTITIONTIME", filtered, required=False),)


@pytest.mark.parametrize(
    ("where", "filtered"),
    [
        ("", False),
        ("WHERE id = 1", False),
        ("WHERE _TABLE_SUFFIX = '20240101'", True),
        ("WHERE _TABLE_SUFFIX BETWEEN '20240101' AND FORMAT_DATE('%Y%m%d', CURRENT_DATE())", True),
        ("WHERE v._TABLE_SUFFIX IN ('20240101')", True),
        ("WHERE _TABLE_SUFFIX = (SELECT MAX(name) FROM people)", False),
        ("WHERE _TABLE_SUFFIX = '20240101' OR id = 1", False),
    ],
)
def test_the_tables_of_a_wildcard_are_told_apart_by_their_suffix(
    warehouse: Container, arrivals: str, where: str, filtered: bool
) -> None:
    plan = dry_run_one(warehouse, make_request(f"SELECT id FROM `shop.visits_*` AS v {where}"))
    (use,) = (use for use in plan.partitions if use.table.endswith("*"))
    assert (use.column, use.filtered) == ("_TABLE_SUFFIX", filtered)
    assert use.advice.startswith("Filter on _TABLE_SUFFIX, the part of the names behind ")


def test_a_cte_that_nobody_uses_reads_nothing(warehouse: Container, shop: str) -> None:
    plan = dry_run_one(warehouse, make_request("WITH p AS (SELECT * FROM people) SELECT 1 AS one"))
    assert all(use.filtered for use in plan.partitions)


@pytest.mark.parametrize(("length", "followed"), [(80, True), (400, False)])
def test_what_cannot_be_followed_any_more_counts_as_unfiltered(
    warehouse: Container, shop: str, length: int, followed: bool
) -> None:
    ctes = ["c0 AS (SELECT * FROM people)", *(f"c{i} AS (SELECT * FROM c{i - 1})" for i in range(1, length))]
    request = make_request(f"WITH {', '.join(ctes)} SELECT id FROM c{length - 1} WHERE day = '2024-01-02'")
    plan = dry_run_one(warehouse, make_request("SELECT id FROM people"))
    reader = PartitionReader(warehouse.table_metadata, warehouse.query_guard)
    (described,) = reader.describe_plans([request], [plan])
    assert isinstance(described, DryRun)
    assert [use.filtered for use in described.partitions] == [followed]
