"""Values that are not listed: who may ask for them, how a refusal says so, and how they stay up to date."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.bigquery import SchemaField

from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container
from tests.fixtures.functions import FunctionHost

VIEWER = "viewer@example.com"
_NUMBERS = itertools.count(1)
NUMBERS = """\
version: 1
slug: shop
title: Numbers
dataset: shop
refresh: {max_age: 24h, max_stale: 7d}
parameters:
  - {name: p, type: INT64, default: 1, values: [1, 2], allow_other: true}
  - {name: tags, type: ARRAY<STRING>, default: [], allow_other: true}
queries:
  n: {sql: "SELECT COUNT(id) * @p + ARRAY_LENGTH(@tags) AS n FROM numbers WHERE id != -NUMBER"}
charts:
  - {id: n, title: N, query: n, type: table}
"""


def load(bigquery: BigQueryServer, count: int) -> None:
    rows = [{"id": one} for one in range(count)]
    bigquery.load_rows("shop.numbers", [SchemaField("id", "INT64")], rows)


def ask(functions: FunctionHost, parameters: dict[str, object], **more: Any) -> Any:
    email = more.pop("email", VIEWER)
    body = {"slug": "shop", "parameters": parameters, **more}
    return functions.call("precompute", "POST", "/precompute/variant", email=email, json=body).json


def get_n(functions: FunctionHost, query: str) -> int:
    response = functions.call("data", "GET", f"/data/shop?{query}", email=VIEWER)
    assert response.status_code == 200, response.text
    return int(response.json["data"]["queries"]["n"]["values"][0][0])


@pytest.fixture
def numbers(functions: FunctionHost, bigquery: BigQueryServer, people_table: str) -> FunctionHost:
    load(bigquery, 10)
    # A query that no other test asks: BigQuery remembers its jobs when a test's tables are emptied.
    functions.save_shop(NUMBERS.replace("NUMBER", str(next(_NUMBERS))))
    functions.precompute_shop()
    return functions


def test_a_refusal_names_the_call_that_computes_the_variant(numbers: FunctionHost) -> None:
    answer = numbers.call("data", "GET", "/data/shop?p=5&tags=a&tags=it's", email=VIEWER)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")
    remediation = answer.json["error"]["remediation"]
    assert (
        'POST /precompute/variant {"slug": "shop", "parameters": {"p": 5, "tags": ["a", "it\'s"]}}'
        in remediation
    )
    assert "almanac precompute shop --param p=5 --param tags=a --param 'tags=it'\"'\"'s'." in remediation
    assert ask(numbers, {"p": 5, "tags": ["a", "it's"]})["success"]
    assert get_n(numbers, "p=5&tags=a&tags=it's") == 52


def test_texts_are_read_as_in_an_address(numbers: FunctionHost) -> None:
    report = ask(numbers, {"p": "6", "tags": "a"})["data"]["results"][0]
    assert report["queries"][0]["parameters"] == {"p": 6, "tags": ["a"]}
    assert get_n(numbers, "p=6&tags=a") == 61


@pytest.mark.parametrize(("parameters", "force"), [({"p": 2}, False), ({}, False), ({"p": 5}, True)])
def test_only_an_editor_refreshes_listed_values_or_forces(
    numbers: FunctionHost, parameters: dict[str, object], force: bool
) -> None:
    refused = ask(numbers, parameters, force=force)
    assert refused["error"]["code"] == "FORBIDDEN"
    assert "editor" in refused["error"]["message"]
    assert ask(numbers, parameters, force=force, email="editor@example.com")["success"]


def test_a_refresh_takes_along_what_was_read_lately(numbers: FunctionHost, bigquery: BigQueryServer) -> None:
    ask(numbers, {"p": 5})
    assert get_n(numbers, "p=5") == 50
    load(bigquery, 11)
    assert numbers.precompute_shop()["variants_ready"] == 3
    assert (get_n(numbers, "p=1"), get_n(numbers, "p=5")) == (11, 55)


def test_no_more_variants_are_refreshed_than_the_bound_and_each_gets_its_turn(
    numbers: FunctionHost, bigquery: BigQueryServer
) -> None:
    for value in (5, 6):
        ask(numbers, {"p": value})
    numbers.restart_with(max_variants_per_dashboard=3)
    load(bigquery, 11)
    assert numbers.precompute_shop()["variants_ready"] == 3
    ahead = [value for value in (5, 6) if get_n(numbers, f"p={value}") == 11 * value]
    assert len(ahead) == 1
    with numbers.container.database.begin() as uow:
        board = uow.dashboards.get_by_slugs(["shop"])["shop"]
        on_demand = uow.payloads.list_on_demand([board.id], datetime.now(UTC) - timedelta(days=1))
    # The one that was left out was read after it was checked, the other was not: it is the next.
    first = on_demand[board.id][0].parameters["p"]
    assert first not in ahead


def test_what_nobody_reads_any_more_is_left_out(numbers: FunctionHost) -> None:
    ask(numbers, {"p": 5})
    settings = numbers.container.settings
    later = Container(
        settings, lambda: datetime.now(UTC) + timedelta(days=settings.on_demand_refresh_days, hours=1)
    )
    try:
        assert later.precompute.assemble_dashboards(["shop"]) == {"shop": 2}
        assert numbers.container.precompute.assemble_dashboards(["shop"]) == {"shop": 3}
    finally:
        later.database.dispose()
