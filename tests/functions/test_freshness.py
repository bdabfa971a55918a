"""What a refresh finds changed, what it skips, and what is served meanwhile; the sources are real tables."""

import itertools
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from croniter import croniter
from google.cloud.bigquery import QueryJob, QueryJobConfig, SchemaField, Table
from sqlalchemy import text

from bench.unchanged import save_directly, store_unchanged
from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.servers.valkey import ValkeyServer
from shared.container import Container, use_container
from shared.dashboards.plans.expansion import ExpansionLimits, expand_dashboard
from shared.database.models.runs import QueryResult
from shared.precompute.refresh.models import QueryEvent
from tests.fixtures.functions import FunctionHost

TEMPLATE = """\
version: 1
slug: shop
title: Stock
dataset: shop
refresh: {{max_age: 1h, max_stale: 3h}}
queries:
{queries}
charts:
{charts}
"""
MANY = 1000
PER_DASHBOARD = 50
TABLES = ("stock_a", "stock_b")


_NUMBERS = itertools.count(1)


def count_ids(table: str) -> str:
    """A query that no other test asks: BigQuery remembers its jobs when a test's tables are emptied."""
    return f"SELECT COUNT(id) AS n FROM {table} WHERE id != -{next(_NUMBERS)}"


def write_dashboard(slug: str = "shop", **queries: str) -> str:
    lines = [f'  {name}: {{sql: "{sql}"}}' for name, sql in queries.items()]
    charts = [f"  - {{id: {name}, title: {name}, query: {name}, type: table}}" for name in queries]
    text = TEMPLATE.format(queries="\n".join(lines), charts="\n".join(charts))
    return text.replace("slug: shop", f"slug: {slug}")


def load(bigquery: BigQueryServer, table: str, count: int) -> None:
    """Replace a table by one of `count` rows."""
    bigquery.load_rows(f"shop.{table}", [SchemaField("id", "INT64")], [{"id": one} for one in range(count)])


@pytest.fixture(scope="module")
def views(bigquery: BigQueryServer, people_table: str) -> str:
    """A view of a view of `stock_a`; its name."""
    for table in TABLES:
        load(bigquery, table, 1)
    for name, source in (("stock_inner", "stock_a"), ("stock_view", "stock_inner")):
        make_view(bigquery, name, "SELECT id FROM", source)
    return "stock_view"


def make_view(bigquery: BigQueryServer, name: str, select: str, source: str) -> None:
    """A view, in place of the one that has the name."""
    client = bigquery.client()
    view = Table(f"{bigquery.project}.shop.{name}")
    view.view_query = f"{select} `{bigquery.project}.shop.{source}`"
    client.delete_table(view, not_found_ok=True, timeout=30)
    client.create_table(view, timeout=30)


def forget_views(container: Container) -> None:
    """Let the stored results be as they were when only the tables below views were kept."""
    with container.database.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE query_results SET source_state = jsonb_build_object('watchable', true, 'tables', "
                "jsonb_build_object('local.shop.stock_a', source_state->'tables'->'local.shop.stock_a'))"
            )
        )


def move_clock(functions: FunctionHost, by: timedelta) -> None:
    """Let what refreshes and what serves believe it is later; sign-in keeps the real time."""
    container = functions.container
    container.clock = lambda: datetime.now(UTC) + by
    for name in ("refresher", "precompute", "data"):
        vars(container).pop(name, None)


def get_data(functions: FunctionHost, path: str = "/data/shop") -> dict[str, Any]:
    response = functions.call("data", "GET", path)
    assert response.status_code == 200, response.text
    return dict(response.json["data"])


def list_reasons(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(query["status"], query["reason"]) for query in report["queries"]}


class TestWhatIsSkipped:
    @pytest.mark.parametrize("source", ["stock_a", "stock_view"])
    def test_until_a_table_changes_directly_or_below_views(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str, source: str
    ) -> None:
        load(bigquery, "stock_a", 3)
        functions.save_shop(write_dashboard(n=count_ids(source)))
        functions.precompute_shop()
        first = get_data(functions)
        skipped = functions.precompute_shop()
        assert list_reasons(skipped) == {("skipped_unchanged", "no source table changed")}
        assert (skipped["totals"]["bytes_billed"], skipped["totals"]["bytes_saved"] > 0) == (0, True)
        again = get_data(functions)
        assert again["as_of"] == first["as_of"]
        assert again["checked_at"] > first["checked_at"]
        load(bigquery, "stock_a", 4)
        assert list_reasons(functions.precompute_shop()) == {("refreshed", "a source table changed")}
        changed = get_data(functions)
        assert changed["queries"]["n"]["values"] == [[4]]
        assert changed["as_of"] > again["as_of"]

    @pytest.mark.parametrize(
        "sql", ["SELECT COUNT(*) AS n FROM stock_a WHERE CURRENT_DATE() > '2020-01-01'", "SELECT RAND() AS n"]
    )
    def test_by_age_when_the_same_tables_may_give_another_answer(
        self, functions: FunctionHost, views: str, sql: str
    ) -> None:
        functions.save_shop(write_dashboard(n=sql))
        functions.precompute_shop()
        first = get_data(functions)
        young = functions.precompute_shop()
        assert {status for status, _ in list_reasons(young)} == {"skipped_unchanged"}
        # Being young is no look at the sources.
        assert get_data(functions)["checked_at"] == first["checked_at"]
        move_clock(functions, timedelta(minutes=61))
        assert list_reasons(functions.precompute_shop()) == {
            ("refreshed", "older than max_age; its sources cannot be watched")
        }

    @pytest.mark.parametrize("stored_before", [False, True])
    def test_by_age_when_a_view_below_a_view_may_give_another_answer(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str, stored_before: bool
    ) -> None:
        make_view(bigquery, "ticking", "SELECT id, CURRENT_TIMESTAMP() AS seen FROM", "stock_a")
        make_view(bigquery, "over_ticking", "SELECT id, seen FROM", "ticking")
        sql = count_ids("over_ticking") + " AND seen > '2020-01-01'"
        functions.save_shop(write_dashboard(n=sql))
        functions.precompute_shop()
        if stored_before:
            forget_views(functions.container)
        young = list_reasons(functions.precompute_shop())
        assert {status for status, _ in young} == {"skipped_unchanged"}
        assert all("younger than max_age" in reason for _, reason in young)
        move_clock(functions, timedelta(minutes=61))
        assert {status for status, _ in list_reasons(functions.precompute_shop())} == {"refreshed"}

    def test_not_when_a_view_is_another_view_now(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        load(bigquery, "stock_a", 3)
        make_view(bigquery, "moving", "SELECT id FROM", "stock_a")
        functions.save_shop(write_dashboard(n=count_ids("moving")))
        functions.precompute_shop()
        forget_views(functions.container)
        assert list_reasons(functions.precompute_shop()) == {("skipped_unchanged", "no source table changed")}
        make_view(bigquery, "moving", "SELECT id + 1 AS id FROM", "stock_a")
        assert list_reasons(functions.precompute_shop()) == {("refreshed", "a source table changed")}

    def test_not_when_a_table_changed_while_the_job_ran(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load(bigquery, "stock_a", 3)
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        warehouse = functions.container.warehouse
        iterate_queries = warehouse.iterate_queries

        def change_meanwhile(*arguments: Any, **options: Any) -> Iterator[Any]:
            for answer in iterate_queries(*arguments, **options):
                if answer is not None:
                    load(bigquery, "stock_a", 4)
                yield answer

        with monkeypatch.context() as patched:
            patched.setattr(warehouse, "iterate_queries", change_meanwhile)
            functions.precompute_shop()
        assert get_data(functions)["queries"]["n"]["values"] == [[3]]
        assert list_reasons(functions.precompute_shop()) == {("refreshed", "a source table changed")}
        assert get_data(functions)["queries"]["n"]["values"] == [[4]]

    def test_not_at_a_tick_of_the_schedule_when_the_sources_cannot_be_watched(
        self, functions: FunctionHost, views: str
    ) -> None:
        daily = write_dashboard(n="SELECT RAND() AS n").replace(
            "max_age: 1h, max_stale: 3h", 'schedule: "0 6 * * *", max_age: 24h'
        )
        functions.save_shop(daily)
        functions.precompute_shop()
        as_of = datetime.fromisoformat(get_data(functions)["as_of"])
        tick: datetime = croniter("0 6 * * *", as_of).get_next(datetime)
        move_clock(functions, tick - datetime.now(UTC) - timedelta(minutes=1))
        assert {status for status, _ in list_reasons(functions.precompute_shop())} == {"skipped_unchanged"}
        move_clock(functions, tick - datetime.now(UTC) + timedelta(seconds=1))
        assert list_reasons(functions.precompute_shop()) == {
            ("refreshed", "the schedule fired; its sources cannot be watched")
        }

    def test_a_thousand_queries_read_the_metadata_of_each_table_once(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill_with_unchanged_results(functions.container)
        asked = count_metadata_calls(functions, monkeypatch)
        before = bigquery.read_gate()
        response = functions.call("precompute", "POST", "/precompute", json={"all": True})
        results = response.json["data"]["results"]
        assert sum(report["totals"]["skipped_unchanged"] for report in results) == MANY
        assert [report["variants_ready"] for report in results] == [1] * (MANY // PER_DASHBOARD)
        assert asked == {f"{bigquery.project}.shop.{table}": 1 for table in TABLES}
        assert bigquery.read_gate() == before

    def test_queries_that_run_side_by_side_share_the_look_at_their_table(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        functions.save_shop(write_dashboard(**{f"q{number}": count_ids("stock_a") for number in range(12)}))
        functions.precompute_shop()
        load(bigquery, "stock_a", 6)
        asked = count_metadata_calls(functions, monkeypatch)
        assert functions.precompute_shop()["totals"]["refreshed"] == 12
        # Once, and again every few seconds should it take that long.
        assert asked.total() < 6
        assert functions.precompute_shop()["totals"]["skipped_unchanged"] == 12


def count_metadata_calls(functions: FunctionHost, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each table is asked for from now on."""
    client = functions.container.warehouse_clients.rest
    asked: Counter[str] = Counter()
    get_table = client.get_table

    def count(table: str, **options: Any) -> Any:
        asked[table] += 1
        return get_table(table, **options)

    monkeypatch.setattr(client, "get_table", count)
    return asked


def fill_with_unchanged_results(container: Container) -> None:
    """Dashboards of a thousand queries in all, each with a result that is as new as its table."""
    documents = []
    for number in range(MANY // PER_DASHBOARD):
        first = number * PER_DASHBOARD
        queries = {
            f"q{index}": f"SELECT {index} AS n, COUNT(*) AS c FROM {TABLES[index % 2]}"
            for index in range(first, first + PER_DASHBOARD)
        }
        documents.append(write_dashboard(f"many-{number}", **queries))
    units = [unit for one in save_directly(container, documents) for unit in one]
    for offset, table in enumerate(TABLES):
        sql = f"SELECT 7 AS n, COUNT(*) AS c FROM {table}"
        store_unchanged(container, units[offset::2], sql, "shop")


class TestWhatIsServedMeanwhile:
    def test_old_data_within_max_stale_and_nothing_beyond(self, functions: FunctionHost, views: str) -> None:
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        functions.precompute_shop()
        assert get_data(functions)["stale"] is False
        move_clock(functions, timedelta(minutes=61))
        old = get_data(functions)
        assert old["stale"] is True
        assert 61 * 60 <= old["age_seconds"] < 63 * 60
        move_clock(functions, timedelta(hours=3, minutes=1))
        refused = functions.call("data", "GET", "/data/shop")
        assert (refused.status_code, refused.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")
        assert "max_stale" in refused.json["error"]["message"]
        assert list_reasons(functions.precompute_shop()) == {("skipped_unchanged", "no source table changed")}
        assert get_data(functions)["stale"] is False

    def test_a_query_that_fails_is_named_and_the_others_are_new(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        load(bigquery, "stock_a", 2)
        load(bigquery, "stock_b", 3)
        sql = {
            "good": count_ids("stock_a"),
            "bad": count_ids("stock_b").replace("COUNT(id)", "SUM(10 / (id - 7))"),
        }
        functions.save_shop(write_dashboard(**sql))
        functions.precompute_shop()
        before = get_data(functions)
        load(bigquery, "stock_a", 4)
        load(bigquery, "stock_b", 8)
        report = functions.precompute_shop()
        assert {query["queries"][0]: query["status"] for query in report["queries"]} == {
            "good": "refreshed", "bad": "kept_previous",
        }  # fmt: skip
        after = get_data(functions)
        good, bad = after["queries"]["good"], after["queries"]["bad"]
        assert (good["values"], good["refresh_error"]) == ([[4]], None)
        assert (bad["values"], bad["as_of"]) == tuple(
            before["queries"]["bad"][name] for name in ("values", "as_of")
        )
        assert bad["refresh_error"]["code"] == "SQL_INVALID"
        assert (after["as_of"], after["stale"]) == (bad["as_of"], True)
        load(bigquery, "stock_b", 3)
        functions.precompute_shop()
        healed = get_data(functions)
        assert (healed["stale"], healed["queries"]["bad"]["refresh_error"]) == (False, None)

    def test_an_interrupted_refresh_leaves_old_data_as_old_as_it_is(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        functions.save_shop(write_dashboard(a=count_ids("stock_a"), b=count_ids("stock_b")))
        functions.precompute_shop()
        before = get_data(functions)
        rows = read_results(functions.container)
        for table in TABLES:
            load(bigquery, table, 9)
        functions.restart_with(warehouse_parallelism=1)
        events = functions.container.precompute.refresh_dashboards(["shop"], actor="ana@example.com")
        done = next(event for event in events if isinstance(event, QueryEvent))
        events.close()
        interrupted = read_results(functions.container)
        (left,) = set(rows) - {done.refresh.fingerprint}
        assert (interrupted[left].as_of, interrupted[left].checked_at) == (
            rows[left].as_of,
            rows[left].checked_at,
        )
        served = get_data(functions)
        assert {name: served[name] for name in ("as_of", "checked_at", "queries")} == {
            name: before[name] for name in ("as_of", "checked_at", "queries")
        }
        assert {one["queries"][0]: one["status"] for one in functions.precompute_shop()["queries"]} == {
            name: "skipped_unchanged" if name in done.refresh.queries else "refreshed" for name in ("a", "b")
        }
        assert [one["values"] for one in get_data(functions)["queries"].values()] == [[[9]], [[9]]]

    def test_an_oversized_result_is_named_and_leaves_the_query_free(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        load(bigquery, "stock_a", 5)
        functions.save_shop(write_dashboard(ids=count_ids("stock_a").replace("COUNT(id) AS n", "id")))
        functions.precompute_shop()
        before = get_data(functions)
        load(bigquery, "stock_a", 4000)
        functions.restart_with(max_payload_bytes=3000)
        refused = functions.precompute_shop()["queries"][0]
        assert (refused["status"], refused["error"]["code"]) == ("kept_previous", "PAYLOAD_TOO_LARGE")
        assert "ids" in refused["error"]["message"]
        assert get_data(functions)["queries"]["ids"]["values"] == before["queries"]["ids"]["values"]
        with functions.container.database.begin() as uow:
            assert uow.leases.list_held([refused["fingerprint"]]) == set()
        functions.restart_with(max_payload_bytes=10**6)
        began = time.monotonic()
        assert functions.precompute_shop()["queries"][0]["status"] == "refreshed"
        assert time.monotonic() - began < functions.container.settings.refresh_lease_seconds
        assert get_data(functions)["queries"]["ids"]["rows"] == 4000


def read_results(container: Container) -> dict[str, QueryResult]:
    """The stored results of the test dashboard, by fingerprint."""
    (saved,) = container.catalog.load_current(["shop"])
    limits = ExpansionLimits(container.settings.google_cloud_project, 50_000, 64)
    expansion = expand_dashboard(saved.definition, saved.parsed.sql_texts, limits, all_variants=True)
    with container.database.begin() as uow:
        return uow.query_results.get_many([unit.fingerprint for unit in expansion.units])


class TestWhatADeadWorkerLeft:
    """Its job, started under the id that the next attempt would get."""

    def leave_job(self, functions: FunctionHost) -> QueryJob:
        """Run the query as a worker does that is killed before it stores anything."""
        container = functions.container
        (fingerprint,) = read_results(container)
        with container.database.begin() as uow:
            attempt = uow.query_runs.find_last_attempts([fingerprint])[fingerprint] + 1
        (saved,) = container.catalog.load_current(["shop"])
        job_id = f"almanac_local_{fingerprint[:40]}_{attempt}"
        config = QueryJobConfig(default_dataset=f"{container.settings.google_cloud_project}.shop")
        job = container.warehouse_clients.rest.query(
            saved.parsed.sql_texts["n"], job_config=config, job_id=job_id, job_retry=None, timeout=30
        )
        job.result(timeout=30, job_retry=None)
        return job

    @pytest.mark.parametrize("force", [True, False])
    def test_is_no_answer_when_the_table_changed_since(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str, force: bool
    ) -> None:
        load(bigquery, "stock_a", 3)
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        functions.precompute_shop()
        self.leave_job(functions)
        load(bigquery, "stock_a", 5)
        report = functions.precompute_shop(force=force)
        assert report["queries"][0]["status"] == "refreshed"
        assert report["totals"]["bytes_billed"] > 0
        served = get_data(functions)["queries"]["n"]
        assert (served["values"], served["refresh_error"]) == ([[5]], None)
        assert list_reasons(functions.precompute_shop()) == {("skipped_unchanged", "no source table changed")}

    def test_is_no_answer_to_who_insists(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        functions.save_shop(write_dashboard(n="SELECT RAND() AS n"))
        functions.precompute_shop()
        left = self.leave_job(functions)
        forced = functions.precompute_shop(force=True)["queries"][0]
        assert forced["job_id"] != left.job_id
        assert datetime.fromisoformat(get_data(functions)["as_of"]) > left.ended

    def test_is_the_answer_when_it_read_what_the_table_is(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        load(bigquery, "stock_a", 3)
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        functions.precompute_shop()
        load(bigquery, "stock_a", 6)
        left = self.leave_job(functions)
        report = functions.precompute_shop()
        assert (report["queries"][0]["job_id"], report["totals"]["bytes_billed"]) == (left.job_id, 0)
        served = get_data(functions)["queries"]["n"]
        assert served["values"] == [[6]]
        assert datetime.fromisoformat(served["as_of"]) <= left.ended


class TestWhatARefreshFills:
    def test_the_error_of_a_query_that_never_succeeded_outlives_a_save(
        self, functions: FunctionHost, bigquery: BigQueryServer, views: str
    ) -> None:
        load(bigquery, "stock_a", 4000)
        functions.restart_with(max_payload_bytes=3000)
        sql = {"n": count_ids("stock_b"), "ids": count_ids("stock_a").replace("COUNT(id) AS n", "id")}
        yaml = write_dashboard(**sql)
        functions.save_shop(yaml)
        functions.precompute_shop()
        functions.save_shop(yaml.replace("title: Stock", "title: Stocks"))
        data = get_data(functions)
        assert data["title"] == "Stocks"
        assert data["queries"]["ids"]["refresh_error"]["code"] == "PAYLOAD_TOO_LARGE"
        functions.restart_with(max_payload_bytes=10**6)
        functions.precompute_shop()
        functions.save_shop(yaml)
        assert get_data(functions)["queries"]["ids"]["refresh_error"] is None

    def test_nothing_is_called_ready_that_could_not_be_kept(
        self, functions: FunctionHost, views: str, tmp_path: Path
    ) -> None:
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        blocked = tmp_path / "payloads"
        blocked.write_text("a file where the folder should be")
        report = functions.precompute_shop()
        assert report["variants_ready"] == 0
        assert [query["status"] for query in report["queries"]] == ["failed"]
        message = report["queries"][0]["error"]["message"]
        assert ("cannot share a name" in message, str(tmp_path) in message) == (True, False)
        blocked.unlink()
        assert functions.precompute_shop()["variants_ready"] == 1
        assert get_data(functions)["queries"]["n"]["rows"] == 1

    def test_what_is_ready_is_served_even_if_nothing_had_to_run(
        self, functions: FunctionHost, valkey_server: ValkeyServer, views: str, tmp_path: Path
    ) -> None:
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        functions.precompute_shop()
        with redis.Redis.from_url(valkey_server.url) as client:
            client.flushdb()
        shutil.rmtree(tmp_path / "payloads" / "payloads")
        report = functions.precompute_shop()
        assert ({query["status"] for query in report["queries"]}, report["variants_ready"]) == (
            {"skipped_unchanged"}, 1,
        )  # fmt: skip
        assert get_data(functions)["queries"]["n"]["rows"] == 1

    def test_a_result_that_was_lost_is_a_problem_of_its_dashboard_alone(
        self, functions: FunctionHost, valkey_server: ValkeyServer, views: str, tmp_path: Path
    ) -> None:
        functions.save_shop(write_dashboard(n=count_ids("stock_a")))
        functions.precompute_shop()
        # With their payloads, which would be served as they are.
        for folder in ("results", "payloads"):
            shutil.rmtree(tmp_path / "payloads" / folder)
        with redis.Redis.from_url(valkey_server.url) as client:
            client.flushdb()
        functions.save_shop(write_dashboard("zoo", n=count_ids("stock_b")))
        response = functions.call("precompute", "POST", "/precompute", json={"slugs": ["shop", "zoo"]})
        assert response.status_code == 200, response.text
        shop, zoo = response.json["data"]["results"]
        assert (shop["variants_ready"], zoo["variants_ready"]) == (0, 1)
        assert "force" in shop["problems"][0]["remediation"]
        assert functions.precompute_shop(force=True)["variants_ready"] == 1

    def test_losing_cache_and_process_costs_no_warehouse_byte(
        self, computed_shop: FunctionHost, valkey_server: ValkeyServer, bigquery: BigQueryServer
    ) -> None:
        paths = ("/data/shop", "/data/shop?day=2024-01-02")
        before = [computed_shop.call("data", "GET", path).headers["ETag"] for path in paths]
        jobs = bigquery.read_gate()
        with redis.Redis.from_url(valkey_server.url) as client:
            client.flushdb()
        restarted = Container(computed_shop.container.settings)
        use_container(restarted)
        try:
            assert [computed_shop.call("data", "GET", path).headers["ETag"] for path in paths] == before
        finally:
            restarted.database.dispose()
            use_container(computed_shop.container)
        assert bigquery.read_gate() == jobs
