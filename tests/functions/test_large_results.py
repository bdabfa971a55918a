"""Results of many bytes: a refresh that says what is too large, and a sample that ends where it must."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from shared.container import Container, use_container
from tests.fixtures.functions import FunctionHost

LIMIT = 100_000
WIDE = """\
version: 1
slug: shop
title: Wide rows
dataset: shop
queries:
  wide:
    sql: |
      SELECT n, REPEAT(CAST(n AS STRING), {length}) AS text
      FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS n WHERE '{{unique}}' != ''
    max_rows: {rows}
charts:
  - {{{{id: wide, title: Wide, query: wide, type: table}}}}
"""


@pytest.fixture
def bounded(functions: FunctionHost) -> Iterator[FunctionHost]:
    """A host that keeps payloads of at most `LIMIT` bytes."""
    container = Container(copy.replace(functions.container.settings, max_payload_bytes=LIMIT))
    use_container(container)
    yield FunctionHost(container, functions.oidc)
    use_container(functions.container)
    container.database.dispose()


def write(rows: int, length: int, unique: str) -> str:
    return WIDE.format(rows=rows, length=length).format(unique=unique)


@pytest.mark.parametrize(("rows", "length", "storage_read_min_rows"), [(90, 5000, 5000), (900, 500, 100)])
def test_a_result_over_its_bound_is_read_no_further_and_refused_with_its_place(
    bounded: FunctionHost, rows: int, length: int, storage_read_min_rows: int
) -> None:
    bounded.restart_with(storage_read_min_rows=storage_read_min_rows)
    bounded.save_shop(write(rows, length, "over"))
    report = bounded.precompute_shop()
    (query,) = report["queries"]
    assert (query["status"], query["error"]["code"]) == ("failed", "PAYLOAD_TOO_LARGE")
    assert query["error"]["message"].startswith("The result of wide is too large: its first ")
    assert f" of {rows} rows have more than {4 * LIMIT} bytes" in query["error"]["message"]
    assert "max_rows" in query["error"]["remediation"]
    # The job ran, and its receipt says so.
    assert query["job_id"]
    missing = bounded.call("data", "GET", "/data/shop")
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")


def test_a_result_that_grew_over_its_bound_leaves_the_last_good_one(bounded: FunctionHost) -> None:
    bounded.save_shop(write(50, 1000, "grows"))
    assert bounded.precompute_shop()["queries"][0]["status"] == "refreshed"
    before = read_data(bounded)
    bounded.restart_with(max_payload_bytes=10_000)
    (query,) = bounded.precompute_shop(force=True)["queries"]
    assert (query["status"], query["error"]["code"]) == ("kept_previous", "PAYLOAD_TOO_LARGE")
    after = read_data(bounded)
    assert after["queries"]["wide"]["values"] == before["queries"]["wide"]["values"]
    assert after["queries"]["wide"]["refresh_error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_a_result_that_is_too_large_only_encoded_says_so(bounded: FunctionHost) -> None:
    bounded.save_shop(write(150, 1000, "encoded"))
    (query,) = bounded.precompute_shop()["queries"]
    assert (query["status"], query["error"]["code"]) == ("failed", "PAYLOAD_TOO_LARGE")
    assert query["error"]["message"] == (
        f"The result of wide has more than {LIMIT} bytes encoded; at most {LIMIT} are kept."
    )


def test_texts_that_repeat_may_take_more_before_they_are_encoded(bounded: FunctionHost) -> None:
    repeated = write(300, 1000, "repeats").replace("CAST(n AS STRING)", "'x'")
    bounded.save_shop(repeated)
    assert bounded.precompute_shop()["queries"][0]["status"] == "refreshed"
    values = read_data(bounded)["queries"]["wide"]["values"]
    assert values[1] == {"dictionary": ["x" * 1000], "codes": [0] * 300}


def test_a_sample_ends_at_ten_megabytes_and_says_that_rows_are_missing(functions: FunctionHost) -> None:
    sql = "SELECT REPEAT('x', 1000000) AS text FROM UNNEST(GENERATE_ARRAY(1, 1000)) LIMIT 100"
    response = functions.call("sql_run", "POST", "/sql/run", json={"sql": sql})
    assert response.status_code == 200, response.text
    data = response.json["data"]
    assert (data["truncated"], data["total_rows"]) == (True, 100)
    assert 5 <= len(data["rows"]) <= 10
    assert {len(row[0]) for row in data["rows"]} == {1_000_000}


def read_data(host: FunctionHost) -> dict[str, Any]:
    response = host.call("data", "GET", "/data/shop")
    assert response.status_code == 200, response.text
    return dict(response.json["data"])
