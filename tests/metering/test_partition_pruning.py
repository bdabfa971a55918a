"""Which partitions a query is charged for."""

import datetime
from collections.abc import Mapping

import pytest
from google.cloud import bigquery as google_bigquery
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

from tests.metering.conftest import TIMEOUT_SECONDS, Meter

DAYS = 10  # rows in `by_day`, one a day, with an INT64 each; one more row has no day
VALUE = 8


@pytest.fixture(scope="module")
def place(meter: Meter, dataset: str) -> str:
    meter.run_all(
        [
            f"CREATE TABLE {dataset}.by_day (day DATE, value INT64, name STRING) PARTITION BY day",
            f"INSERT INTO {dataset}.by_day SELECT DATE_ADD(DATE '2024-01-01', INTERVAL i DAY), i, 'n' "
            f"FROM UNNEST(GENERATE_ARRAY(0, {DAYS - 1})) AS i",
            f"INSERT INTO {dataset}.by_day (day, value) VALUES (NULL, 99)",
            f"CREATE VIEW {dataset}.days AS SELECT day, value FROM `local.{dataset}.by_day` WHERE value >= 0",
            f"CREATE TABLE {dataset}.by_hour (at TIMESTAMP, value INT64) "
            "PARTITION BY TIMESTAMP_TRUNC(at, HOUR)",
            f"INSERT INTO {dataset}.by_hour "
            "SELECT TIMESTAMP_ADD(TIMESTAMP '2024-01-01 00:30:00+00', INTERVAL i HOUR), i "
            "FROM UNNEST(GENERATE_ARRAY(0, 47)) AS i",
            f"CREATE TABLE {dataset}.by_month (at DATETIME, value INT64) "
            "PARTITION BY DATETIME_TRUNC(at, MONTH)",
            f"INSERT INTO {dataset}.by_month "
            "SELECT DATETIME_ADD(DATETIME '2024-01-15 12:00:00', INTERVAL i MONTH), i "
            "FROM UNNEST(GENERATE_ARRAY(0, 11)) AS i",
            f"CREATE TABLE {dataset}.by_arrival (value INT64) PARTITION BY _PARTITIONDATE",
            f"INSERT INTO {dataset}.by_arrival (value) VALUES (1), (2)",
        ]
    )
    make_table_by_range(meter, dataset)
    return dataset


def make_table_by_range(meter: Meter, dataset: str) -> None:
    """`by_range`: INT64 0..99 in partitions of 10, and two rows outside of all of them."""
    schema = [google_bigquery.SchemaField("id", "INT64"), google_bigquery.SchemaField("value", "INT64")]
    table = google_bigquery.Table(f"local.{dataset}.by_range", schema)
    bounds = google_bigquery.PartitionRange(start=0, end=100, interval=10)
    table.range_partitioning = google_bigquery.RangePartitioning(bounds, field="id")
    meter.client.create_table(table, timeout=TIMEOUT_SECONDS)
    meter.run(f"INSERT INTO {dataset}.by_range SELECT i, i FROM UNNEST(GENERATE_ARRAY(-1, 100)) AS i")


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ("day = '2024-01-03'", 1),
        ("day = DATE '2024-01-03'", 1),
        ("day = DATE(2024, 1, 3)", 1),
        ("DATE '2024-01-03' = day", 1),
        ("'2024-01-08' < day", 2),
        ("day > '2024-01-08'", 2),
        ("day >= '2024-01-08'", 3),
        ("day < '2024-01-03'", 2),
        ("day <= '2024-01-03'", 3),
        ("day BETWEEN '2024-01-02' AND '2024-01-04'", 3),
        ("day >= '2024-01-02' AND day < '2024-01-04'", 2),
        ("day IN ('2024-01-02', '2024-01-04', '1999-01-01')", 2),
        ("day IN UNNEST([DATE '2024-01-02', DATE '2024-01-04'])", 2),
        ("day = '2024-01-02' OR day = '2024-01-05'", 2),
        ("day = '2024-01-02' AND value > 5", 1),
        ("day = DATE_ADD(DATE '2024-01-01', INTERVAL 2 DAY)", 1),
        ("day < DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)", DAYS),
        ("day > CURRENT_DATE()", 0),
        ("DATE_TRUNC(day, MONTH) = '2024-01-01'", DAYS),
        ("DATE_TRUNC(day, MONTH) = '2024-02-01'", 0),
        ("day > DATETIME '2024-01-08 12:00:00'", 2),
        ("day < DATETIME '2024-01-08 12:00:00'", 8),
        ("day = '1999-01-01'", 0),
        ("day IS NOT NULL", DAYS),
        ("NOT day < '2024-01-03'", DAYS - 2),
    ],
)
def test_conditions_on_the_partitioning_column_skip_partitions(
    meter: Meter, place: str, condition: str, days: int
) -> None:
    per_row = 2 * VALUE  # day and value
    assert meter.bytes_of(f"SELECT value, day FROM {place}.by_day WHERE {condition}") == days * per_row


def test_rows_without_a_day_are_a_partition_of_their_own(meter: Meter, place: str) -> None:
    # The row of NULL weighs a value and no day.
    assert meter.bytes_of(f"SELECT value, day FROM {place}.by_day WHERE day IS NULL") == VALUE


@pytest.mark.parametrize(
    "condition",
    [
        "EXTRACT(DAY FROM day) = 1",
        "day = '2024-01-01' OR value = 1",
        "day != '2024-01-01'",
        "NOT day = '2024-01-01'",
        "day > (SELECT MIN(day) FROM {0}.by_day)",
        "day = DATE_ADD(DATE '2024-01-01', INTERVAL value DAY)",
        "DATE_ADD(day, INTERVAL 1 DAY) = '2024-01-01'",
        "IF(value = 1, day, NULL) = '2024-01-01'",
    ],
)
def test_other_conditions_skip_nothing(meter: Meter, place: str, condition: str) -> None:
    whole = DAYS * 2 * VALUE + VALUE
    sql = f"SELECT value, day FROM {place}.by_day WHERE {condition.format(place)}"
    assert meter.bytes_of(sql) == whole


@pytest.mark.parametrize(
    ("condition", "parameter", "days"),
    [
        ("day = @day", ScalarQueryParameter("day", "DATE", datetime.date(2024, 1, 3)), 1),
        ("day >= @day", ScalarQueryParameter("day", "DATE", datetime.date(2024, 1, 9)), 2),
        ("day = ?", ScalarQueryParameter(None, "DATE", datetime.date(2024, 1, 3)), 1),
        ("day = CAST(@day AS DATE)", ScalarQueryParameter("day", "STRING", "2024-01-03"), 1),
        ("day IN UNNEST(@days)", ArrayQueryParameter("days", "DATE", [datetime.date(2024, 1, 3)] * 2), 1),
        (
            "day < DATE_ADD(@day, INTERVAL @n DAY)",
            ScalarQueryParameter("day", "DATE", datetime.date(2024, 1, 1)),
            4,
        ),
    ],
)
def test_bound_parameters_skip_partitions(
    meter: Meter, place: str, condition: str, parameter: object, days: int
) -> None:
    parameters = [parameter, *([ScalarQueryParameter("n", "INT64", 4)] if "@n" in condition else [])]
    sql = f"SELECT day FROM {place}.by_day WHERE {condition}"
    assert meter.bytes_of(sql, *parameters) == days * VALUE


def test_a_question_mark_in_a_string_is_no_parameter(meter: Meter, place: str) -> None:
    sql = f"SELECT day FROM {place}.by_day WHERE '?' != 'x' AND value < ? AND day = ?"
    parameters = [
        ScalarQueryParameter(None, "INT64", 1000),
        ScalarQueryParameter(None, "DATE", datetime.date(2024, 1, 3)),
    ]
    assert meter.bytes_of(sql, *parameters) == 2 * VALUE


QUERIES: Mapping[str, tuple[str, int]] = {
    "a view": ("SELECT value FROM {0}.days WHERE day = '2024-01-03'", 2 * VALUE),
    "a CTE": ("WITH d AS (SELECT * FROM {0}.by_day) SELECT value FROM d WHERE day = '2024-01-03'", 2 * VALUE),
    "an alias": (
        "SELECT value FROM (SELECT value, day AS d FROM {0}.by_day) WHERE d = '2024-01-03'",
        2 * VALUE,
    ),
    "an inner join": (
        "SELECT a.value FROM {0}.by_month AS b "
        "JOIN {0}.by_day AS a ON a.day = '2024-01-03' AND a.value = b.value",
        2 * VALUE + 12 * VALUE,
    ),
    "the optional side of a join": (
        "SELECT a.value FROM {0}.by_month AS b "
        "LEFT JOIN {0}.by_day AS a ON a.value = b.value AND a.day = '2024-01-03'",
        2 * VALUE + 12 * VALUE,
    ),
    "not the kept side of a join": (
        "SELECT a.value FROM {0}.by_day AS a "
        "LEFT JOIN {0}.by_month AS b ON a.value = b.value AND a.day = '2024-01-03'",
        DAYS * 2 * VALUE + VALUE + 12 * VALUE,
    ),
    "not the missing rows of a join": (
        "SELECT b.value FROM {0}.by_month AS b "
        "LEFT JOIN {0}.by_day AS a ON a.value = b.value WHERE a.day IS NULL",
        DAYS * 2 * VALUE + VALUE + 12 * VALUE,
    ),
    "two parts of one table": (
        "SELECT (SELECT SUM(value) FROM {0}.by_day WHERE day = '2024-01-01') + "
        "(SELECT SUM(value) FROM {0}.by_day WHERE day = '2024-01-02')",
        2 * 2 * VALUE,
    ),
    "not through an aggregate of another column": (
        "SELECT * FROM (SELECT value, MAX(day) AS d FROM {0}.by_day GROUP BY value) WHERE d = '2024-01-03'",
        DAYS * 2 * VALUE + VALUE,
    ),
    "not through a LIMIT": (
        "SELECT * FROM (SELECT day FROM {0}.by_day ORDER BY value LIMIT 5) WHERE day = '2024-01-03'",
        DAYS * 2 * VALUE + VALUE,
    ),
}


@pytest.mark.parametrize("case", QUERIES)
def test_conditions_reach_tables_through(meter: Meter, place: str, case: str) -> None:
    sql, expected = QUERIES[case]
    assert meter.bytes_of(sql.format(place)) == expected


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("by_hour WHERE at >= '2024-01-02 23:00:00+00'", 1),
        ("by_hour WHERE at > '2024-01-02 22:45:00+00'", 2),  # the hour of 22:00 may hold later minutes
        ("by_hour WHERE at < TIMESTAMP('2024-01-01 02:00:00+00')", 2),
        ("by_hour WHERE DATE(at) = '2024-01-02'", 24),
        ("by_hour WHERE CAST(at AS DATE) = '2024-01-02'", 24),
        ("by_hour WHERE DATE(at, 'America/New_York') = '2024-01-01'", 48),
        ("by_hour WHERE TIMESTAMP_TRUNC(at, DAY) = TIMESTAMP('2024-01-01')", 24),
        ("by_hour WHERE at >= '2024-01-01 22:00:00-02:00'", 24),
        ("by_month WHERE at >= '2024-12-01'", 1),
        ("by_month WHERE at BETWEEN '2024-02-20' AND '2024-03-02'", 2),
        ("by_month WHERE DATETIME_TRUNC(at, YEAR) = DATETIME '2024-01-01'", 12),
        ("by_range WHERE id = 15", 10 + 2),
        ("by_range WHERE id BETWEEN 15 AND 25", 20 + 2),
        ("by_range WHERE id >= 90", 10 + 2),
        ("by_range WHERE id > 18.5 AND id < 20", 20 + 2),  # a bound that is not whole is none
    ],
)
def test_every_kind_of_partition(meter: Meter, place: str, condition: str, rows: int) -> None:
    assert meter.bytes_of(f"SELECT value, 1 FROM {place}.{condition}") == rows * 2 * VALUE


def test_partitions_by_time_of_arrival(meter: Meter, place: str) -> None:
    table = f"{place}.by_arrival"
    whole = 2 * 2 * VALUE  # the pseudo-column is charged like a TIMESTAMP
    assert meter.bytes_of(f"SELECT value FROM {table}") == 2 * VALUE
    assert meter.bytes_of(f"SELECT value FROM {table} WHERE _PARTITIONTIME >= '2000-01-01'") == whole
    assert meter.bytes_of(f"SELECT value FROM {table} WHERE _PARTITIONTIME < '2000-01-01'") == 0
    assert meter.bytes_of(f"SELECT value FROM {table} AS t WHERE t._PARTITIONDATE = '2000-01-01'") == 0


def test_clustering_makes_the_estimate_an_upper_bound(meter: Meter, dataset: str) -> None:
    name = f"{dataset}.clustered"
    meter.run(f"CREATE TABLE {name} CLUSTER BY k AS SELECT 'k' AS k, v FROM UNNEST([1, 2]) AS v")
    job = meter.dry_run(f"SELECT v FROM {name} WHERE k = 'other'")
    assert job.total_bytes_processed == 2 * 8 + 2 * 3
    assert job._properties["statistics"]["query"]["totalBytesProcessedAccuracy"] == "UPPER_BOUND"
