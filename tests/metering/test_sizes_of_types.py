"""Bytes per type against sizes worked out by hand from BigQuery's documentation.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes
"""

import pytest

from tests.metering.conftest import Meter

COLUMNS = """
    flag BOOL, whole INT64, real FLOAT64, money NUMERIC, big BIGNUMERIC, name STRING, raw BYTES, day DATE,
    at DATETIME, clock TIME, moment TIMESTAMP, span INTERVAL, doc JSON, line GEOGRAPHY, days RANGE<DATE>,
    moments RANGE<TIMESTAMP>, numbers ARRAY<INT64>, names ARRAY<STRING>,
    pair STRUCT<a INT64, b STRING>, deep STRUCT<outer_name STRING, inside STRUCT<x INT64, y ARRAY<STRING>>>,
    visits ARRAY<STRUCT<page STRING, seconds INT64, tags ARRAY<STRING>>>
"""
FIRST = """
    TRUE, 1, 0.5, NUMERIC '1.5', BIGNUMERIC '1.5', 'aé漢', b'abc', DATE '2024-01-01',
    DATETIME '2024-01-01 00:00:00', TIME '10:00:00', TIMESTAMP '2024-01-01 00:00:00+00', INTERVAL 1 DAY,
    JSON '{"b": 1,  "a": [1, 2]}', ST_GEOGFROMTEXT('LINESTRING(0 0, 1 1, 2 2)'),
    RANGE<DATE> '[2024-01-01, 2024-02-01)', RANGE<TIMESTAMP> '[2024-01-01 00:00:00+00, UNBOUNDED)',
    [1, 2, 3], ['a', 'bcd'], STRUCT(1, 'xy'), STRUCT('n', STRUCT(7, ['p', 'qq'])),
    [STRUCT('home' AS page, 5 AS seconds, ['a', 'b'] AS tags), STRUCT('x', NULL, ['cc'])]
"""
SECOND = """
    NULL, 2, NULL, NULL, NULL, '', b'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    [], [], STRUCT(NULL, NULL), NULL, []
"""

EXPECTED = {
    "flag": 1,
    "whole": 2 * 8,
    "real": 8,
    "money": 16,
    "big": 32,
    "name": (2 + 1 + 2 + 3) + 2,
    "raw": (2 + 3) + 2,
    "day": 8,
    "at": 8,
    "clock": 8,
    "moment": 8,
    "span": 16,
    "doc": len('{"a":[1,2],"b":1}'),
    "line": 16 + 24 * 3,
    "days": 16,
    "moments": 16,
    "numbers": 3 * 8,
    "names": (2 + 1) + (2 + 3),
    "pair": 8 + (2 + 2),
    "pair.a": 8,
    "pair.b": 2 + 2,
    "deep": (2 + 1) + 8 + (2 + 1) + (2 + 2),
    "deep.inside": 8 + (2 + 1) + (2 + 2),
    "deep.inside.x": 8,
    "deep.inside.y": (2 + 1) + (2 + 2),
    "visits": (2 + 4) + (2 + 1) + 8 + (2 + 1) + (2 + 1) + (2 + 2),
}


@pytest.fixture(scope="module")
def table(meter: Meter, dataset: str) -> str:
    """Two rows: one full, one of NULLs and empty values."""
    name = f"{dataset}.every_type"
    meter.run_all(
        [
            f"CREATE TABLE {name} ({COLUMNS})",
            f"INSERT INTO {name} VALUES ({FIRST})",
            f"INSERT INTO {name} VALUES ({SECOND})",
        ]
    )
    return name


@pytest.mark.parametrize("column", EXPECTED)
def test_a_column_weighs_its_logical_size(meter: Meter, table: str, column: str) -> None:
    assert meter.bytes_of(f"SELECT {column} FROM {table}") == EXPECTED[column]


def test_a_star_weighs_all_columns(meter: Meter, table: str) -> None:
    whole = sum(size for column, size in EXPECTED.items() if "." not in column)
    assert meter.bytes_of(f"SELECT * FROM {table}") == whole


def test_null_weighs_nothing(meter: Meter, dataset: str) -> None:
    name = f"{dataset}.all_null"
    meter.run_all([f"CREATE TABLE {name} ({COLUMNS})", f"INSERT INTO {name} (whole) VALUES (NULL), (NULL)"])
    assert meter.bytes_of(f"SELECT * FROM {name}") == 0


def test_an_empty_table_weighs_nothing(meter: Meter, dataset: str) -> None:
    meter.run(f"CREATE TABLE {dataset}.empty ({COLUMNS})")
    assert meter.bytes_of(f"SELECT * FROM {dataset}.empty") == 0


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT visit.seconds FROM {0}, UNNEST(visits) AS visit", 8),
        ("SELECT visit.page FROM {0} AS t, t.visits AS visit WHERE visit.seconds = 5", 6 + 3 + 8),
        ("SELECT tag FROM {0} AS t, t.visits AS visit, UNNEST(visit.tags) AS tag", 3 + 3 + 4),
        ("SELECT visit FROM {0}, UNNEST(visits) AS visit", EXPECTED["visits"]),
        ("SELECT visit.* FROM {0}, UNNEST(visits) AS visit", EXPECTED["visits"]),
        ("SELECT visits[SAFE_OFFSET(0)].seconds FROM {0}", 8),
        ("SELECT (SELECT SUM(visit.seconds) FROM UNNEST(visits) AS visit) FROM {0}", 8),
        (
            "SELECT ARRAY(SELECT AS STRUCT visit.page FROM UNNEST(t.visits) AS visit) AS pages FROM {0} AS t",
            9,
        ),
        ("SELECT COUNT(*) FROM {0}, UNNEST(visits)", EXPECTED["visits"]),
        ("SELECT deep.inside.x + pair.a FROM {0}", 16),
        ("SELECT deep.* FROM {0}", EXPECTED["deep"]),
        ("SELECT whole FROM {0} WHERE 'a' IN UNNEST(names)", EXPECTED["whole"] + EXPECTED["names"]),
    ],
)
def test_nested_columns_are_read_one_by_one(meter: Meter, table: str, sql: str, expected: int) -> None:
    assert meter.bytes_of(sql.format(table)) == expected
