"""Tables in another location than the jobs: BigQuery says they were not found, and the service where they are."""

import copy
from collections.abc import Iterator

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.servers.oidc import OidcServer
from shared.container import Container, use_container
from shared.settings import Settings
from tests.fixtures.functions import SHOP, FunctionHost
from tests.warehouse.misbehaving import MisbehavingServer

# As BigQuery answers: https://cloud.google.com/bigquery/docs/locations#specify_locations
ELSEWHERE = "404 notFound Not found: Dataset local:shop was not found in location EU"


@pytest.fixture
def server(bigquery: BigQueryServer) -> Iterator[MisbehavingServer]:
    """Between the service and BigQuery."""
    with MisbehavingServer(bigquery.endpoint).running() as running:
        yield running


@pytest.fixture
def in_europe(
    functions: FunctionHost, function_settings: Settings, oidc_server: OidcServer, server: MisbehavingServer
) -> Iterator[FunctionHost]:
    """A service whose jobs run in EU; the emulator's datasets are in US."""
    container = Container(
        copy.replace(function_settings, bigquery_endpoint=server.endpoint, bigquery_location="EU")
    )
    use_container(container)
    yield FunctionHost(container, oidc_server)
    container.database.dispose()


def compile_one(host: FunctionHost, text: str = SHOP) -> tuple[int, list[dict[str, object]]]:
    items = [{"path": "shop.yaml", "yaml": text}]
    answer = host.call("dashboards_compile", "POST", "/dashboards/compile", json={"dashboards": items})
    return answer.status_code, answer.json["data"]["results"][0]["diagnostics"]


def test_compile_refuses_it_at_its_table_and_says_where_it_is(
    in_europe: FunctionHost, server: MisbehavingServer
) -> None:
    server.fail("dry_run", *[ELSEWHERE] * 9)
    status, found = compile_one(in_europe)
    assert status == 422
    assert {one["code"] for one in found} == {"SQL_REFUSED"}
    first = found[0]
    assert first["message"] == "shop is in US, and this service's jobs run in EU, where it cannot be read"
    assert "Read a copy of it in EU" in first["remediation"]
    assert "BIGQUERY_LOCATION is US" in first["remediation"]
    line = SHOP.splitlines()[first["line"] - 1]
    assert line[first["column"] - 1 :].startswith("people")


def test_where_bigquery_does_not_tell_both_ways_out_are_named(
    in_europe: FunctionHost, server: MisbehavingServer
) -> None:
    server.fail("dry_run", *[ELSEWHERE] * 9)
    server.fail("other", *["403 accessDenied"] * 9)
    status, found = compile_one(in_europe)
    assert status == 422
    assert "was not found in location EU" in found[0]["message"]
    assert found[0]["remediation"].startswith("Correct the name of the dataset.")
    assert "BIGQUERY_LOCATION" in found[0]["remediation"]
    assert found[0]["line"] == next(n for n, line in enumerate(SHOP.splitlines(), 1) if "FROM people" in line)
