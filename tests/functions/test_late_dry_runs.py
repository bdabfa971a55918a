"""A dry run that is not answered in time: asked again, named, and no loss to the others."""

import copy
from collections.abc import Iterator

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.servers.oidc import OidcServer
from shared.container import Container, use_container
from shared.settings import Settings
from tests.fixtures.functions import SHOP, FunctionHost
from tests.warehouse.misbehaving import MisbehavingServer

QUERIES = 3
# A dry run that is late is tried once more: BigQuery itself still answers, so it is only slow.
TWICE_LATE = ["hang", "hang"]
OTHER = """\
version: 1
slug: other
title: Other
dataset: shop
queries:
  least: {sql: SELECT MIN(id) AS least FROM people}
charts:
  - {id: least, title: Least, query: least, type: metric, value: least}
"""
BOTH = [{"path": "shop.yaml", "yaml": SHOP}, {"path": "other.yaml", "yaml": OTHER}]


@pytest.fixture
def server(bigquery: BigQueryServer) -> Iterator[MisbehavingServer]:
    """Between the service and BigQuery."""
    with MisbehavingServer(bigquery.endpoint).running() as running:
        yield running


@pytest.fixture
def behind(
    functions: FunctionHost, function_settings: Settings, oidc_server: OidcServer, server: MisbehavingServer
) -> Iterator[FunctionHost]:
    """A host that reaches BigQuery through the server, with one call after the other."""
    changes = {
        "bigquery_endpoint": server.endpoint,
        "warehouse_call_timeout_seconds": 3.0,
        "warehouse_metadata_timeout_seconds": 2.0,
        "warehouse_parallelism": 1,
    }
    container = Container(copy.replace(function_settings, **changes))
    use_container(container)
    yield FunctionHost(container, oidc_server)
    container.database.dispose()


def compile_both(behind: FunctionHost):
    return behind.call("dashboards_compile", "POST", "/dashboards/compile", json={"dashboards": BOTH})


def test_one_that_is_late_once_is_asked_again(behind: FunctionHost, server: MisbehavingServer) -> None:
    server.fail("dry_run", "hang")
    answer = compile_both(behind)
    assert answer.status_code == 200
    assert [one["plan"]["totals"]["queries"] for one in answer.json["data"]["results"]] == [QUERIES, 1]
    assert server.count("dry_run") == QUERIES + 1 + 1


def test_one_that_is_late_twice_costs_its_own_dashboard_the_plan_and_no_other(
    behind: FunctionHost, server: MisbehavingServer
) -> None:
    server.fail("dry_run", *TWICE_LATE)
    answer = compile_both(behind)
    error = answer.json["error"]
    assert (answer.status_code, error["code"]) == (504, "WAREHOUSE_TIMEOUT")
    assert error["details"] == [{"slug": "shop", "query": "names"}]
    assert "Try again" in error["remediation"]
    late, other = answer.json["data"]["results"]
    assert (other["valid"], other["plan"]["totals"]["queries"]) == (True, 1)
    assert (late["valid"], late["plan"]) == (False, None)
    (found,) = late["diagnostics"]
    assert (found["code"], found["pointer"], found["line"]) == ("SQL_NOT_CHECKED", "/queries/names", 9)


def test_a_save_is_all_or_nothing_and_names_who_was_late(
    behind: FunctionHost, server: MisbehavingServer
) -> None:
    server.fail("dry_run", *TWICE_LATE)
    answer = behind.call("dashboards_save", "POST", "/dashboards/save", json={"dashboards": BOTH})
    error = answer.json["error"]
    assert (answer.status_code, error["code"]) == (504, "WAREHOUSE_TIMEOUT")
    assert error["details"] == [{"slug": "shop", "query": "names"}]
    assert error["message"].startswith("Nothing was saved")
    assert behind.call("dashboards_read", "GET", "/dashboards").json["data"]["total"] == 0


def test_silence_is_told_after_the_first_batch_with_the_queries_it_is_about(
    behind: FunctionHost, server: MisbehavingServer
) -> None:
    server.fail("dry_run", *["hang"] * 2 * (QUERIES + 1))
    answer = compile_both(behind)
    error = answer.json["error"]
    assert (answer.status_code, error["code"], answer.json["data"]) == (504, "WAREHOUSE_TIMEOUT", None)
    assert {(one["slug"], one["query"]) for one in error["details"]} == {
        ("shop", "names"),
        ("shop", "count"),
        ("other", "least"),
    }
    assert "Try again" in error["remediation"]


def test_silence_about_a_single_query_is_told_with_the_time_to_come_back(
    behind: FunctionHost, server: MisbehavingServer
) -> None:
    for call in ("dry_run", "other"):
        server.fail(call, *["hang"] * 10)
    body = {"dashboards": BOTH[1:]}
    answer = behind.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
    assert (answer.status_code, answer.json["error"]["code"], answer.json["data"]) == (
        504,
        "WAREHOUSE_TIMEOUT",
        None,
    )
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["error"]["details"] == [{"slug": "other", "query": "least"}]
