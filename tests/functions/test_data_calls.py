"""Precompute, data, lineage and sql/run, through the functions."""

import gzip
import json

import pytest
import zstandard

from deploy.local.alone.bigquery import BigQueryServer
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.keys import head_key, payload_key
from tests.fixtures.functions import SHOP, FunctionHost
from tests.precompute.every_type import EXPECTED_COLUMNS, EXPECTED_VALUES, SELECT_EVERY_TYPE

EVERY_TYPE_SHOP = f"""\
version: 1
slug: shop
title: Every type
queries:
  types: {{sql: {json.dumps(SELECT_EVERY_TYPE, ensure_ascii=False)}}}
charts:
  - {{id: types, title: Types, query: types, type: table}}
"""


class TestPrecompute:
    def test_runs_each_query_once_and_fills_cache_and_store(
        self, functions: FunctionHost, bigquery: BigQueryServer
    ) -> None:
        functions.save_shop()
        before = bigquery.count_jobs()
        report = functions.precompute_shop()
        assert report["totals"]["refreshed"] == 3
        assert (report["variants"], report["variants_ready"]) == (2, 2)
        assert bigquery.count_jobs() - before <= 3
        keys = [f"dash:shop:q:{query['fingerprint']}:v:1" for query in report["queries"]]
        assert all(functions.container.cache.get_many(keys))

    def test_unchanged_sources_cost_nothing_and_force_overrides(
        self, computed_shop: FunctionHost, bigquery: BigQueryServer
    ) -> None:
        before = bigquery.count_jobs()
        again = computed_shop.precompute_shop()
        assert {query["status"] for query in again["queries"]} == {"skipped_unchanged"}
        assert again["totals"]["bytes_billed"] == 0
        assert bigquery.count_jobs() == before
        assert {query["status"] for query in computed_shop.precompute_shop(force=True)["queries"]} == {
            "refreshed"
        }

    def test_a_failing_query_keeps_the_last_good_result(self, computed_shop: FunctionHost) -> None:
        before = computed_shop.call("data", "GET", "/data/shop").json["data"]
        computed_shop.restart_with(max_bytes_per_user_day=1)
        report = computed_shop.precompute_shop(force=True)
        assert {query["status"] for query in report["queries"]} == {"kept_previous"}
        assert report["queries"][0]["error"]["code"] == "BUDGET_EXCEEDED"
        after = computed_shop.call("data", "GET", "/data/shop").json["data"]
        assert after["as_of"] == before["as_of"]
        assert after["stale"]
        assert after["queries"]["count"]["values"] == before["queries"]["count"]["values"]
        assert after["queries"]["count"]["refresh_error"]["code"] == "BUDGET_EXCEEDED"

    def test_progress_comes_as_lines_of_json(self, functions: FunctionHost) -> None:
        functions.save_shop()
        response = functions.call(
            "precompute",
            "POST",
            "/precompute",
            json={"all": True},
            headers={"Accept": "application/x-ndjson"},
        )
        events = [json.loads(line)["event"] for line in response.text.splitlines()]
        # A slow machine adds "running" while nothing ends.
        assert [event for event in events if event != "running"] == ["query"] * 3 + ["dashboard", "done"]

    def test_the_scheduler_may_call_it_and_a_viewer_may_not(self, functions: FunctionHost) -> None:
        functions.save_shop()
        due = {"due": True}
        scheduler = "scheduler@local.iam.gserviceaccount.com"
        assert (
            functions.call("precompute", "POST", "/precompute", email=scheduler, json=due).status_code == 200
        )
        refused = functions.call("precompute", "POST", "/precompute", email="viewer@example.com", json=due)
        assert refused.json["error"]["code"] == "FORBIDDEN"

    @pytest.mark.parametrize(
        "body", [{}, {"slugs": ["shop"], "all": True}, {"slugs": "shop"}, {"due": "yes"}]
    )
    def test_a_body_that_chooses_nothing_or_twice_is_refused(
        self, functions: FunctionHost, body: dict[str, object]
    ) -> None:
        response = functions.call("precompute", "POST", "/precompute", json=body)
        assert (response.status_code, response.json["error"]["code"]) == (400, "INVALID_REQUEST")


class TestData:
    def test_serves_the_default_variant_and_the_one_asked_for(self, computed_shop: FunctionHost) -> None:
        default = computed_shop.call("data", "GET", "/data/shop").json["data"]
        other = computed_shop.call("data", "GET", "/data/shop?day=2024-01-02").json["data"]
        assert default["parameters"] == {"day": "2024-01-01"}
        assert other["parameters"] == {"day": "2024-01-02"}
        assert default["queries"]["names"]["values"][0][:2] == [0, 28]
        assert other["queries"]["names"]["values"][0][:2] == [1, 29]
        assert default["queries"]["count"]["values"] == [[500]]
        assert [chart["id"] for chart in default["charts"]] == ["people", "names"]

    def test_gzip_and_identity_say_the_same(self, computed_shop: FunctionHost) -> None:
        plain = computed_shop.call("data", "GET", "/data/shop", headers={"Accept-Encoding": "identity"})
        packed = computed_shop.call("data", "GET", "/data/shop", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(packed.data))["data"]["queries"] == plain.json["data"]["queries"]
        assert packed.headers["ETag"] != plain.headers["ETag"]

    def test_zstandard_says_the_same_too(self, computed_shop: FunctionHost) -> None:
        plain = computed_shop.call("data", "GET", "/data/shop", headers={"Accept-Encoding": "identity"})
        packed = computed_shop.call("data", "GET", "/data/shop", headers={"Accept-Encoding": "gzip, zstd"})
        assert packed.headers["Content-Encoding"] == "zstd"
        content = zstandard.ZstdDecompressor().decompressobj().decompress(packed.data)
        assert json.loads(content)["data"]["queries"] == plain.json["data"]["queries"]

    def test_a_cached_payload_of_another_release_is_passed_over(self, computed_shop: FunctionHost) -> None:
        head = computed_shop.container.head_cache.find_heads(["shop"])[0]
        assert head is not None
        key = payload_key("shop", hash_variant(head.resolve_parameters({})), head.version)
        computed_shop.container.cache.set_many({key: b'{"slug":"shop"}\n'}, 60)
        assert computed_shop.call("data", "GET", "/data/shop").status_code == 200

    def test_every_type_arrives_with_its_value(self, functions: FunctionHost) -> None:
        functions.save_shop(EVERY_TYPE_SHOP)
        functions.precompute_shop()
        query = functions.call("data", "GET", "/data/shop").json["data"]["queries"]["types"]
        assert query["columns"] == EXPECTED_COLUMNS
        names = [column["name"] for column in query["columns"]]
        assert dict(zip(names, query["values"], strict=True)) == EXPECTED_VALUES

    def test_head_has_no_body(self, computed_shop: FunctionHost) -> None:
        answer = computed_shop.call("data", "HEAD", "/data/shop")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["ETag"] == computed_shop.call("data", "GET", "/data/shop").headers["ETag"]

    def test_a_known_etag_is_answered_without_a_body(self, computed_shop: FunctionHost) -> None:
        first = computed_shop.call("data", "GET", "/data/shop")
        again = computed_shop.call(
            "data", "GET", "/data/shop", headers={"If-None-Match": first.headers["ETag"]}
        )
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]

    def test_losing_the_cache_costs_no_warehouse_byte(
        self, computed_shop: FunctionHost, bigquery: BigQueryServer
    ) -> None:
        before = bigquery.count_jobs()
        computed_shop.forget_cached(head_key("shop"))
        with computed_shop.container.database.begin() as uow:
            found = uow.dashboards.get_by_slugs(["shop"])["shop"]
            assert uow.payloads.find_last_checks([found.id])
        assert computed_shop.call("data", "GET", "/data/shop").status_code == 200
        assert bigquery.count_jobs() == before

    def test_what_was_never_computed_says_how(self, functions: FunctionHost) -> None:
        functions.save_shop()
        response = functions.call("data", "GET", "/data/shop?day=2024-01-02")
        assert (response.status_code, response.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")
        assert '"slugs": ["shop"]' in response.json["error"]["remediation"]

    def test_a_new_version_with_the_same_queries_is_served_at_once(self, computed_shop: FunctionHost) -> None:
        computed_shop.save_shop(SHOP.replace("People in the shop", "Renamed"))
        data = computed_shop.call("data", "GET", "/data/shop").json["data"]
        assert (data["version"], data["title"]) == (2, "Renamed")

    @pytest.mark.parametrize(
        ("path", "code", "status"),
        [
            ("/data/missing", "NOT_FOUND", 404),
            ("/data/shop?day=2024-01-09", "INVALID_REQUEST", 400),
            ("/data/shop?day=soon", "INVALID_REQUEST", 400),
            ("/data/shop?other=1", "INVALID_REQUEST", 400),
            ("/data/shop?day=2024-01-01&day=2024-01-02", "INVALID_REQUEST", 400),
        ],
    )
    def test_wrong_names_and_values_have_their_code(
        self, functions: FunctionHost, path: str, code: str, status: int
    ) -> None:
        functions.save_shop()
        response = functions.call("data", "GET", path)
        assert (response.status_code, response.json["error"]["code"]) == (status, code)

    def test_nobody_is_served_without_signing_in(self, computed_shop: FunctionHost) -> None:
        assert computed_shop.call("data", "GET", "/data/shop", email=None).status_code == 401
        browser = computed_shop.call(
            "data", "GET", "/data/shop?day=2024-01-02", email=None, headers={"Accept": "text/html"}
        )
        assert (browser.status_code, browser.headers["Location"]) == (
            302, "/auth/login?return_to=%2Fdata%2Fshop%3Fday%3D2024-01-02",
        )  # fmt: skip


class TestLineage:
    def test_the_tables_of_a_saved_dashboard_are_known_before_it_ever_ran(
        self, functions: FunctionHost, people_table: str
    ) -> None:
        functions.save_shop()
        data = functions.call("lineage", "GET", "/lineage/shop").json["data"]
        edges = [(edge["source"], edge["target"], edge["origin"]) for edge in data["edges"]]
        assert (f"bq:{people_table}", "query:shop/names", "parser") in edges
        assert ("query:shop/names", "chart:shop/names", "yaml") in edges

    def test_executed_jobs_add_what_they_read(self, computed_shop: FunctionHost, people_table: str) -> None:
        data = computed_shop.call("lineage", "GET", "/lineage/shop").json["data"]
        origins = {edge["origin"] for edge in data["edges"] if edge["source"] == f"bq:{people_table}"}
        assert "job" in origins

    def test_columns_are_followed_to_the_chart(self, functions: FunctionHost, people_table: str) -> None:
        functions.save_shop()
        data = functions.call("lineage", "GET", "/lineage/shop?level=column").json["data"]
        assert f"bq:{people_table}#name" in {node["id"] for node in data["nodes"]}

    def test_a_table_or_a_column_names_what_it_feeds(
        self, functions: FunctionHost, people_table: str
    ) -> None:
        functions.save_shop()

        def find_dashboards(query: str) -> set[str]:
            data = functions.call("lineage", "GET", f"/lineage?{query}").json["data"]
            return {node["id"] for node in data["nodes"] if node["type"] == "dashboard"}

        assert find_dashboards(f"table={people_table}") == {"dashboard:shop"}
        assert find_dashboards(f"table={people_table}&column=name") == {"dashboard:shop"}
        assert find_dashboards(f"table={people_table}2") == set()

    def test_what_a_table_feeds_comes_in_pages_of_dashboards(
        self, functions: FunctionHost, people_table: str
    ) -> None:
        functions.save_shop()
        data = functions.call("lineage", "GET", f"/lineage?table={people_table}&page_size=1").json["data"]
        assert (data["page"], data["page_size"], data["total"]) == (1, 1, 1)
        beyond = functions.call("lineage", "GET", f"/lineage?table={people_table}&page=2").json["data"]
        assert beyond == {"page": 2, "page_size": 50, "total": 1, "nodes": [], "edges": []}
        refused = functions.call("lineage", "GET", f"/lineage?table={people_table}&page_size=101")
        assert (refused.status_code, refused.json["error"]["code"]) == (400, "INVALID_REQUEST")

    def test_a_column_is_followed_through_what_a_chart_makes_of_it(
        self, functions: FunctionHost, people_table: str
    ) -> None:
        chart = (
            "  - {id: sums, title: Sums, query: names, mark: bar, encoding: {x: {field: twice}},\n"
            '     transform: [{calculate: "datum.id * 2", as: twice}]}\n'
        )
        functions.save_shop(SHOP + chart)
        data = functions.call("lineage", "GET", f"/lineage?table={people_table}&column=id").json["data"]
        reached = {node["id"] for node in data["nodes"]}
        assert {"query:shop/names#id", "chart:shop/sums", "dashboard:shop"} <= reached
        data = functions.call("lineage", "GET", "/lineage/shop?level=column").json["data"]
        assert "query:shop/names#twice" not in {node["id"] for node in data["nodes"]}

    @pytest.mark.parametrize(("query", "hint"), [("", "table"), ("table=people", "people")])
    def test_a_table_has_to_be_named_in_full(self, functions: FunctionHost, query: str, hint: str) -> None:
        response = functions.call("lineage", "GET", f"/lineage?{query}")
        assert (response.status_code, response.json["error"]["code"]) == (400, "INVALID_REQUEST")
        assert hint in str(response.json["error"])

    def test_an_unknown_direction_is_refused(self, functions: FunctionHost) -> None:
        response = functions.call("lineage", "GET", "/lineage/shop?direction=sideways")
        assert response.json["error"]["code"] == "INVALID_REQUEST"


class TestSqlRun:
    def test_answers_rows_schema_tables_and_receipt(self, functions: FunctionHost, people_table: str) -> None:
        # A text of its own: BigQuery bills nothing for one that another test had answered.
        body = {
            "sql": "SELECT id, name AS called FROM people ORDER BY id",
            "dataset": "shop",
            "sample_rows": 2,
        }
        data = functions.call("sql_run", "POST", "/sql/run", json=body).json["data"]
        assert data["rows"] == [[0, "name 0"], [1, "name 1"]]
        assert (data["total_rows"], data["truncated"]) == (500, True)
        assert data["referenced_tables"] == [people_table]
        assert data["receipt"]["usd_billed"] == "0.000060"

    def test_never_more_than_a_hundred_rows(self, functions: FunctionHost) -> None:
        body = {"sql": "SELECT id FROM people", "dataset": "shop"}
        assert len(functions.call("sql_run", "POST", "/sql/run", json=body).json["data"]["rows"]) == 100
        refused = functions.call("sql_run", "POST", "/sql/run", json={**body, "sample_rows": 101})
        assert refused.json["error"]["code"] == "INVALID_REQUEST"

    def test_a_dry_run_bills_nothing(self, functions: FunctionHost, bigquery: BigQueryServer) -> None:
        before = bigquery.count_jobs()
        body = {"sql": "SELECT id FROM people", "dataset": "shop", "dry_run": True}
        data = functions.call("sql_run", "POST", "/sql/run", json=body).json["data"]
        assert (data["job"], data["rows"], data["receipt"]["bytes_estimated"]) == (None, [], 4000)
        assert (data["bytes_billed_expected"], data["usd_billed_expected"]) == (10_485_760, "0.000060")
        assert bigquery.count_jobs() == before

    def test_parameters_are_told_apart_as_bigquery_does(self, functions: FunctionHost) -> None:
        names = [{"name": name, "type": "INT64", "value": 1} for name in ("n", "N")]
        body = {"sql": "SELECT @n AS n", "dry_run": True}
        response = functions.call("sql_run", "POST", "/sql/run", json={**body, "parameters": names})
        assert (response.status_code, response.json["error"]["code"]) == (400, "INVALID_REQUEST")
        assert "n and N are one parameter" in response.json["error"]["message"]
        response = functions.call("sql_run", "POST", "/sql/run", json={**body, "parameters": names[:1]})
        assert response.status_code == 200

    def test_a_cap_is_enforced_with_its_code(self, functions: FunctionHost) -> None:
        body = {"sql": "SELECT name FROM people", "dataset": "shop", "max_bytes_billed": "1 MB"}
        response = functions.call("sql_run", "POST", "/sql/run", json=body)
        assert (response.status_code, response.json["error"]["code"]) == (422, "BYTES_LIMIT_EXCEEDED")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"sql": ""}, "SQL_INVALID"),
            ({"sql": "SELECT 1; SELECT 2"}, "SQL_NOT_ALLOWED"),
            ({"sql": "UPDATE shop.people SET id = 1 WHERE TRUE"}, "SQL_NOT_ALLOWED"),
            ({"sql": "SELECT * FROM secret.salaries"}, "TABLE_NOT_ALLOWED"),
            ({"sql": "SELECT 1", "max_bytes_billed": -1}, "INVALID_REQUEST"),
            ({"sql": "SELECT 1", "max_bytes_billed": "lots"}, "INVALID_REQUEST"),
            (
                {"sql": "SELECT @x", "parameters": [{"name": "x", "type": "INT64", "value": "no"}]},
                "INVALID_REQUEST",
            ),
            (
                {"sql": "SELECT @x", "parameters": [{"name": "x", "type": "THING", "value": 1}]},
                "INVALID_REQUEST",
            ),
            ({"sql": 5}, "INVALID_REQUEST"),
        ],
    )
    def test_bad_input_has_its_code_and_costs_nothing(
        self, functions: FunctionHost, bigquery: BigQueryServer, body: dict[str, object], code: str
    ) -> None:
        before = bigquery.count_jobs()
        response = functions.call("sql_run", "POST", "/sql/run", json=body)
        assert response.json["error"]["code"] == code
        assert response.json["error"]["remediation"]
        assert bigquery.count_jobs() == before


class TestOnDemand:
    ON_DEMAND = SHOP.replace('"2024-01-02"]}', '"2024-01-02"], allow_other: true}')

    def test_a_value_that_is_not_listed_is_computed_on_demand_by_anybody_who_may_look(
        self, functions: FunctionHost
    ) -> None:
        functions.save_shop(self.ON_DEMAND)
        asked = functions.call("data", "GET", "/data/shop?day=2024-01-20", email="viewer@example.com")
        assert asked.json["error"]["code"] == "PAYLOAD_NOT_READY"
        body = {"slug": "shop", "parameters": {"day": "2024-01-20"}}
        computed = functions.call(
            "precompute", "POST", "/precompute/variant", email="viewer@example.com", json=body
        )
        assert computed.json["data"]["results"][0]["variants_ready"] == 1
        data = functions.call("data", "GET", "/data/shop?day=2024-01-20", email="viewer@example.com").json[
            "data"
        ]
        assert data["queries"]["names"]["values"][0][:2] == [19, 47]

    def test_it_counts_against_the_budget_of_who_asked(self, functions: FunctionHost) -> None:
        functions.save_shop(self.ON_DEMAND)
        functions.restart_with(max_bytes_per_user_day=1)
        body = {"slug": "shop", "parameters": {"day": "2024-01-21"}}
        report = functions.call("precompute", "POST", "/precompute/variant", json=body).json["data"][
            "results"
        ][0]
        assert {query["error"]["code"] for query in report["queries"]} == {"BUDGET_EXCEEDED"}

    @pytest.mark.parametrize(
        "parameters", [{"day": "2024-01-20"}, {"day": "soon"}, {"day": 5}, {"other": "2024-01-01"}]
    )
    def test_values_a_dashboard_does_not_allow_are_refused(
        self, functions: FunctionHost, parameters: dict[str, object]
    ) -> None:
        functions.save_shop()
        body = {"slug": "shop", "parameters": parameters}
        response = functions.call("precompute", "POST", "/precompute/variant", json=body)
        assert (response.status_code, response.json["error"]["code"]) == (400, "INVALID_REQUEST")
