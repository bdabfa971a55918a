"""Where the emulator differs from BigQuery, the gate answers as BigQuery does."""

import json
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, NotFound

from tests.metering.conftest import Meter

FIRST = "month = 1 AND delay = 1"
"""The condition for one flight, of AA to LAX."""


@pytest.fixture(scope="module")
def flights(meter: Meter, dataset: str) -> str:
    """36 flights of 12 months to two destinations, and two tables that a wildcard names."""
    meter.run(
        f"CREATE OR REPLACE TABLE {dataset}.flights AS SELECT DATE(2013, month, day) AS flight_date, month, "
        "IF(month < 3, 'LAX', 'LGA') AS dest, IF(day = 1, 'AA', 'UA') AS carrier, day AS delay "
        "FROM UNNEST(GENERATE_ARRAY(1, 12)) AS month, UNNEST([1, 8, 15]) AS day"
    )
    for suffix in ("a", "b"):
        meter.run(f"CREATE OR REPLACE TABLE {dataset}.telemetry_{suffix} AS SELECT '{suffix}' AS x")
    return f"{dataset}.flights"


def run(meter: Meter, sql: str) -> list[dict[str, Any]]:
    job = meter.client.query(sql, retry=None, job_retry=None)
    return [dict(row) for row in job.result(retry=None, job_retry=None)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT SUBSTR(dest, 1, 1) AS dest, COUNT(*) AS n FROM {0} GROUP BY dest", [{"dest": "L", "n": 36}]),
        ("SELECT SUBSTR(dest, 1, 1) AS DEST, COUNT(*) AS n FROM {0} GROUP BY dest", [{"DEST": "L", "n": 36}]),
        ("SELECT COUNT(*) AS rows_of_n FROM (SELECT DATE_TRUNC(flight_date, MONTH) AS flight_date, COUNT(*) AS n "
         "FROM {0} GROUP BY flight_date ORDER BY flight_date LIMIT 100)", [{"rows_of_n": 12}]),
        ("SELECT dest, COUNT(*) AS n FROM {0} GROUP BY dest ORDER BY n",
         [{"dest": "LAX", "n": 6}, {"dest": "LGA", "n": 30}]),
        ("SELECT dest AS d, SUBSTR(dest, 1, 1) AS dest FROM {0} AS f GROUP BY f.dest ORDER BY d",
         [{"d": "LAX", "dest": "L"}, {"d": "LGA", "dest": "L"}]),
    ],
)  # fmt: skip
def test_group_by_means_the_alias_before_the_column(
    meter: Meter, flights: str, sql: str, rows: list[dict[str, Any]]
) -> None:
    assert run(meter, sql.format(flights)) == rows


@pytest.mark.parametrize(
    ("columns", "pivot", "names"),
    [
        ("carrier, delay", "AVG(delay) AS delay FOR carrier IN ('AA', 'UA')", ["delay_AA", "delay_UA"]),
        ("month, delay", "AVG(delay) FOR month IN (1, 2)", ["_1", "_2"]),
        ("month, delay", "AVG(delay) FOR month IN (1 AS jan, -2, NULL)", ["jan", "minus_2", "NULL"]),
        ("month, delay", "AVG(delay) AS d, COUNT(*) AS n FOR month IN (1 AS jan, 2)",
         ["d_jan", "n_jan", "d_2", "n_2"]),
        ("carrier, month, delay", "SUM(delay) AS d, COUNT(*) AS n FOR month IN (1)", ["carrier", "d_1", "n_1"]),
    ],
)  # fmt: skip
def test_pivot_names_its_columns_as_bigquery_does(
    meter: Meter, flights: str, columns: str, pivot: str, names: list[str]
) -> None:
    sql = f"SELECT * FROM (SELECT {columns} FROM {flights}) PIVOT ({pivot})"
    assert [field.name for field in meter.dry_run(sql).schema or ()] == names
    assert list(run(meter, sql)[0]) == names


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT STRUCT(dest, f.month, 1, delay AS late) FROM {0} AS f",
         {"dest": "LAX", "month": 1, "_field_3": 1, "late": 1}),
        ("SELECT STRUCT(dest) AS s FROM {0} GROUP BY s", {"dest": "LAX"}),
        ("SELECT STRUCT(dest) FROM {0} GROUP BY STRUCT(dest)", {"dest": "LAX"}),
        ("SELECT ARRAY_AGG(STRUCT(dest, month))[OFFSET(0)].dest FROM {0}", "LAX"),
        ("SELECT x.dest FROM (SELECT ARRAY_AGG(STRUCT(dest, month)) AS a FROM {0}), UNNEST(a) AS x", "LAX"),
        ("SELECT TO_JSON_STRING(STRUCT(dest, s.month)) FROM (SELECT dest, STRUCT(month AS month) AS s FROM {0})",
         '{"dest":"LAX","month":1}'),
        ("SELECT s = STRUCT('LAX', 1) FROM (SELECT STRUCT(dest, month) AS s FROM {0})", True),
        ("SELECT STRUCT('LAX', 1) IN (SELECT STRUCT(dest, month) FROM {0})", True),
    ],
)  # fmt: skip
def test_a_column_names_its_field_of_a_struct(meter: Meter, flights: str, sql: str, value: object) -> None:
    (row,) = run(meter, sql.format(f"(SELECT * FROM {flights} WHERE {FIRST})"))
    assert list(row.values()) == [value]


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT a.s = b.s FROM (SELECT STRUCT(dest, month) AS s FROM {0}) AS a, "
         "(SELECT STRUCT(dest, delay) AS s FROM {0}) AS b", ["true"]),
        ("SELECT [STRUCT(month AS m, dest AS d), STRUCT(delay, carrier)] FROM {0}",
         ['[{"m":1,"d":"LAX"},{"m":1,"d":"AA"}]']),
        ("SELECT s.m FROM (SELECT STRUCT(month AS m) AS s FROM {0} UNION ALL SELECT STRUCT(delay) FROM {0}) AS u",
         ["1", "1"]),
    ],
)  # fmt: skip
def test_structs_that_have_to_fit_each_other_do_so_by_the_order_of_their_fields(
    meter: Meter, flights: str, sql: str, values: list[str]
) -> None:
    query = sql.format(f"(SELECT * FROM {flights} WHERE {FIRST})")
    rows = run(meter, query)
    assert [json.dumps(value, separators=(",", ":")) for row in rows for value in row.values()] == values


def test_two_fields_of_one_name_keep_their_values(meter: Meter, flights: str) -> None:
    (row,) = run(
        meter,
        f"SELECT STRUCT(a.month, b.month) AS s FROM {flights} AS a, {flights} AS b WHERE a.month = 1 "
        "AND b.month = 2 LIMIT 1",
    )
    assert list(row["s"].values()) == [1, 2]


def test_drop_table_is_done_and_then_the_table_is_not_found(meter: Meter, dataset: str) -> None:
    meter.run(f"CREATE TABLE {dataset}.gone AS SELECT 1 AS x")
    assert meter.dry_run(f"DROP TABLE {dataset}.gone").state == "DONE"
    assert run(meter, f"DROP TABLE {dataset}.gone") == []
    assert run(meter, f"DROP TABLE IF EXISTS {dataset}.gone") == []
    with pytest.raises(NotFound, match="Not found: Table"):
        run(meter, f"DROP TABLE {dataset}.gone")


@pytest.mark.parametrize(
    ("partitioning", "columns", "filters", "others"),
    [
        ("day", "'day'", ["day = '2024-01-01'", "day IS NULL", "v = 1 AND day > '2024-01-01'"],
         ["TRUE", "v = 1 OR day = '2024-01-01'", "EXTRACT(DAY FROM day) = 1", "day != '2024-01-01'"]),
        ("_PARTITIONDATE", "'_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME'",
         ["_PARTITIONDATE = '2024-01-01'", "_PARTITIONTIME >= '2024-01-01'"],
         ["TRUE", "EXTRACT(YEAR FROM _PARTITIONTIME) = 2024"]),
    ],
)  # fmt: skip
def test_a_table_that_asks_for_a_filter_is_queried_with_one_and_refused_without(
    meter: Meter, dataset: str, partitioning: str, columns: str, filters: list[str], others: list[str]
) -> None:
    name = f"{dataset}.asking_{partitioning.lower()}"
    meter.run(
        f"CREATE OR REPLACE TABLE {name} (day DATE, v INT64) PARTITION BY {partitioning} "
        "OPTIONS (require_partition_filter = TRUE)"
    )
    for condition in filters:
        assert run(meter, f"SELECT v FROM {name} WHERE {condition}") == []
        assert meter.bytes_of(f"SELECT v FROM {name} WHERE {condition}") == 0
    for condition in others:
        for ask in (meter.dry_run, meter.run):
            with pytest.raises(BadRequest, match="that can be used for partition elimination") as caught:
                ask(f"SELECT v FROM {name} WHERE {condition}")
            assert f"Cannot query over table 'local.{name}' without a filter over column(s) {columns}" in str(
                caught.value
            )


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 AS a, 2 AS A", r"Duplicate column names in the result .* Found duplicate\(s\): a"),
        (f"SELECT 1 AS {'a' * 301}", 'Invalid field name "a+". Fields must be at most 300 characters long'),
    ],
)
def test_names_that_bigquery_refuses_are_refused(meter: Meter, sql: str, words: str) -> None:
    for ask in (meter.dry_run, meter.run):
        with pytest.raises(BadRequest, match=words):
            ask(sql)


def test_names_that_stars_bring_twice_are_refused_by_the_dry_run(meter: Meter, flights: str) -> None:
    with pytest.raises(BadRequest, match=r"Found duplicate\(s\): flight_date, month"):
        meter.dry_run(f"SELECT a.*, b.* FROM {flights} AS a JOIN {flights} AS b USING (month)")


def test_a_name_of_300_characters_is_none_too_many(meter: Meter) -> None:
    assert run(meter, f"SELECT 1 AS {'a' * 300}") == [{"a" * 300: 1}]


def test_values_without_a_name_have_none_in_common(meter: Meter, flights: str) -> None:
    assert meter.dry_run(f"SELECT 'dest', dest, UPPER(dest), 1, 1 FROM {flights}").state == "DONE"


def test_a_wildcard_is_listed_once(meter: Meter, flights: str, dataset: str) -> None:
    job = meter.dry_run(f"SELECT x FROM `{dataset}.telemetry_*` WHERE _TABLE_SUFFIX = 'a'")
    assert [table.table_id for table in job.referenced_tables] == ["telemetry_*"]
    assert job.total_bytes_processed == 3


@pytest.mark.parametrize("hours", [3_000_000, 87_840_000, -87_840_000])
def test_an_interval_of_many_hours_is_a_value(meter: Meter, hours: int) -> None:
    (row,) = run(meter, f"SELECT INTERVAL {hours} HOUR AS i")
    assert row["i"].days * 24 + row["i"].hours == hours
