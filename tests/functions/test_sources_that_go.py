"""Sources that go, move, expire or stand behind a wildcard: what a refresh and a plan say of them.

Each on the gate as it is and on BigQuery as Google plays it.
"""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.bigquery import SchemaField, Table, TimePartitioning

from deploy.local.alone.bigquery import BigQueryServer
from tests.fixtures.functions import FunctionHost
from tests.functions.test_freshness import (
    get_data,
    list_reasons,
    load,
    make_view,
    move_clock,
    write_dashboard,
)
from tests.warehouse.misbehaving import MisbehavingServer

UNCHANGED = {("skipped_unchanged", "no source table changed")}
CHANGED = {("refreshed", "a source table changed")}
_NUMBERS = itertools.count(1)


@pytest.fixture(params=["gate", "google"])
def host(request: pytest.FixtureRequest) -> FunctionHost:
    name = {"gate": "functions", "google": "functions_at_google"}[request.param]
    built: FunctionHost = request.getfixturevalue(name)
    return built


def new_name(stem: str) -> str:
    """A table of this test alone."""
    return f"{stem}{next(_NUMBERS)}"


def refresh(host: FunctionHost, sql: str) -> dict[str, Any]:
    host.save_shop(write_dashboard(n=sql))
    report = host.precompute_shop()
    assert report["totals"]["refreshed"] == 1, report
    return report


def drop(bigquery: BigQueryServer, table: str) -> None:
    bigquery.client().delete_table(f"{bigquery.project}.shop.{table}", timeout=30)


def find_unwatched(host: FunctionHost, sql: str) -> dict[str, str]:
    """What a plan says of sources that cannot be watched, by their short names."""
    items = [{"path": "shop.yaml", "yaml": write_dashboard(n=sql)}]
    answer = host.call("dashboards_compile", "POST", "/dashboards/compile", json={"dashboards": items})
    assert answer.status_code == 200, answer.text
    (query,) = answer.json["data"]["results"][0]["plan"]["queries"]
    return {one["table"].rpartition(".")[2]: one["reason"] for one in query["unwatched"]}


class TestASourceThatIsGone:
    def check_lost(self, host: FunctionHost, missing: str) -> None:
        """The next refresh, within max_age, says so, bills nothing and keeps the answer."""
        before = get_data(host)
        report = host.precompute_shop()
        (query,) = report["queries"]
        assert (query["status"], query["error"]["code"]) == ("kept_previous", "SQL_INVALID")
        assert query["reason"].startswith("Not found: ")
        assert missing in query["reason"]
        assert query["error"]["remediation"]
        assert report["totals"]["bytes_billed"] == 0
        after = get_data(host)
        assert after["stale"]
        assert after["queries"]["n"]["values"] == before["queries"]["n"]["values"]
        assert after["queries"]["n"]["refresh_error"]["message"] == query["reason"]

    def test_is_said_at_once_and_again_until_it_is_back(
        self, host: FunctionHost, bigquery: BigQueryServer, people_table: str
    ) -> None:
        name = new_name("leaving")
        load(bigquery, name, 3)
        refresh(host, f"SELECT COUNT(id) AS n FROM {name}")
        drop(bigquery, name)
        for _ in range(2):
            self.check_lost(host, name)
        load(bigquery, name, 3)
        assert {status for status, _ in list_reasons(host.precompute_shop())} == {"refreshed"}
        assert not get_data(host)["stale"]

    @pytest.mark.parametrize("gone", ["base", "inner", "outer"])
    def test_is_said_also_of_views_and_of_what_is_below_them(
        self, functions_at_google: FunctionHost, bigquery: BigQueryServer, people_table: str, gone: str
    ) -> None:
        base, inner, outer = (new_name(stem) for stem in ("base", "inner", "outer"))
        load(bigquery, base, 2)
        make_view(bigquery, inner, "SELECT id FROM", base)
        make_view(bigquery, outer, "SELECT id FROM", inner)
        refresh(functions_at_google, f"SELECT COUNT(id) AS n FROM {outer}")
        missing = {"base": base, "inner": inner, "outer": outer}[gone]
        drop(bigquery, missing)
        self.check_lost(functions_at_google, missing)

    @pytest.mark.parametrize(
        "select", ["SELECT COUNT(id) AS n FROM {} WHERE CURRENT_DATE() > '2020-01-01'", "expiring"]
    )
    def test_is_said_also_where_changes_cannot_be_watched(
        self, host: FunctionHost, bigquery: BigQueryServer, people_table: str, select: str
    ) -> None:
        name = new_name("unwatched")
        load(bigquery, name, 2)
        if select == "expiring":
            let_expire(bigquery, name)
            select = "SELECT COUNT(id) AS n FROM {}"
        refresh(host, select.format(name))
        assert "younger than max_age" in next(reason for _, reason in list_reasons(host.precompute_shop()))
        drop(bigquery, name)
        self.check_lost(host, name)

    @pytest.mark.parametrize("fact", ["external", "row-level security"])
    def test_is_said_of_external_tables_and_of_those_with_row_level_security(
        self,
        functions_at_google: FunctionHost,
        google: MisbehavingServer,
        bigquery: BigQueryServer,
        people_table: str,
        fact: str,
    ) -> None:
        name = new_name("outside")
        load(bigquery, name, 2)
        assert google.shape is not None
        if fact == "external":
            google.shape.tables[name] = {"type": "EXTERNAL"}
            google.shape.accuracy = "LOWER_BOUND"
        else:
            google.shape.hides_bytes = True
        refresh(functions_at_google, f"SELECT COUNT(id) AS n FROM {name}")
        ((status, reason),) = list_reasons(functions_at_google.precompute_shop())
        assert status == "skipped_unchanged"
        assert "cannot be watched" in reason
        drop(bigquery, name)
        self.check_lost(functions_at_google, name)

    def test_under_another_name_is_offered(
        self, host: FunctionHost, bigquery: BigQueryServer, people_table: str
    ) -> None:
        name = new_name("quarterly_revenue")
        load(bigquery, name, 2)
        refresh(host, f"SELECT COUNT(id) AS n FROM {name}")
        drop(bigquery, name)
        load(bigquery, f"{name}_eu", 2)
        self.check_lost(host, name)
        assert host.precompute_shop()["queries"][0]["error"]["remediation"] == f"Did you mean {name}_eu?"

    def test_to_another_location_is_said_with_the_locations(
        self,
        functions_at_google: FunctionHost,
        google: MisbehavingServer,
        bigquery: BigQueryServer,
        people_table: str,
    ) -> None:
        name = new_name("moving")
        load(bigquery, name, 2)
        refresh(functions_at_google, f"SELECT COUNT(id) AS n FROM {name}")
        assert list_reasons(functions_at_google.precompute_shop()) == UNCHANGED
        assert google.shape is not None
        google.shape.tables[name] = {"location": "EU"}
        google.fail("dry_run", "404 notFound Not found: Dataset local:shop was not found in location US")
        (query,) = functions_at_google.precompute_shop()["queries"]
        assert (query["status"], query["error"]["code"]) == ("kept_previous", "SQL_INVALID")
        assert "shop" in query["reason"]
        assert "location" in query["error"]["remediation"]

    def test_and_is_back_under_its_name_is_another_table(
        self, host: FunctionHost, bigquery: BigQueryServer, people_table: str
    ) -> None:
        name = new_name("reborn")
        load(bigquery, name, 2)
        refresh(host, f"SELECT COUNT(id) AS n FROM {name}")
        drop(bigquery, name)
        load(bigquery, name, 2)
        assert list_reasons(host.precompute_shop()) == CHANGED


class TestAWildcard:
    @pytest.fixture
    def shards(self, bigquery: BigQueryServer, people_table: str) -> str:
        """Two tables of days, a view of both, and a view of the view; the stem of their names."""
        stem = new_name("events")
        for day in ("20240101", "20240102"):
            load(bigquery, f"{stem}_{day}", 1)
        make_view(bigquery, f"v_{stem}", "SELECT id FROM", f"{stem}_*")
        make_view(bigquery, f"w_{stem}", "SELECT id FROM", f"v_{stem}")
        return stem

    @pytest.mark.parametrize("source", ["`{}_*`", "v_{}", "w_{}"])
    def test_is_watched_over_the_tables_it_stands_for(
        self, host: FunctionHost, bigquery: BigQueryServer, shards: str, source: str, request: Any
    ) -> None:
        if "functions_at_google" in request.fixturenames:
            server: MisbehavingServer = request.getfixturevalue("google")
            assert server.shape is not None
            server.shape.wildcards = [f"{shards}_"]
        sql = f"SELECT COUNT(id) AS n FROM {source.format(shards)}"
        assert find_unwatched(host, sql) == {}
        refresh(host, sql)
        assert list_reasons(host.precompute_shop()) == UNCHANGED

        load(bigquery, f"{shards}_20240102", 5)
        assert list_reasons(host.precompute_shop()) == CHANGED
        assert get_data(host)["queries"]["n"]["values"] == [[6]]
        assert list_reasons(host.precompute_shop()) == UNCHANGED
        load(bigquery, f"{shards}_20240103", 2)
        assert list_reasons(host.precompute_shop()) == CHANGED
        if "*" not in source:
            return  # a view of the emulator's reads for ever the tables there were when it was made
        assert get_data(host)["queries"]["n"]["values"] == [[8]]
        drop(bigquery, f"{shards}_20240101")
        assert list_reasons(host.precompute_shop()) == CHANGED
        assert get_data(host)["queries"]["n"]["values"] == [[7]]
        assert list_reasons(host.precompute_shop()) == UNCHANGED

    def test_of_too_many_tables_says_so_and_goes_by_age(
        self, host: FunctionHost, shards: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shared.warehouse.source_state.MAX_SHARDS", 1)
        sql = f"SELECT COUNT(id) AS n FROM `{shards}_*`"
        assert find_unwatched(host, sql) == {f"{shards}_*": "it stands for more than 1 tables"}
        refresh(host, sql)
        ((status, reason),) = list_reasons(host.precompute_shop())
        assert status == "skipped_unchanged"
        assert f"shop.{shards}_*: it stands for more than 1 tables" in reason

    def test_without_a_table_left_is_not_found(
        self, host: FunctionHost, bigquery: BigQueryServer, shards: str
    ) -> None:
        refresh(host, f"SELECT COUNT(id) AS n FROM `{shards}_*`")
        for day in ("20240101", "20240102"):
            drop(bigquery, f"{shards}_{day}")
        (query,) = host.precompute_shop()["queries"]
        assert query["status"] == "kept_previous"
        assert query["error"]["code"] in ("SQL_INVALID", "TABLE_NOT_ALLOWED")


def let_expire(bigquery: BigQueryServer, table: str) -> None:
    """Set the moment at which the table goes."""
    client = bigquery.client()
    known = client.get_table(f"{bigquery.project}.shop.{table}", timeout=30)
    known.expires = datetime.now(UTC) + timedelta(days=30)
    client.update_table(known, ["expires"], timeout=30)


class TestRowsThatExpire:
    def make_partitioned(self, bigquery: BigQueryServer, name: str) -> None:
        """A table whose partitions go after 30 days."""
        table = Table(
            f"{bigquery.project}.shop.{name}", [SchemaField("id", "INT64"), SchemaField("day", "DATE")]
        )
        table.time_partitioning = TimePartitioning(field="day", expiration_ms=30 * 86_400_000)
        bigquery.client().create_table(table, timeout=30)

    @pytest.mark.parametrize("expiring", ["partitions", "table", "shard"])
    def test_are_trusted_up_to_max_age_and_the_reason_says_why(
        self, host: FunctionHost, bigquery: BigQueryServer, people_table: str, expiring: str
    ) -> None:
        name = new_name("expiring")
        if expiring == "partitions":
            self.make_partitioned(bigquery, name)
        else:
            load(bigquery, name, 1)
            let_expire(bigquery, name)
        source = f"{name}*" if expiring == "shard" else name
        sql = f"SELECT COUNT(id) AS n FROM `{source}`"
        said = f"{f'{name}: ' if expiring == 'shard' else ''}its rows expire, which moves no time"
        assert find_unwatched(host, sql) == {source: said}
        refresh(host, sql)
        ((status, reason),) = list_reasons(host.precompute_shop())
        assert status == "skipped_unchanged"
        assert reason.startswith("younger than max_age")
        assert f"shop.{source}: {said}" in reason
        move_clock(host, timedelta(minutes=61))
        ((status, reason),) = list_reasons(host.precompute_shop())
        assert status == "refreshed"
        assert reason.startswith("older than max_age; its sources cannot be watched (")
