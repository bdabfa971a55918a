"""The warning about a table that is read whole, and what the metering gate charges, say the same of every query."""

import re

import pytest
from google.cloud import bigquery as google_bigquery
from google.cloud.bigquery import SchemaField

from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container
from shared.errors import AlmanacError
from shared.warehouse.models.queries import DryRun
from tests.warehouse.test_queries import make_request

SCHEMA = [
    SchemaField("flight_date", "DATE"),
    SchemaField("departed_at", "TIMESTAMP"),
    SchemaField("hour", "INT64"),
    SchemaField("origin", "STRING"),
    SchemaField("dep_delay", "INT64"),
]
ROWS = [
    {
        "flight_date": f"2013-{month:02d}-{day:02d}",
        "departed_at": f"2013-{month:02d}-{day:02d}T10:00:00Z",
        "hour": month,
        "origin": "JFK",
        "dep_delay": day,
    }
    for month in range(1, 13)
    for day in (1, 8, 15)
]
WHOLE = "dep_delay, flight_date FROM flights"  # what reads both columns of every partition
PRUNED = [
    "flight_date >= '2013-12-01'",
    "'2013-12-01' <= flight_date",
    "(flight_date) = (DATE '2013-12-01')",
    "flight_date = DATE(2013, 12, 1)",
    "flight_date >= CAST('2013-12-01' AS DATE)",
    "flight_date >= PARSE_DATE('%Y%m%d', '20131201')",
    "flight_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY)",
    "flight_date >= DATETIME_ADD(CAST(DATE '2013-12-08' AS DATETIME), INTERVAL -7 DAY)",
    "flight_date >= DATE_TRUNC(DATE '2013-12-08', WEEK(MONDAY))",
    "flight_date > LAST_DAY(DATE '2013-11-08', MONTH)",
    "flight_date >= GREATEST(DATE '2013-12-01', DATE '2013-11-01')",
    "DATE_TRUNC(flight_date, MONTH) = '2013-12-01'",
    "DATE_TRUNC(flight_date, YEAR) > '2013-12-01'",
    "DATE(flight_date) = '2013-12-01'",
    "CAST(flight_date AS DATE) = '2013-12-01'",
    "SAFE_CAST(flight_date AS DATE) >= '2013-12-01'",
    "flight_date BETWEEN '2013-12-01' AND '2013-12-31'",
    "flight_date NOT BETWEEN '2013-02-01' AND '2013-12-31'",
    "flight_date BETWEEN '2013-12-01' AND DATE_ADD(flight_date, INTERVAL 1 DAY)",
    "flight_date IN ('2013-12-01', '2013-12-08')",
    "flight_date IN UNNEST([DATE '2013-12-01', DATE '2013-12-08'])",
    "flight_date IS NULL",
    "NOT (flight_date < '2013-12-01')",
    "NOT (flight_date < '2013-12-01' OR dep_delay = 1)",
    "NOT flight_date != '2013-12-01'",
    "NOT (flight_date IS NOT NULL)",
    "flight_date >= '2013-12-01' AND dep_delay > 1",
    "flight_date >= '2013-12-01' AND RAND() < 0.5",
    "(flight_date = '2013-12-01' AND dep_delay = 1) OR (flight_date = '2013-01-01' AND dep_delay = 1)",
    "dep_delay = 1 AND (flight_date = '2013-12-01' OR flight_date IN ('2013-01-01'))",
]
UNPRUNED = [
    "TRUE",
    "CAST(flight_date AS TIMESTAMP) >= TIMESTAMP '2013-12-01 00:00:00+00'",
    "CAST(flight_date AS DATETIME) >= '2013-12-01'",
    "CAST(flight_date AS STRING) >= '2013-12-01'",
    "TIMESTAMP(flight_date) BETWEEN TIMESTAMP '2013-12-01' AND CURRENT_TIMESTAMP()",
    "EXTRACT(MONTH FROM flight_date) = 12",
    "FORMAT_DATE('%Y-%m', flight_date) = '2013-12'",
    "UNIX_DATE(flight_date) > 16000",
    "LAST_DAY(flight_date) = '2013-12-31'",
    "DATE_TRUNC(flight_date, WEEK) = '2013-12-01'",
    "DATE_TRUNC(flight_date, QUARTER) = '2013-10-01'",
    "DATE_ADD(flight_date, INTERVAL 1 DAY) = '2013-12-02'",
    "DATE_DIFF(CURRENT_DATE(), flight_date, DAY) < 7",
    "COALESCE(flight_date, '2013-12-01') >= '2013-12-01'",
    "IF(dep_delay = 1, flight_date, NULL) >= '2013-12-01'",
    "flight_date = (SELECT MAX(flight_date) FROM flights)",
    "flight_date >= (SELECT DATE '2013-12-01')",
    "flight_date IN (SELECT DATE '2013-12-01')",
    "flight_date IN (DATE '2013-12-01', DATE_ADD(flight_date, INTERVAL dep_delay DAY))",
    "flight_date IN UNNEST(GENERATE_DATE_ARRAY('2013-12-01', '2013-12-02'))",
    "flight_date >= DATE_ADD(DATE '2013-12-01', INTERVAL CAST(RAND() * 10 AS INT64) DAY)",
    "flight_date >= '2013-12-01' OR dep_delay = 1",
    "flight_date >= '2013-12-01' OR TRUE",
    "NOT (flight_date < '2013-12-01' AND dep_delay = 1)",
    "NOT flight_date BETWEEN '2013-02-01' AND DATE_ADD(flight_date, INTERVAL 1 DAY)",
    "flight_date != '2013-12-01'",
    "flight_date NOT IN ('2013-12-01')",
    "flight_date IS NOT NULL",
    "flight_date IS NOT DISTINCT FROM DATE '2013-12-01'",
    "(flight_date = '2013-12-01') IS TRUE",
    "(flight_date, dep_delay) IN ((DATE '2013-12-01', 1))",
    "dep_delay IN (SELECT 1 FROM UNNEST([1]) WHERE flight_date >= '2013-12-01')",
]
DAY = "flight_date >= '2013-12-01'"
PRUNED_QUERIES = [
    f"SELECT f.dep_delay FROM flights AS f WHERE f.{DAY}",
    f"SELECT flights.dep_delay FROM shop.flights WHERE flights.{DAY}",
    f"SELECT dep_delay FROM (SELECT * FROM flights) WHERE {DAY}",
    f"SELECT dep_delay FROM (SELECT * EXCEPT (hour) FROM flights) WHERE {DAY}",
    f"SELECT dep_delay FROM (SELECT f.* FROM flights AS f) WHERE {DAY}",
    f"SELECT dep_delay FROM (SELECT * FROM flights WHERE {DAY})",
    "SELECT dep_delay FROM (SELECT dep_delay, flight_date AS d FROM flights) WHERE d >= '2013-12-01'",
    f"SELECT dep_delay FROM (SELECT DISTINCT dep_delay, flight_date FROM flights) WHERE {DAY}",
    f"WITH f AS (SELECT * FROM flights) SELECT dep_delay FROM f WHERE {DAY}",
    f"WITH f AS (SELECT * FROM flights), g AS (SELECT * FROM f) SELECT dep_delay FROM g WHERE {DAY}",
    f"WITH f AS (SELECT * FROM flights) SELECT dep_delay FROM f WHERE {DAY} "
    "UNION ALL SELECT dep_delay FROM f WHERE flight_date < '2013-02-01'",
    f"SELECT dep_delay FROM (SELECT * FROM flights UNION ALL SELECT * FROM flights) WHERE {DAY}",
    f"SELECT dep_delay FROM flights WHERE {DAY} UNION ALL SELECT dep_delay FROM flights WHERE {DAY}",
    f"SELECT dep_delay FROM ((SELECT * FROM flights) UNION DISTINCT (SELECT * FROM flights)) WHERE {DAY}",
    f"SELECT f.dep_delay FROM flights AS f, UNNEST([1, 2]) AS n WHERE f.{DAY}",
    f"SELECT f.dep_delay FROM flights AS f CROSS JOIN people AS p WHERE f.{DAY} AND p.day = '2024-01-01'",
    f"SELECT f.dep_delay FROM flights AS f JOIN (SELECT 1 AS one) ON f.dep_delay = one AND f.{DAY}",
    f"SELECT f.dep_delay FROM (SELECT 1 AS one) LEFT JOIN flights AS f ON f.dep_delay = one AND f.{DAY}",
    f"SELECT f.dep_delay FROM flights AS f LEFT JOIN (SELECT 1 AS one) ON f.dep_delay = one WHERE f.{DAY}",
    f"SELECT f.dep_delay FROM (SELECT 1 AS one) LEFT JOIN flights AS f ON f.dep_delay = one WHERE f.{DAY}",
    f"SELECT f.dep_delay FROM flights AS f RIGHT JOIN (SELECT 1 AS one) ON f.dep_delay = one AND f.{DAY}",
    f"FROM flights |> WHERE {DAY} |> AGGREGATE COUNT(dep_delay) AS n",
    "FROM flights |> SELECT dep_delay, flight_date AS d |> WHERE d >= '2013-12-01' |> SELECT dep_delay",
    f"SELECT COUNT(dep_delay) AS n FROM flights WHERE EXISTS (SELECT 1) AND {DAY}",
    f"SELECT (SELECT MAX(dep_delay) FROM flights WHERE {DAY}) AS worst",
    f"SELECT dep_delay FROM all_flights WHERE {DAY}",
    "SELECT dep_delay FROM december",
    f"SELECT dep_delay FROM december UNION ALL SELECT dep_delay FROM all_flights WHERE {DAY}",
    "SELECT dep_delay FROM hourly WHERE departed_at >= '2013-12-01'",
    "SELECT dep_delay FROM hourly WHERE DATE(departed_at) = '2013-12-01'",
    "SELECT dep_delay FROM hourly WHERE TIMESTAMP_TRUNC(departed_at, MONTH) = TIMESTAMP '2013-12-01'",
    "SELECT dep_delay FROM ranges WHERE hour = 12",
    "SELECT dep_delay FROM ranges WHERE hour BETWEEN 3 AND 4",
]
UNPRUNED_QUERIES = [
    f"SELECT {WHOLE} LIMIT 10",
    f"SELECT COUNTIF({DAY}) AS n, MAX(dep_delay) AS m FROM flights",
    f"SELECT flight_date, COUNT(dep_delay) AS n FROM flights GROUP BY flight_date HAVING {DAY}",
    f"SELECT n FROM (SELECT flight_date, COUNT(dep_delay) AS n FROM flights GROUP BY flight_date) WHERE {DAY}",
    f"SELECT dep_delay FROM (SELECT * FROM flights LIMIT 10) WHERE {DAY}",
    f"SELECT {WHOLE} QUALIFY ROW_NUMBER() OVER (PARTITION BY flight_date ORDER BY dep_delay) = 1 AND {DAY}",
    f"SELECT r FROM (SELECT flight_date, RANK() OVER (ORDER BY dep_delay) AS r FROM flights) WHERE {DAY}",
    f"SELECT dep_delay FROM (SELECT dep_delay, MAX(flight_date) AS flight_date FROM flights GROUP BY 1) WHERE {DAY}",
    f"SELECT dep_delay FROM (SELECT dep_delay, DATE_ADD(flight_date, INTERVAL 1 DAY) AS flight_date FROM flights) "
    f"WHERE {DAY}",
    "SELECT f.dep_delay FROM flights AS f JOIN (SELECT DATE '2013-12-01' AS d) AS x ON f.flight_date = x.d",
    "SELECT f.dep_delay, f.flight_date FROM flights AS f JOIN people AS flight ON f.dep_delay = flight.id "
    "WHERE flight.day >= '2024-01-01'",
    f"SELECT f.dep_delay FROM flights AS f LEFT JOIN (SELECT 1 AS one) ON f.dep_delay = one AND f.{DAY}",
    f"SELECT f.dep_delay FROM flights AS f FULL JOIN (SELECT 1 AS one) ON f.dep_delay = one AND f.{DAY}",
    "SELECT f.dep_delay FROM (SELECT 1 AS one) LEFT JOIN flights AS f ON f.dep_delay = one WHERE f.flight_date IS NULL",
    f"WITH f AS (SELECT * FROM flights) SELECT (SELECT MAX(dep_delay) FROM f WHERE {DAY}) + "
    "(SELECT COUNTIF(flight_date IS NULL) + MAX(dep_delay) FROM f)",
    f"SELECT a.dep_delay FROM flights AS a JOIN flights AS b ON a.flight_date = b.flight_date AND "
    f"a.dep_delay = b.dep_delay WHERE a.{DAY}",
    f"SELECT dep_delay FROM flights WHERE {DAY} UNION ALL SELECT hour + dep_delay FROM flights "
    "WHERE EXTRACT(MONTH FROM flight_date) = 12",
    "SELECT dep_delay, flight_date FROM all_flights",
    "SELECT MAX(dep_delay) AS m, MAX(flight_date) AS d FROM december UNION ALL "
    "SELECT MAX(dep_delay), MAX(flight_date) FROM all_flights",
    "FROM flights |> AGGREGATE COUNT(dep_delay) AS n, MAX(flight_date) AS d",
    f"FROM flights |> AGGREGATE MAX(dep_delay) AS m GROUP BY flight_date |> WHERE {DAY}",
    f"FROM flights |> SELECT dep_delay, flight_date |> EXTEND SUM(dep_delay) OVER () AS total |> WHERE {DAY}",
    "SELECT dep_delay FROM hourly WHERE DATE(departed_at, 'America/New_York') = '2013-12-01'",
    "SELECT dep_delay FROM hourly WHERE EXTRACT(DATE FROM departed_at) = '2013-12-01'",
    "SELECT dep_delay FROM hourly WHERE CAST(departed_at AS STRING) > '2013-12-01'",
    "SELECT dep_delay FROM ranges WHERE hour + 1 = 12",
    "SELECT dep_delay FROM ranges WHERE CAST(hour AS FLOAT64) > 11",
]
CASES = dict(
    [
        *((f"SELECT {WHOLE} WHERE {condition}", True) for condition in PRUNED),
        *((f"SELECT {WHOLE} WHERE {condition}", False) for condition in UNPRUNED),
        *((sql, True) for sql in PRUNED_QUERIES),
        *((sql, False) for sql in UNPRUNED_QUERIES),
    ]
)


@pytest.fixture(scope="module")
def flights(bigquery: BigQueryServer, people_table: str) -> BigQueryServer:
    """Flights by day, by month of departure and by ranges of an integer, with views, and all once more undivided."""
    project, client = bigquery.project, bigquery.client()
    bigquery.load_rows("shop.flights", SCHEMA, ROWS, partition_by="flight_date")
    for name in ("flights", "hourly", "ranges"):
        bigquery.load_rows(f"shop.{name}_whole", SCHEMA, ROWS)
    ranges = google_bigquery.Table(f"{project}.shop.ranges", SCHEMA)
    bounds = google_bigquery.PartitionRange(start=0, end=100, interval=1)
    ranges.range_partitioning = google_bigquery.RangePartitioning(bounds, field="hour")
    client.create_table(ranges, exists_ok=True)
    for sql in (
        "CREATE TABLE shop.hourly PARTITION BY TIMESTAMP_TRUNC(departed_at, MONTH) AS SELECT * FROM shop.flights",
        "INSERT INTO shop.ranges SELECT * FROM shop.flights",
    ):
        client.query(sql, retry=None, job_retry=None).result(retry=None, job_retry=None)
    for suffix in ("", "_whole"):
        for view, where in (("all_flights", ""), ("december", f"WHERE {DAY}")):
            table = google_bigquery.Table(f"{project}.shop.{view}{suffix}")
            table.view_query = f"SELECT * FROM `{project}.shop.flights{suffix}` {where}"
            client.create_table(table, exists_ok=True)
    return bigquery


def name_undivided(sql: str) -> str:
    """The same query of tables without partitions."""
    return re.sub(r"\b(flights|all_flights|december|hourly|ranges)\b", r"\1_whole", sql)


def test_the_warning_is_what_the_meter_says(at_google: Container, flights: BigQueryServer) -> None:
    queries = list(CASES)
    requests = [make_request(sql) for query in queries for sql in (query, name_undivided(query))]
    answers = at_google.warehouse.dry_run_queries(requests)
    assert [answer for answer in answers if isinstance(answer, AlmanacError)] == []
    plans = [answer for answer in answers if isinstance(answer, DryRun)]
    found = {}
    for query, plan, undivided in zip(queries, plans[::2], plans[1::2], strict=True):
        uses = [use for use in plan.partitions if not use.table.endswith("people")]
        assert uses, query
        assert undivided.bytes_estimated, query
        prunes = (plan.bytes_estimated or 0) < undivided.bytes_estimated
        found[query] = (all(use.filtered for use in uses), prunes)
    assert found == {query: (prunes, prunes) for query, prunes in CASES.items()}
