"""Every BigQuery type from the emulator to the payload's JSON."""

import json
from typing import Any

import pytest

from shared.container import Container
from shared.errors import AlmanacError
from shared.precompute.payload.encoding import close_fragment, iterate_encoded, to_json_rows
from shared.warehouse.models.queries import QueryOutcome, QueryRequest
from shared.warehouse.sql_runs import SqlQuery
from tests.fixtures.containers import restart_with
from tests.precompute.every_type import EXPECTED_COLUMNS, EXPECTED_VALUES, SELECT_EVERY_TYPE


def run(container: Container, sql: str, max_rows: int = 10_000) -> QueryOutcome:
    answer = container.warehouse.run_queries([QueryRequest(sql, default_dataset="shop", max_rows=max_rows)])[
        0
    ]
    if isinstance(answer, AlmanacError):
        raise answer
    return answer


def run_for_people(container: Container, sql: str) -> list[list[Any]]:
    """The rows of `/sql/run`."""
    query = SqlQuery(sql, (), "shop", None, dry_run=False, sample_rows=100)
    (answer,) = container.sql_runs.run_queries([query], actor="ana@example.com")
    assert isinstance(answer, QueryOutcome)
    return to_json_rows(answer.fields, answer.result.rows)


def encode(outcome: QueryOutcome) -> dict[str, Any]:
    fragment = b"".join(iterate_encoded(outcome.fields, outcome.result))
    return json.loads(close_fragment(fragment, "2024-01-01T00:00:00.000Z", None))


CASES = [
    ("INT64", "SELECT 42 AS v", 42),
    ("INT64", "SELECT 9007199254740993 AS v", "9007199254740993"),
    ("FLOAT64", "SELECT 1.5 AS v", 1.5),
    ("FLOAT64", "SELECT CAST('nan' AS FLOAT64) AS v", "NaN"),
    ("FLOAT64", "SELECT CAST('-inf' AS FLOAT64) AS v", "-Infinity"),
    ("BOOL", "SELECT TRUE AS v", True),
    ("STRING", "SELECT 'naïve \"q\" \\n 😀' AS v", 'naïve "q" \n 😀'),
    ("BYTES", "SELECT b'hi\\x00' AS v", "aGkA"),
    ("NUMERIC", "SELECT NUMERIC '12.50' AS v", "12.5"),
    ("NUMERIC", "SELECT NUMERIC '100' AS v", "100"),
    (
        "BIGNUMERIC",
        "SELECT BIGNUMERIC '1.123456789012345678901234567890' AS v",
        "1.12345678901234567890123456789",
    ),
    ("DATE", "SELECT DATE '2024-02-29' AS v", "2024-02-29"),
    ("TIME", "SELECT TIME '06:07:08.123456' AS v", "06:07:08.123456"),
    ("DATETIME", "SELECT DATETIME '2024-02-29 06:07:08' AS v", "2024-02-29T06:07:08"),
    ("TIMESTAMP", "SELECT TIMESTAMP '2024-02-29 06:07:08.000001+02:00' AS v", "2024-02-29T04:07:08.000001Z"),
    ("JSON", "SELECT JSON '{\"a\": 1}' AS v", {"a": 1}),
    ("ARRAY<INT64>", "SELECT [1, 2] AS v", [1, 2]),
    ("ARRAY<STRING>", "SELECT ARRAY<STRING>[] AS v", []),
    ("STRUCT<a INT64, b STRING>", "SELECT STRUCT(1 AS a, 'x' AS b) AS v", {"a": 1, "b": "x"}),
    ("ARRAY<STRUCT<d DATE>>", "SELECT [STRUCT(DATE '2024-01-02' AS d)] AS v", [{"d": "2024-01-02"}]),
]


@pytest.mark.parametrize(("type_name", "sql", "expected"), CASES, ids=[case[1][7:40] for case in CASES])
def test_a_type_reaches_the_payload(container: Container, type_name: str, sql: str, expected: object) -> None:
    encoded = encode(run(container, sql))
    assert encoded["columns"] == [{"name": "v", "type": type_name}]
    value = encoded["values"][0][0]
    assert (json.loads(value) if type_name == "JSON" else value) == expected


@pytest.mark.parametrize("type_name", ["INT64", "STRING", "DATE", "NUMERIC", "TIMESTAMP", "FLOAT64", "BYTES"])
def test_null_is_null(container: Container, type_name: str) -> None:
    assert encode(run(container, f"SELECT CAST(NULL AS {type_name}) AS v"))["values"] == [[None]]


def test_strings_that_repeat_are_dictionary_encoded(container: Container) -> None:
    sql = "SELECT IF(MOD(id, 2) = 0, 'an even number', NULL) AS v FROM people ORDER BY id LIMIT 100"
    column = encode(run(container, sql))["values"][0]
    assert column["dictionary"] == ["an even number"]
    assert column["codes"][:3] == [0, None, 0]


def test_strings_that_do_not_repeat_are_plain(container: Container) -> None:
    column = encode(run(container, "SELECT name AS v FROM people ORDER BY id LIMIT 3"))["values"][0]
    assert column == ["name 0", "name 1", "name 2"]


def test_a_result_over_max_rows_is_truncated_and_says_so(container: Container) -> None:
    encoded = encode(run(container, "SELECT id FROM people ORDER BY id", max_rows=5))
    assert (encoded["rows"], encoded["truncated"], encoded["values"]) == (5, True, [[0, 1, 2, 3, 4]])


def test_rows_for_people_have_the_same_values(container: Container) -> None:
    sql = "SELECT id, day FROM people ORDER BY id LIMIT 2"
    assert run_for_people(container, sql) == [[0, "2024-01-01"], [1, "2024-01-02"]]
    every = dict(zip([column["name"] for column in EXPECTED_COLUMNS], EXPECTED_VALUES.values(), strict=True))
    assert run_for_people(container, SELECT_EVERY_TYPE) == [[column[0] for column in every.values()]]


def test_both_ways_of_reading_give_the_same_bytes(container: Container) -> None:
    sql = (
        "SELECT id, name, day, NUMERIC '1.5' AS n, TIMESTAMP(day) AS t, [id] AS a, STRUCT(id AS x) AS s "
        "FROM people ORDER BY id LIMIT 200"
    )
    by_rest = run(container, sql)
    by_storage = run(restart_with(container, storage_read_min_rows=10), sql + " -- again")
    assert (by_rest.result.read_by, by_storage.result.read_by) == ("rest", "storage_read")
    assert encode(by_rest) == encode(by_storage)


@pytest.mark.parametrize("by_storage", [False, True])
def test_every_type_keeps_its_value(container: Container, by_storage: bool) -> None:
    if by_storage:
        container = restart_with(container, storage_read_min_rows=1)
    outcome = run(container, f"{SELECT_EVERY_TYPE} -- {by_storage}")
    assert outcome.result.read_by == ("storage_read" if by_storage else "rest")
    encoded = encode(outcome)
    assert encoded["columns"] == EXPECTED_COLUMNS
    names = [column["name"] for column in encoded["columns"]]
    assert dict(zip(names, encoded["values"], strict=True)) == EXPECTED_VALUES


@pytest.mark.parametrize("by_storage", [False, True])
@pytest.mark.parametrize("hours", [3_000_000, 87_840_000, -87_840_000])
def test_an_interval_beyond_what_arrow_holds_is_itself(
    container: Container, hours: int, by_storage: bool
) -> None:
    if by_storage:
        container = restart_with(container, storage_read_min_rows=1)
    outcome = run(container, f"SELECT INTERVAL {hours} HOUR AS v -- {by_storage}")
    text = f"0-0 0 {hours}:0:0"
    assert encode(outcome)["values"] == [[text]]
    assert run_for_people(container, f"SELECT INTERVAL {hours} HOUR AS v") == [[text]]


def test_no_rows_have_every_type_too(container: Container) -> None:
    encoded = encode(run(container, f"SELECT * FROM ({SELECT_EVERY_TYPE}) WHERE FALSE"))
    assert (encoded["columns"], encoded["rows"]) == (EXPECTED_COLUMNS, 0)


def test_batches_of_many_megabytes_are_read(container: Container) -> None:
    sql = "SELECT REPEAT('x', 1000) AS v FROM UNNEST(GENERATE_ARRAY(1, 10000))"
    outcome = run(container, sql)
    assert (outcome.result.read_by, outcome.result.table.num_rows) == ("storage_read", 10_000)
    assert outcome.result.table.nbytes > 8 * 2**20
