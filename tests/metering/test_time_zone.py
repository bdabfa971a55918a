"""A job in a zone of its own: the emulator knows only UTC, the gate answers as BigQuery does."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery as google_bigquery

from tests.metering.conftest import TIMEOUT_SECONDS, Meter

ZONE = "America/New_York"
# In the night in which New York's clocks skip an hour, and in the one in which they repeat one.
SKIPPED, REPEATED = "TIMESTAMP '2024-03-10 07:30:00+00'", "TIMESTAMP '2024-11-03 06:30:00+00'"


@pytest.fixture(scope="module")
def moments(meter: Meter, dataset: str) -> str:
    meter.run(
        f"CREATE OR REPLACE TABLE {dataset}.moments AS SELECT TIMESTAMP '2024-01-01 03:00:00+00' AS seen, "
        "DATE '2024-01-01' AS day, DATETIME '2024-01-01 03:00:00' AS clock"
    )
    meter.run(f"CREATE OR REPLACE VIEW {dataset}.seen AS SELECT seen AS at_last FROM {dataset}.moments")
    return f"{dataset}.moments"


def ask(meter: Meter, sql: str, zone: str = ZONE, *parameters: object) -> object:
    config = google_bigquery.QueryJobConfig(
        use_query_cache=False,
        connection_properties=[google_bigquery.ConnectionProperty("time_zone", zone)],
        query_parameters=list(parameters),
    )
    job = meter.client.query(sql, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    ((value,),) = [row.values() for row in job.result(timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)]
    return value


def civil(*parts: int) -> datetime:
    return moment(*parts).replace(tzinfo=None)


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("select", "value"),
    [
        ("DATE(seen)", date(2023, 12, 31)),
        ("DATE(m.seen)", date(2023, 12, 31)),
        ("CAST(seen AS DATE)", date(2023, 12, 31)),
        ("DATETIME(seen)", civil(2023, 12, 31, 22)),
        ("TIME(seen)", time(22)),
        ("EXTRACT(HOUR FROM seen)", 22),
        ("EXTRACT(DAY FROM seen AT TIME ZONE 'UTC')", 1),
        ("FORMAT_TIMESTAMP('%F %H', seen)", "2023-12-31 22"),
        ("FORMAT_TIMESTAMP('%F %H', seen, 'UTC')", "2024-01-01 03"),
        ("TIMESTAMP_TRUNC(seen, DAY)", moment(2023, 12, 31, 5)),
        ("TIMESTAMP(day)", moment(2024, 1, 1, 5)),
        ("CAST(clock AS TIMESTAMP)", moment(2024, 1, 1, 8)),
        ("TIMESTAMP('2024-01-01')", moment(2024, 1, 1, 5)),
        ("TIMESTAMP '2024-01-01 00:00:00'", moment(2024, 1, 1, 5)),
        ("TIMESTAMP '2024-01-01 00:00:00Z'", moment(2024, 1, 1)),
        ("PARSE_TIMESTAMP('%F', '2024-01-01')", moment(2024, 1, 1, 5)),
        ("seen < '2024-01-01'", True),
        ("seen BETWEEN '2023-12-31' AND '2024-01-01'", True),
        ("DATE(TIMESTAMP('2024-01-01'))", date(2024, 1, 1)),
        ("DATE(TIMESTAMP_ADD(seen, INTERVAL 2 HOUR))", date(2024, 1, 1)),
        ("DATE(clock)", date(2024, 1, 1)),
        ("EXTRACT(DAY FROM day)", 1),
        ("STRING(seen)", "2023-12-31 22:00:00-05"),
        (f"DATETIME({SKIPPED})", civil(2024, 3, 10, 3, 30)),
        (f"DATETIME({REPEATED})", civil(2024, 11, 3, 1, 30)),
        (f"FORMAT_TIMESTAMP('%H:%M%Ez', {REPEATED})", "01:30-05:00"),
    ],
)  # fmt: skip
def test_what_has_no_zone_of_its_own_has_the_jobs(
    meter: Meter, moments: str, select: str, value: object
) -> None:
    assert ask(meter, f"SELECT {select} AS v FROM {moments} AS m") == value


def test_columns_are_known_through_views_and_subqueries(meter: Meter, moments: str) -> None:
    dataset = moments.partition(".")[0]
    sql = (
        f"WITH last AS (SELECT MAX(at_last) AS latest FROM {dataset}.seen) SELECT DATE(latest) AS v FROM last"
    )
    assert ask(meter, sql) == date(2023, 12, 31)


def test_today_is_the_zones(meter: Meter) -> None:
    before = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    today = ask(meter, "SELECT CURRENT_DATE() AS v", "Pacific/Kiritimati")
    assert before <= today <= datetime.now(ZoneInfo("Pacific/Kiritimati")).date()  # type: ignore[operator]
    assert ask(meter, "SELECT CURRENT_DATETIME() AS v", "Pacific/Kiritimati") > datetime.now(UTC).replace(
        tzinfo=None
    )  # type: ignore[operator]


def test_a_parameter_has_its_declared_type(meter: Meter) -> None:
    at = google_bigquery.ScalarQueryParameter("at", "TIMESTAMP", moment(2024, 1, 1, 3))
    assert ask(meter, "SELECT DATE(@at) AS v", ZONE, at) == date(2023, 12, 31)


def test_without_the_property_jobs_run_in_utc(meter: Meter, moments: str) -> None:
    assert ask(meter, f"SELECT DATE(seen) AS v FROM {moments}", "UTC") == date(2024, 1, 1)


def test_what_cannot_be_told_is_refused_in_words(meter: Meter) -> None:
    text = google_bigquery.ScalarQueryParameter("text", "STRING", "2024-01-01")
    with pytest.raises(BadRequest, match="BigQuery takes this query; the local emulator counts in UTC alone"):
        ask(meter, "SELECT TIMESTAMP(@text) AS v", ZONE, text)
    with pytest.raises(BadRequest, match="Invalid time zone: Mars/Base"):
        ask(meter, "SELECT 1 AS v", "Mars/Base")
