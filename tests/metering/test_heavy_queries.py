"""A heavy statement keeps nobody else waiting, and ends when it should."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as google_bigquery

from tests.metering.conftest import TIMEOUT_SECONDS, Meter

DAYS = 365
ENDLESS = (
    "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 6000)) AS a, UNNEST(GENERATE_ARRAY(1, 3000)) AS b, "
    "UNNEST(GENERATE_ARRAY(1, 500)) AS c WHERE MOD(a * b + c, 7) = 3"
)
"""Takes the emulator minutes, unless it is stopped."""


@pytest.fixture(scope="module")
def visits(meter: Meter) -> str:
    """A table with a partition for every day of a year."""
    schema = [google_bigquery.SchemaField("id", "INT64"), google_bigquery.SchemaField("day", "DATE")]
    first = date(2023, 1, 1)
    rows = [{"id": n, "day": str(first + timedelta(n))} for n in range(DAYS)]
    return meter.server.load_rows("heavy.visits", schema, rows, partition_by="day")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1" + " + 1" * 5000,
        "SELECT 'a'" + " || 'a'" * 900,
        "SELECT 1" + " UNION ALL SELECT 1" * 4500,
        "SELECT 1 FROM heavy.visits AS v0" + "".join(f", heavy.visits AS v{n}" for n in range(1, 1500)),
        "WITH " + ", ".join(f"c{n} AS (SELECT 1 AS a)" for n in range(2500)) + " SELECT * FROM c0",
    ],
    ids=["sum", "concatenation", "union", "comma joins", "with"],
)
def test_a_statement_too_large_to_plan_is_refused_at_once(meter: Meter, visits: str, sql: str) -> None:
    started = time.monotonic()
    with pytest.raises(BadRequest, match="query is too complex") as caught:
        meter.dry_run(sql)
    assert caught.value.errors[0]["reason"] == "invalidQuery"
    with pytest.raises(BadRequest, match="query is too complex"):
        meter.run(sql)
    assert time.monotonic() - started < 15


def test_others_are_answered_while_a_large_statement_is_planned(meter: Meter, visits: str) -> None:
    branch = f"SELECT id FROM `{visits}` WHERE day > '2023-02-03'"
    with ThreadPoolExecutor(1) as pool:
        planned = pool.submit(meter.dry_run, " UNION ALL ".join([branch] * 150))
        slowest = 0.0
        while not planned.done():
            started = time.monotonic()
            assert meter.bytes_of("SELECT 1") == 0
            slowest = max(slowest, time.monotonic() - started)
        assert planned.result(TIMEOUT_SECONDS).total_bytes_processed > 0
    assert slowest < 3


def test_others_are_answered_while_a_heavy_query_runs_and_it_can_be_cancelled(meter: Meter) -> None:
    config = google_bigquery.QueryJobConfig(use_query_cache=False)
    job = meter.client.query(ENDLESS, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    for _ in range(3):
        started = time.monotonic()
        assert meter.bytes_of("SELECT 1") == 0
        meter.run("SELECT 1")
        assert time.monotonic() - started < 4
    assert job.cancel(timeout=TIMEOUT_SECONDS, retry=None)
    assert _wait(job) == "stopped"


def test_a_query_ends_at_its_job_timeout_when_nobody_cancels_it(meter: Meter) -> None:
    config = google_bigquery.QueryJobConfig(use_query_cache=False, job_timeout_ms=2000)
    job = meter.client.query(ENDLESS, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    assert _wait(job) == "stopped"


def _wait(job: google_bigquery.QueryJob) -> str | None:
    """The reason a job ended for, within seconds."""
    deadline = time.monotonic() + 15
    while not job.done(timeout=TIMEOUT_SECONDS, retry=None) and time.monotonic() < deadline:
        time.sleep(0.1)
    return job.error_result["reason"] if job.error_result else None
