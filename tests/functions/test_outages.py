"""A part that is down: a clear code within seconds, nothing lost, and service resumes by itself."""

import copy
import socket
import time
from collections.abc import Iterator

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.servers.oidc import OidcServer
from deploy.local.supervision.process import pick_free_port
from shared.container import Container, use_container
from shared.settings import Settings
from tests.fixtures.functions import SHOP, FunctionHost

SECONDS = 6
# What a caller waits for the first call that a silent part does not answer; later ones are not made.
FIRST_SECONDS = 2
SQL = {"sql": "SELECT COUNT(*) AS n FROM people WHERE id > 3", "dataset": "shop"}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def crippled(function_settings: Settings, oidc_server: OidcServer) -> Iterator[FunctionHost]:
    """A host whose settings a test may point at nothing before its first call."""
    host = FunctionHost(Container(function_settings), oidc_server)
    use_container(host.container)
    yield host
    use_container(None)
    host.container.database.dispose()


def test_postgresql_down_is_a_503_within_seconds(crippled: FunctionHost) -> None:
    nowhere = f"postgresql+pg8000://almanac:almanac@127.0.0.1:{pick_free_port()}/almanac"
    crippled.restart_with(database_url=Settings(database_url=nowhere).database_url)
    before = time.monotonic()
    response = crippled.call("dashboards_read", "GET", "/dashboards")
    assert time.monotonic() - before < SECONDS
    assert (response.status_code, response.json["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")


def test_an_identity_provider_that_is_down_is_a_503_for_whoever_must_be_checked(
    crippled: FunctionHost,
) -> None:
    crippled.restart_with(oidc_discovery_url=f"http://127.0.0.1:{pick_free_port()}/nothing")
    before = time.monotonic()
    response = crippled.call("dashboards_read", "GET", "/dashboards")
    assert time.monotonic() - before < SECONDS
    assert (response.status_code, response.json["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")


def test_a_cache_that_is_down_is_passed_over(functions: FunctionHost, crippled: FunctionHost) -> None:
    nowhere = Settings(cache_url=f"redis://127.0.0.1:{pick_free_port()}/0").cache_url
    crippled.restart_with(cache_url=nowhere)
    crippled.save_shop()
    assert crippled.precompute_shop()["variants_ready"] == 2
    before = time.monotonic()
    assert crippled.call("data", "GET", "/data/shop").status_code == 200
    assert time.monotonic() - before < SECONDS


def test_a_cache_that_falls_silent_is_waited_for_once(
    functions: FunctionHost, crippled: FunctionHost, silent_port: int
) -> None:
    crippled.restart_with(cache_url=Settings(cache_url=f"redis://127.0.0.1:{silent_port}/0").cache_url)
    crippled.save_shop()
    assert crippled.precompute_shop()["variants_ready"] == 2
    del crippled.container.cache  # the next call is a new process's first
    before = time.monotonic()
    assert crippled.call("data", "GET", "/data/shop").status_code == 200
    assert time.monotonic() - before < FIRST_SECONDS
    before = time.monotonic()
    for _ in range(10):
        assert crippled.call("data", "GET", "/data/shop").status_code == 200
    assert (time.monotonic() - before) / 10 < 0.1


@pytest.mark.parametrize(
    ("function", "path", "body"),
    [
        ("sql_run", "/sql/run", SQL),
        ("dashboards_compile", "/dashboards/compile", {"dashboards": [{"path": "shop.yaml", "yaml": SHOP}]}),
    ],
)
def test_a_silent_bigquery_is_told_within_seconds_and_then_at_once(
    crippled: FunctionHost, silent_port: int, function: str, path: str, body: dict[str, object]
) -> None:
    silent_endpoint = f"http://127.0.0.1:{silent_port}"
    crippled.restart_with(bigquery_endpoint=silent_endpoint, warehouse_metadata_timeout_seconds=1.0)
    silent, alone = (504, "WAREHOUSE_TIMEOUT"), (503, "WAREHOUSE_UNAVAILABLE")
    # A compile asks once more about what was late, which is then not tried any more.
    for allowed_seconds, expected in ((SECONDS, {silent, alone}), (1, {alone})):
        before = time.monotonic()
        response = crippled.call(function, "POST", path, json=body)
        assert time.monotonic() - before < allowed_seconds
        assert (response.status_code, response.json["error"]["code"]) in expected
        assert "Make the query cheaper" not in response.json["error"]["remediation"]


def test_a_refresh_meets_a_silent_bigquery_once(
    functions: FunctionHost, function_settings: Settings, silent_port: int
) -> None:
    functions.save_shop()
    functions.precompute_shop()
    changes = {
        "bigquery_endpoint": f"http://127.0.0.1:{silent_port}",
        "warehouse_metadata_timeout_seconds": 1.0,
        "warehouse_parallelism": 1,
    }
    host = FunctionHost(Container(copy.replace(function_settings, **changes)), functions.oidc)
    use_container(host.container)
    before = time.monotonic()
    report = host.precompute_shop(force=True)
    assert time.monotonic() - before < SECONDS
    assert {query["status"] for query in report["queries"]} == {"kept_previous"}
    host.container.database.dispose()


def test_bigquery_down_is_a_503_within_seconds_and_service_resumes(
    functions: FunctionHost, bigquery: BigQueryServer
) -> None:
    functions.save_shop()
    functions.precompute_shop()
    bigquery.gate.stop()
    try:
        before = time.monotonic()
        response = functions.call("sql_run", "POST", "/sql/run", json=SQL)
        assert time.monotonic() - before < SECONDS
        assert (response.status_code, response.json["error"]["code"]) == (503, "WAREHOUSE_UNAVAILABLE")
        assert functions.call("data", "GET", "/data/shop").status_code == 200
    finally:
        bigquery.gate.start()
        bigquery.gate.wait_ready()
    assert functions.call("sql_run", "POST", "/sql/run", json=SQL).json["data"]["rows"] == [[496]]


def test_a_refresh_while_bigquery_is_down_keeps_the_good_answers(
    functions: FunctionHost, bigquery: BigQueryServer
) -> None:
    functions.save_shop()
    functions.precompute_shop()
    as_of = functions.call("data", "GET", "/data/shop").json["data"]["as_of"]
    bigquery.gate.stop()
    try:
        report = functions.precompute_shop(force=True)
    finally:
        bigquery.gate.start()
        bigquery.gate.wait_ready()
    assert {query["status"] for query in report["queries"]} == {"kept_previous"}
    data = functions.call("data", "GET", "/data/shop").json["data"]
    assert (data["as_of"], data["stale"]) == (as_of, True)
    assert functions.precompute_shop(force=True)["totals"]["refreshed"] == 3
    assert not functions.call("data", "GET", "/data/shop").json["data"]["stale"]
