"""Every type to its ends through the whole service: saved, computed, served as JSON and Arrow, and run by a person."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from deploy.local.servers.oidc import OidcServer
from shared.container import Container, use_container
from shared.settings import Settings
from tests.fixtures.bigquery import BigQueryServer
from tests.fixtures.functions import FunctionHost
from tests.fixtures.google import stand_at_google
from tests.precompute.extremes import BEYOND_ARROW, EXTREMES
from tests.precompute.test_type_extremes import name_type, same
from tests.warehouse.google_shape import GoogleShape
from tests.warehouse.misbehaving import MisbehavingServer

ENDS = (*EXTREMES, *BEYOND_ARROW)
DASHBOARD = """\
version: 1
slug: shop
title: Every type
queries:
  ends: {sql: SELECT 1 AS one}
charts:
  - {id: ends, title: Ends, query: ends, type: table}
"""


@dataclass
class EveryType(GoogleShape):
    """Answers each query with one row, which has a column for each end of each type."""

    def shape(self, method: str, path: str, sent: bytes, status: int, answer: bytes) -> bytes:
        """As Google would give it; most of these values the emulator cannot produce."""
        body = json.loads(super().shape(method, path, sent, status, answer) or b"{}")
        schema = {"fields": [one.field.to_api_repr() for one in ENDS]}
        if "statistics" in body:
            body["statistics"]["query"]["schema"] = schema
        if "/queries/" in path:
            body["schema"] = schema
        if "totalRows" in body:
            body["rows"] = [{"f": [{"v": one.cell} for one in ENDS]}]
        return json.dumps(body).encode()


@pytest.fixture
def host(
    functions: FunctionHost, function_settings: Settings, oidc_server: OidcServer, bigquery: BigQueryServer
) -> Iterator[FunctionHost]:
    """A service whose BigQuery has every type."""
    with MisbehavingServer(bigquery.endpoint, EveryType()).running() as server:
        container = Container(stand_at_google(function_settings, server))
        use_container(container)
        yield FunctionHost(container, oidc_server)
        container.warehouse_clients.rest.close()
        container.database.dispose()


def spell_out(column: Any) -> list[Any]:
    if isinstance(column, dict):
        return [None if code is None else column["dictionary"][code] for code in column["codes"]]
    return list(column)


def test_every_type_is_served_to_its_ends(host: FunctionHost) -> None:
    host.save_shop(DASHBOARD)
    assert host.precompute_shop()["totals"]["refreshed"] == 1
    ends = json.loads(host.call("data", "GET", "/data/shop").text)["data"]["queries"]["ends"]
    assert [one["name"] for one in ends["columns"]] == [one.name for one in ENDS]
    served = dict(zip([one.name for one in ENDS], map(spell_out, ends["values"]), strict=True))
    wrong = {one.name: served[one.name] for one in ENDS if not same(served[one.name], [one.expected])}
    assert wrong == {}
    stream = host.call(
        "data", "GET", "/data/shop?query=ends", headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    table = pa.ipc.open_stream(stream.data).read_all()
    for index, one in enumerate(ENDS):
        assert same(table.column(index).to_pylist(), [one.python]), one.name
        assert name_type(table.schema.field(index).type) == name_type(one.arrow.type)


def test_every_type_is_answered_to_its_ends_to_who_runs_a_query(host: FunctionHost) -> None:
    answer = host.call("sql_run", "POST", "/sql/run", json={"sql": "SELECT 1 AS one"})
    assert answer.status_code == 200, answer.text
    (row,) = json.loads(answer.text)["data"]["rows"]
    wrong = {one.name: value for one, value in zip(ENDS, row, strict=True) if not same(value, one.expected)}
    assert wrong == {}
