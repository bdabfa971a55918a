"""Which columns a query is charged for."""

import pytest

from tests.metering.conftest import Meter

A, B, DAY = 3 * 8, 3 * (2 + 4), 3 * 8  # bytes of the columns of `numbers`
OTHER_A, OTHER_C = 2 * 8, 2 * 1


@pytest.fixture(scope="module")
def place(meter: Meter, dataset: str) -> str:
    meter.run_all(
        [
            f"CREATE TABLE {dataset}.numbers AS SELECT a, 'text' AS b, DATE '2024-01-01' AS day "
            "FROM UNNEST([1, 2, 3]) AS a",
            f"CREATE TABLE {dataset}.other AS SELECT a, TRUE AS c FROM UNNEST([1, 2]) AS a",
            f"CREATE VIEW {dataset}.narrow AS SELECT a, b FROM `local.{dataset}.numbers` WHERE b != ''",
            f"CREATE VIEW {dataset}.narrower AS SELECT a FROM `local.{dataset}.narrow`",
            f"CREATE VIEW {dataset}.joined AS SELECT n.a, n.b, o.c FROM `local.{dataset}.numbers` AS n "
            f"JOIN `local.{dataset}.other` AS o USING (a)",
            f"CREATE TABLE {dataset}.log_2023 AS SELECT 1 AS a, 'xx' AS b",
            f"CREATE TABLE {dataset}.log_2024 AS SELECT a, 'yy' AS b FROM UNNEST([1, 2]) AS a",
        ]
    )
    return dataset


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM {0}.numbers", A),
        ("SELECT A FROM {0}.numbers", A),
        ("SELECT a FROM {0}.numbers WHERE b = 'x'", A + B),
        ("SELECT a FROM {0}.numbers LIMIT 1", A),
        ("SELECT a FROM {0}.numbers ORDER BY day", A + DAY),
        ("SELECT * EXCEPT (b) FROM {0}.numbers", A + DAY),
        ("SELECT COUNT(*) FROM {0}.numbers", 0),
        ("SELECT 1 FROM {0}.numbers", 0),
        ("SELECT 1", 0),
        ("SELECT COUNT(*) AS numbers FROM {0}.numbers ORDER BY numbers", 0),
        ("SELECT a + 1 AS b FROM {0}.numbers ORDER BY b", A),
        ("SELECT a, COUNT(*) FROM {0}.numbers GROUP BY 1 HAVING MAX(day) IS NOT NULL", A + DAY),
        ("SELECT ROW_NUMBER() OVER (PARTITION BY b ORDER BY day) FROM {0}.numbers", B + DAY),
        ("SELECT a FROM {0}.numbers QUALIFY ROW_NUMBER() OVER (PARTITION BY b ORDER BY a) = 1", A + B),
        ("WITH x AS (SELECT * FROM {0}.numbers) SELECT a FROM x", A),
        ("SELECT a FROM (SELECT *, a + 1 AS d FROM {0}.numbers)", A),
        ("WITH numbers AS (SELECT 5 AS a) SELECT a FROM numbers", 0),
        ("WITH numbers AS (SELECT b FROM {0}.numbers) SELECT * FROM numbers", B),
        ("SELECT n.a, o.c FROM {0}.numbers AS n JOIN {0}.other AS o USING (a)", A + OTHER_A + OTHER_C),
        ("SELECT n.a FROM {0}.numbers AS n, {0}.numbers AS m WHERE n.a = m.a", A),
        ("SELECT a FROM {0}.numbers UNION ALL SELECT a FROM {0}.numbers", A),
        (
            "SELECT n.b FROM {0}.numbers AS n WHERE EXISTS (SELECT 1 FROM {0}.other AS o WHERE o.a = n.a)",
            A + B + OTHER_A,
        ),
        ("SELECT a FROM {0}.numbers WHERE a > (SELECT MAX(a) FROM {0}.other)", A + OTHER_A),
        ("SELECT n FROM {0}.numbers AS n", A + B + DAY),
        ("SELECT TO_JSON_STRING(n) FROM {0}.numbers AS n", A + B + DAY),
        ("SELECT a FROM `local.{0}.numbers`", A),
        ("SELECT a FROM `local`.{0}.`numbers`", A),
        ("SELECT a FROM {0}.narrower", A + B),
        ("SELECT c FROM {0}.joined", A + OTHER_A + OTHER_C),
        ("SELECT v.b FROM {0}.narrow AS v", B),
        ("SELECT a FROM `{0}.log_*`", 3 * 8),
        ("SELECT a FROM `{0}.log_*` WHERE _TABLE_SUFFIX = '2024'", 2 * 8),
        ("SELECT a FROM `{0}.log_*` AS l WHERE l._TABLE_SUFFIX BETWEEN '2000' AND '2023'", 8),
    ],
)
def test_only_columns_in_use_are_charged(meter: Meter, place: str, sql: str, expected: int) -> None:
    job = meter.dry_run(sql.format(place))
    assert job.total_bytes_processed == expected
    assert job._properties["statistics"]["query"]["totalBytesProcessedAccuracy"] == "PRECISE"


def test_unqualified_tables_are_found_in_the_default_dataset(meter: Meter, place: str) -> None:
    assert meter.bytes_of("SELECT a FROM numbers", default_dataset=f"local.{place}") == A


def test_a_run_reports_what_its_dry_run_said(meter: Meter, place: str) -> None:
    sql = f"SELECT a, b FROM {place}.numbers"
    job = meter.run(sql)
    assert job.total_bytes_processed == meter.bytes_of(sql) == A + B
    assert job.statement_type == "SELECT"


def test_the_tables_below_a_view_are_the_referenced_tables(meter: Meter, place: str) -> None:
    for job in (meter.dry_run(f"SELECT c FROM {place}.joined"), meter.run(f"SELECT c FROM {place}.joined")):
        assert [table.table_id for table in job.referenced_tables] == ["numbers", "other"]


def test_a_query_that_cannot_be_resolved_is_charged_in_full(meter: Meter, place: str) -> None:
    job = meter.dry_run(f"SELECT {place}.numbers.a FROM {place}.numbers")
    assert job.total_bytes_processed == A + B + DAY
    assert job._properties["statistics"]["query"]["totalBytesProcessedAccuracy"] == "UPPER_BOUND"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO {0}.other SELECT a, TRUE FROM {0}.numbers", A),
        ("CREATE TABLE {0}.made AS SELECT b FROM {0}.numbers", B),
        ("DELETE FROM {0}.other WHERE a = 9", 2 * (OTHER_A + OTHER_C)),
        ("DROP TABLE {0}.other", 0),
    ],
)
def test_statements_that_write_are_charged_for_what_they_read(
    meter: Meter, place: str, sql: str, expected: int
) -> None:
    assert meter.bytes_of(sql.format(place)) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TEMP FUNCTION twice(x INT64) AS (x * 2); SELECT twice(a) FROM {0}.numbers", A),
        ("DECLARE least INT64 DEFAULT 1; SELECT b FROM {0}.numbers WHERE a > least", A + B),
        ("SELECT a FROM {0}.numbers; SELECT c FROM {0}.other;", A + OTHER_C),
    ],
)
def test_the_statements_of_a_script_are_charged_together(
    meter: Meter, place: str, sql: str, expected: int
) -> None:
    assert meter.run(sql.format(place)).total_bytes_processed == expected


def test_a_table_function_is_charged_for_all_columns_of_its_tables(meter: Meter, place: str) -> None:
    meter.run(
        f"CREATE OR REPLACE TABLE FUNCTION {place}.above(least INT64) AS "
        f"SELECT a FROM `local.{place}.numbers` WHERE a >= least"
    )
    job = meter.dry_run(f"SELECT n.b FROM {place}.above(2) AS f JOIN {place}.numbers AS n ON n.a = f.a")
    assert job.total_bytes_processed == A + B + DAY


def test_metadata_views_cost_the_minimum(meter: Meter, place: str) -> None:
    assert meter.bytes_of(f"SELECT table_name FROM {place}.INFORMATION_SCHEMA.TABLES") == 10 * 1024**2
