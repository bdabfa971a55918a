"""When a query is answered from the cache, and costs nothing."""

import pytest
import requests
from google.api_core.exceptions import BadRequest
from google.cloud.bigquery import QueryJob, QueryJobConfig, ScalarQueryParameter

from tests.metering.conftest import MB, TIMEOUT_SECONDS, Meter


@pytest.fixture
def table(meter: Meter, dataset: str, request: pytest.FixtureRequest) -> str:
    """A table of the test's own."""
    name = f"{dataset}.{request.node.originalname}"
    meter.run(f"CREATE OR REPLACE TABLE {name} AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    return name


def ask(meter: Meter, sql: str, **options: object) -> QueryJob:
    """Run a query as anybody does: with the cache on."""
    return meter.run(sql, **{"use_query_cache": True, **options})


def test_the_second_run_is_free(meter: Meter, table: str) -> None:
    sql = f"SELECT SUM(x) FROM {table}"
    before = meter.server.count_jobs()
    first, second = ask(meter, sql), ask(meter, sql)
    assert (first.cache_hit, first.total_bytes_billed) == (False, 10 * MB)
    assert (second.cache_hit, second.total_bytes_processed, second.total_bytes_billed) == (True, 0, 0)
    assert [tuple(row) for row in second.result(timeout=TIMEOUT_SECONDS)] == [(6,)]
    assert meter.server.count_jobs() == before + 1


def test_query_and_wait_hits_the_same_cache(meter: Meter, table: str) -> None:
    sql = f"SELECT MIN(x) FROM {table}"
    ask(meter, sql)
    answer = requests.post(
        f"{meter.server.endpoint}/bigquery/v2/projects/local/queries",
        json={"query": sql, "useLegacySql": False},
        timeout=TIMEOUT_SECONDS,
    ).json()
    assert (answer["cacheHit"], answer["totalBytesProcessed"], answer["totalBytesBilled"]) == (True, "0", "0")


def test_a_dry_run_that_may_use_the_cache_says_so(meter: Meter, table: str) -> None:
    sql = f"SELECT MAX(x) FROM {table}"
    ask(meter, sql)
    job = meter.client.query(sql, QueryJobConfig(dry_run=True), timeout=TIMEOUT_SECONDS)
    assert (job.cache_hit, job.total_bytes_processed) == (True, 0)
    assert meter.bytes_of(sql) == 3 * 8


def test_a_hit_needs_no_room_under_the_cap(meter: Meter, table: str) -> None:
    sql = f"SELECT AVG(x) FROM {table}"
    ask(meter, sql)
    assert ask(meter, sql, maximum_bytes_billed=1).cache_hit


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO {0} (x) VALUES (4)",
        "UPDATE {0} SET x = 9 WHERE x = 1",
        "DELETE FROM {0} WHERE x = 1",
        "MERGE {0} AS t USING (SELECT 1 AS x) AS s ON t.x = s.x WHEN MATCHED THEN UPDATE SET x = 8",
        "TRUNCATE TABLE {0}",
        "CREATE OR REPLACE TABLE {0} AS SELECT 1 AS x",
        "ALTER TABLE {0} ADD COLUMN y INT64",
        "BEGIN INSERT INTO {0} (x) VALUES (5); END",
    ],
)
def test_a_change_of_the_table_ends_it(meter: Meter, table: str, change: str) -> None:
    sql = f"SELECT COUNT(x) FROM {table}"
    ask(meter, sql)
    assert ask(meter, sql).cache_hit
    meter.run(change.format(table))
    assert not ask(meter, sql).cache_hit


def test_a_change_below_a_view_ends_it(meter: Meter, table: str) -> None:
    meter.run(f"CREATE OR REPLACE VIEW {table}_view AS SELECT x FROM `local.{table}`")
    sql = f"SELECT COUNT(x) FROM {table}_view"
    ask(meter, sql)
    assert ask(meter, sql).cache_hit
    meter.run(f"UPDATE {table} SET x = 9 WHERE x = 1")
    assert not ask(meter, sql).cache_hit


def test_a_change_of_a_view_ends_it(meter: Meter, table: str) -> None:
    sql = f"SELECT COUNT(x) FROM {table}_view"
    meter.run(f"CREATE OR REPLACE VIEW {table}_view AS SELECT x FROM `local.{table}`")
    ask(meter, sql)
    meter.run(f"CREATE OR REPLACE VIEW {table}_view AS SELECT x + 1 AS x FROM `local.{table}`")
    assert not ask(meter, sql).cache_hit


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x, CURRENT_DATE() FROM {0}",
        "SELECT x FROM {0} WHERE CURRENT_TIMESTAMP() > TIMESTAMP '2000-01-01'",
        "SELECT x, RAND() FROM {0}",
        "SELECT x, GENERATE_UUID() FROM {0}",
        "SELECT x, SESSION_USER() FROM {0}",
        "SELECT x FROM `{0}*`",
        "SELECT table_name FROM test_query_cache.INFORMATION_SCHEMA.TABLES",
    ],
)
def test_some_queries_are_never_cached(meter: Meter, table: str, sql: str) -> None:
    ask(meter, sql.format(table))
    assert not ask(meter, sql.format(table)).cache_hit


def test_other_text_parameters_or_dataset_are_another_query(meter: Meter, table: str, dataset: str) -> None:
    sql = f"SELECT x FROM {table} WHERE x = @x"
    one, two = ([ScalarQueryParameter("x", "INT64", value)] for value in (1, 2))
    ask(meter, sql, query_parameters=one)
    assert ask(meter, sql, query_parameters=one).cache_hit
    assert not ask(meter, sql, query_parameters=two).cache_hit
    assert not ask(meter, sql + " ", query_parameters=one).cache_hit
    assert not ask(meter, sql, query_parameters=one, default_dataset=f"local.{dataset}").cache_hit


def test_a_destination_table_or_the_callers_wish_goes_past_it(meter: Meter, table: str) -> None:
    sql = f"SELECT x + 2 AS x FROM {table}"
    ask(meter, sql)
    assert not ask(meter, sql, use_query_cache=False).cache_hit
    assert not ask(meter, sql, destination=f"local.{table}_copy").cache_hit


def test_a_failed_query_is_not_cached(meter: Meter, table: str) -> None:
    sql = f"SELECT ERROR(CAST(x AS STRING)) FROM {table}"
    for _ in range(2):
        job = meter.client.query(sql, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
        with pytest.raises(BadRequest):
            job.result(timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
        job.reload(timeout=TIMEOUT_SECONDS)
        assert not job.cache_hit


def test_streamed_rows_keep_a_table_out_of_it(meter: Meter, table: str) -> None:
    sql = f"SELECT SUM(x) + 1 FROM {table}"
    assert meter.client.insert_rows_json(f"local.{table}", [{"x": 10}], timeout=TIMEOUT_SECONDS) == []
    ask(meter, sql)
    assert not ask(meter, sql).cache_hit
