"""Validate, compile, save and read dashboards, through the functions."""

import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from shared.dashboards.saved.listing import DashboardSearch
from shared.sizes import dollars
from tests.fixtures.functions import SHOP, FunctionHost
from tests.fixtures.postgres import count_statements, list_actions

YAML = {"Content-Type": "application/yaml"}
PASSING = """\
version: 1
slug: shop
title: A column that goes away
dataset: shop
queries:
  passing: {sql: SELECT n FROM passing}
charts:
  - {id: passing, title: Passing, query: passing, type: table}
"""


def make_passing(bigquery: BigQueryServer, column: str) -> None:
    """The table that `PASSING` reads, with one column of this name."""
    sql = f"CREATE OR REPLACE TABLE shop.passing AS SELECT 1 AS {column}"
    bigquery.client().query(sql, timeout=30).result(timeout=30)


def list_shop(functions: FunctionHost) -> dict[str, Any]:
    """What the list says of how fresh the shop is and of what it cost."""
    (found,) = functions.call("dashboards_read", "GET", "/dashboards").json["data"]["results"]
    return {
        key: value
        for key, value in found.items()
        if key in {"as_of", "checked_at", "stale"} or "last_" in key
    }


class TestValidate:
    def test_a_list_is_answered_in_order(self, functions: FunctionHost) -> None:
        items = [{"path": "shop.yaml", "yaml": SHOP}, {"path": "bad.yaml", "yaml": "slug: [oops"}]
        response = functions.call(
            "dashboards_validate", "POST", "/dashboards/validate", json={"dashboards": items}
        )
        results = response.json["data"]["results"]
        assert [(result["path"], result["valid"]) for result in results] == [
            ("shop.yaml", True),
            ("bad.yaml", False),
        ]
        assert results[1]["diagnostics"][0]["code"] == "YAML_SYNTAX"

    def test_a_raw_yaml_body_is_the_same_with_one_item(self, functions: FunctionHost) -> None:
        response = functions.call(
            "dashboards_validate",
            "POST",
            "/dashboards/validate",
            headers=YAML,
            data=SHOP.replace("query: names", "query: nmaes"),
        )
        finding = response.json["data"]["results"][0]["diagnostics"][0]
        assert (finding["code"], finding["line"], finding["suggestion"]) == ("UNKNOWN_QUERY", 17, "names")

    def test_a_byte_order_mark_of_a_sql_file_is_no_part_of_its_sql(self, functions: FunctionHost) -> None:
        yaml = SHOP.replace(
            "sql: SELECT COUNT(*) AS people FROM people WHERE day >= '2024-01-01'", "file: n.sql"
        )
        files = {"n.sql": "\ufeffSELECT COUNT(*) AS people FROM people"}
        item = {"path": "shop.yaml", "yaml": yaml, "files": files}
        response = functions.call(
            "dashboards_validate", "POST", "/dashboards/validate", json={"dashboards": [item]}
        )
        assert response.json["data"]["results"][0]["diagnostics"] == []

    @pytest.mark.parametrize("files", [{}, {"n.sql": "SELECT COUNT(*) AS people FROM people -- \0"}])
    def test_what_the_database_cannot_keep_is_refused_with_its_place(
        self, functions: FunctionHost, files: dict[str, str]
    ) -> None:
        yaml = SHOP.replace("title: People in the shop", 'title: "People\\0"')
        if files:
            yaml = SHOP.replace(
                "sql: SELECT COUNT(*) AS people FROM people WHERE day >= '2024-01-01'", "file: n.sql"
            )
        item = {"path": "shop.yaml", "yaml": yaml, "files": files}
        response = functions.call("dashboards_save", "POST", "/dashboards/save", json={"dashboards": [item]})
        assert (response.status_code, response.json["error"]["code"]) == (422, "VALIDATION_FAILED")
        (found,) = response.json["error"]["details"]
        assert (found["code"], found["line"], found["column"]) == (
            ("FILE_UNREADABLE", 1, 42) if files else ("YAML_ENCODING", 3, 8)
        )

    def test_sarif_is_answered_to_who_accepts_it(self, functions: FunctionHost) -> None:
        headers = {**YAML, "Accept": "application/sarif+json"}
        response = functions.call(
            "dashboards_validate", "POST", "/dashboards/validate", headers=headers, data="slug: 1"
        )
        assert response.content_type == "application/sarif+json"
        assert response.json["version"] == "2.1.0"


class TestCompile:
    def test_the_plan_has_bytes_schema_tables_and_cache_keys(
        self, functions: FunctionHost, bigquery: BigQueryServer, people_table: str
    ) -> None:
        before = bigquery.count_jobs()
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=SHOP
        )
        plan = response.json["data"]["results"][0]["plan"]
        assert plan["totals"]["queries"] == 3
        assert plan["totals"]["variants"] == 2
        query = plan["queries"][0]
        assert query["names"] == ["names"]
        assert [field["name"] for field in query["output_schema"]] == ["id", "name"]
        assert query["referenced_tables"] == [people_table]
        assert 0 < query["bytes_estimated"] < query["bytes_billed_max"]
        assert query["cache_key"] == f"dash:shop:q:{query['fingerprint']}:v:1"
        assert bigquery.count_jobs() == before

    def test_the_queries_of_a_plan_cost_what_their_refresh_costs(self, functions: FunctionHost) -> None:
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=SHOP
        )
        plan = response.json["data"]["results"][0]["plan"]
        totals, queries = plan["totals"], plan["queries"]
        assert sum(one["bytes_billed_expected"] for one in queries) == totals["bytes_billed_per_refresh"]
        costs = sum(Decimal(one["usd_billed_expected"]) for one in queries)
        assert abs(costs - Decimal(totals["usd_per_refresh"])) <= len(queries) * Decimal("0.0000005")
        assert all(Decimal(one["usd_billed_expected"]) > 0 for one in queries if one["bytes_estimated"])

    def test_the_same_input_gives_the_same_bytes(self, functions: FunctionHost) -> None:
        answers = [
            functions.call("dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=SHOP)
            for _ in range(2)
        ]
        assert answers[0].json["data"] == answers[1].json["data"]

    def test_a_column_that_does_not_exist_is_found_at_the_line_of_the_chart(
        self, functions: FunctionHost
    ) -> None:
        broken = SHOP.replace("value: people}", "value: poeple}")
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=broken
        )
        assert response.status_code == 422
        finding = response.json["data"]["results"][0]["diagnostics"][0]
        assert (finding["code"], finding["line"], finding["suggestion"]) == ("UNKNOWN_FIELD", 16, "people")

    def test_sql_that_bigquery_refuses_is_a_diagnostic(self, functions: FunctionHost) -> None:
        broken = SHOP.replace("SELECT id, name", "SELECT id, nmae")
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=broken
        )
        assert response.status_code == 422
        codes = [one["code"] for one in response.json["data"]["results"][0]["diagnostics"]]
        assert "SQL_REFUSED" in codes

    def test_a_table_outside_the_allowed_datasets_is_a_diagnostic_with_its_line(
        self, functions: FunctionHost
    ) -> None:
        broken = SHOP.replace("FROM people WHERE day = @day", "FROM secret.salaries WHERE @day IS NOT NULL")
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=broken
        )
        finding = response.json["data"]["results"][0]["diagnostics"][0]
        assert (finding["code"], finding["received"], finding["line"]) == (
            "SQL_REFUSED",
            "TABLE_NOT_ALLOWED",
            12,
        )

    @pytest.mark.parametrize(
        ("budget", "code", "pointer"),
        [
            ("per_query: 10 MB", "CAP_TOO_LOW", "/budget/per_query"),
            ("per_refresh: 2 MB", "REFRESH_OVER_BUDGET", "/budget/per_refresh"),
            ("per_day: 2 MB", "REFRESH_OVER_BUDGET", "/budget/per_day"),
        ],
    )
    def test_a_budget_under_which_nothing_can_run_is_an_error_at_its_line(
        self, functions: FunctionHost, budget: str, code: str, pointer: str
    ) -> None:
        yaml = SHOP.replace("dataset: shop\n", f"dataset: shop\nbudget: {{{budget}}}\n")
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=yaml
        )
        assert response.status_code == 422
        found = [one for one in response.json["data"]["results"][0]["diagnostics"] if one["code"] == code]
        assert {(one["severity"], one["pointer"], one["line"]) for one in found} == {("error", pointer, 5)}
        saved = functions.call("dashboards_save", "POST", "/dashboards/save", headers=YAML, data=yaml)
        assert saved.status_code == 422

    def test_a_refresh_that_outgrows_its_budget_is_a_warning_and_is_priced_in_full(
        self, functions: FunctionHost
    ) -> None:
        yaml = SHOP.replace("dataset: shop\n", "dataset: shop\nbudget: {per_refresh: 25 MB}\n")
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", headers=YAML, data=yaml
        )
        result = response.json["data"]["results"][0]
        (found,) = [one for one in result["diagnostics"] if one["code"] == "REFRESH_OVER_BUDGET"]
        assert (found["severity"], found["pointer"]) == ("warning", "/budget/per_refresh")
        assert result["plan"]["totals"]["bytes_billed_per_refresh"] == 3 * 10 * 2**20

    def test_saved_dashboards_are_named_by_slug(self, functions: FunctionHost) -> None:
        functions.save_shop()
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", json={"slugs": ["shop"]}
        )
        assert response.json["data"]["results"][0]["plan"]["version"] == 1

    def test_an_unknown_slug_is_not_found_with_a_suggestion(self, functions: FunctionHost) -> None:
        functions.save_shop()
        response = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", json={"slugs": ["shpo"]}
        )
        assert response.status_code == 404
        assert response.json["error"]["details"][0]["suggestion"] == "shop"


class TestSave:
    def test_a_save_is_a_commit_a_row_and_a_version(self, functions: FunctionHost, tmp_path: Path) -> None:
        saved = functions.save_shop()
        assert (saved["version"], saved["changed"]) == (1, True)
        log = subprocess.run(
            ["git", "log", "--format=%an|%s", "--", saved["blob_path"]],
            cwd=tmp_path / "workdir", check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert log.stdout.strip() == "editor@example.com|Test"
        assert (tmp_path / "workdir" / saved["blob_path"]).read_text() == SHOP
        with functions.container.database.begin() as uow:
            assert uow.dashboards.get_by_slugs(["shop"])["shop"].current_version == 1

    def test_unchanged_content_makes_no_version(self, functions: FunctionHost) -> None:
        functions.save_shop()
        again = functions.save_shop()
        assert (again["version"], again["changed"]) == (1, False)

    def test_a_change_makes_the_next_version_and_says_what_changed(self, functions: FunctionHost) -> None:
        functions.save_shop()
        saved = functions.save_shop(
            SHOP.replace("ORDER BY id", "ORDER BY name").replace("title: Names", "title: All names")
        )
        assert saved["version"] == 2
        queries = {"added": [], "removed": [], "changed": ["names"], "reformatted": []}
        assert saved["diff"]["queries"] == queries
        assert saved["diff"]["charts"]["changed"] == ["names"]
        assert "+      FROM people WHERE day = @day ORDER BY name" in saved["diff"]["text"]

    def test_one_invalid_item_saves_nothing(self, functions: FunctionHost, tmp_path: Path) -> None:
        items = [{"path": "shop.yaml", "yaml": SHOP}, {"path": "b.yaml", "yaml": "slug: b"}]
        response = functions.call("dashboards_save", "POST", "/dashboards/save", json={"dashboards": items})
        assert (response.status_code, response.json["error"]["code"]) == (422, "VALIDATION_FAILED")
        assert response.json["error"]["details"]
        with functions.container.database.begin() as uow:
            assert uow.dashboards.search().total == 0
        assert not list((tmp_path / "workdir").glob("dashboards/**/*.yaml"))

    @pytest.mark.parametrize(
        "options", [{"query_string": {"dry_run": "true"}}, {"headers": {"If-Match": '"1"'}}]
    )
    def test_what_belongs_to_the_yaml_form_is_never_passed_over(
        self, functions: FunctionHost, options: dict[str, Any]
    ) -> None:
        body = {"dashboards": [{"path": "shop.yaml", "yaml": SHOP}]}
        refused = functions.call("dashboards_save", "POST", "/dashboards/save", json=body, **options)
        assert (refused.status_code, refused.json["error"]["code"]) == (400, "INVALID_REQUEST")
        assert functions.call("dashboards_read", "GET", "/dashboards/shop").status_code == 404

    def test_a_dry_run_says_what_would_be_and_leaves_nothing(self, functions: FunctionHost) -> None:
        body = {"dashboards": [{"path": "shop.yaml", "yaml": SHOP}], "dry_run": True}
        response = functions.call("dashboards_save", "POST", "/dashboards/save", json=body)
        assert response.json["data"]["results"][0]["version"] == 1
        assert functions.call("dashboards_read", "GET", "/dashboards").json["data"]["total"] == 0

    @pytest.mark.parametrize("how", ["body", "if-match"])
    def test_an_old_expected_version_is_a_conflict_with_both_sides(
        self, functions: FunctionHost, how: str
    ) -> None:
        functions.save_shop()
        functions.save_shop(SHOP.replace("People in the shop", "Theirs"))
        mine = SHOP.replace("People in the shop", "Mine")
        if how == "body":
            item = {"path": "shop.yaml", "yaml": mine, "expected_version": 1}
            response = functions.call(
                "dashboards_save", "POST", "/dashboards/save", json={"dashboards": [item]}
            )
        else:
            headers = {**YAML, "If-Match": '"1"'}
            response = functions.call(
                "dashboards_save", "POST", "/dashboards/save", headers=headers, data=mine
            )
        assert response.status_code == 409
        detail = response.json["error"]["details"][0]
        assert detail["current_version"] == 2
        assert "title: Theirs" in detail["current_yaml"]
        assert "title: Mine" in detail["yours"]

    def test_a_file_changed_outside_is_never_overwritten(
        self, functions: FunctionHost, tmp_path: Path
    ) -> None:
        saved = functions.save_shop()
        workdir = tmp_path / "workdir"
        (workdir / saved["blob_path"]).write_text(SHOP.replace("People in the shop", "By hand"))
        for command in (
            ["git", "add", "-A"],
            ["git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "by hand"],
        ):
            subprocess.run(command, cwd=workdir, check=True)
        body = {"dashboards": [{"path": "shop.yaml", "yaml": SHOP.replace("People in the shop", "By API")}]}
        response = functions.call("dashboards_save", "POST", "/dashboards/save", json=body)
        assert response.status_code == 409
        assert "title: By hand" in response.json["error"]["details"][0]["outside"]
        assert "By hand" in (workdir / saved["blob_path"]).read_text()

    def test_a_viewer_may_not_save(self, functions: FunctionHost) -> None:
        response = functions.call(
            "dashboards_save", "POST", "/dashboards/save", email="viewer@example.com", headers=YAML, data=SHOP
        )
        assert (response.status_code, response.json["error"]["code"]) == (403, "FORBIDDEN")

    def test_every_save_leaves_an_action(self, functions: FunctionHost) -> None:
        functions.save_shop()
        (action,) = list_actions(functions.container.database, target="shop")
        assert (action.actor, action.action, action.outcome.value) == (
            "editor@example.com",
            "dashboard.save",
            "success",
        )
        assert action.trace_id != "0" * 32


class TestRead:
    def test_lists_with_a_total_that_is_right_beyond_the_last_page(self, functions: FunctionHost) -> None:
        functions.save_shop()
        data = functions.call("dashboards_read", "GET", "/dashboards?page=9&q=people").json["data"]
        assert (data["total"], data["results"]) == (1, [])

    def test_a_list_says_how_fresh_each_dashboard_is_and_what_it_cost(self, functions: FunctionHost) -> None:
        functions.save_shop()
        assert list_shop(functions) == {
            "as_of": None, "checked_at": None, "stale": False, "last_refresh_status": None,
            "last_refresh_error": None, "last_bytes_billed": None, "last_usd_billed": None,
        }  # fmt: skip
        billed = functions.precompute_shop()["totals"]["bytes_billed"]
        fresh = list_shop(functions)
        served = functions.call("data", "GET", "/data/shop").json["data"]
        assert served["as_of"][:19] >= fresh["as_of"][:19]
        assert (fresh["stale"], fresh["last_refresh_status"]) == (False, "succeeded")
        price = dollars(billed, functions.container.settings.price_per_tib_usd)
        assert (fresh["last_bytes_billed"], fresh["last_usd_billed"]) == (billed, format(price, "f"))

    def test_a_list_says_that_a_refresh_failed_until_a_version_is_saved(
        self, functions: FunctionHost, bigquery: BigQueryServer
    ) -> None:
        make_passing(bigquery, "n")
        functions.save_shop(PASSING)
        functions.precompute_shop()
        make_passing(bigquery, "other")
        functions.precompute_shop()
        found = list_shop(functions)
        assert (found["last_refresh_status"], found["stale"]) == ("failed", True)
        assert found["last_refresh_error"]["queries"] == ["passing"]
        detail = functions.call("dashboards_read", "GET", "/dashboards/shop").json["data"]
        assert detail["last_refresh_error"] == found["last_refresh_error"]
        functions.save_shop(PASSING.replace("SELECT n", "SELECT other AS n"))
        assert list_shop(functions)["last_refresh_status"] is None

    def test_a_list_takes_four_statements_however_long_it_is(self, functions: FunctionHost) -> None:
        for number in range(3):
            functions.save_shop(SHOP.replace("slug: shop", f"slug: shop-{number}"))
        with count_statements(functions.container.database) as statements:
            found = functions.container.saved_dashboards.search(DashboardSearch())
        assert (len(found.page.items), len(statements)) == (3, 4)

    def test_a_list_offers_the_tags_and_owners_of_all_pages(self, functions: FunctionHost) -> None:
        for number, tags in enumerate(("[b, a]", "[a]")):
            text = SHOP.replace("slug: shop", f"slug: shop-{number}\nowner: o{number}@x.org\ntags: {tags}")
            functions.save_shop(text)
        answer = functions.call("dashboards_read", "GET", "/dashboards?page_size=1&tag=b").json["data"]
        assert (answer["tags"], answer["owners"]) == (["a", "b"], ["o0@x.org", "o1@x.org"])

    def test_a_version_has_its_text(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.save_shop(SHOP.replace("People in the shop", "Second"))
        data = functions.call("dashboards_read", "GET", "/dashboards/shop/versions/1").json["data"]
        assert data["yaml"] == SHOP
        versions = functions.call("dashboards_read", "GET", "/dashboards/shop/versions").json["data"]
        assert [one["version"] for one in versions["results"]] == [2, 1]

    def test_a_missing_version_names_the_latest(self, functions: FunctionHost) -> None:
        functions.save_shop()
        response = functions.call("dashboards_read", "GET", "/dashboards/shop/versions/7")
        assert response.status_code == 404
        assert "the latest is 1" in response.json["error"]["message"]


def test_dashboards_that_are_not_valid_are_each_named_once(functions: FunctionHost) -> None:
    broken = SHOP.replace("SELECT id, name", "SELECT id, nme")
    items = [{"path": f"{n}.yaml", "yaml": broken} for n in range(2)]
    items.append({"path": "other.yaml", "yaml": broken.replace("slug: shop", "slug: other")})
    one = functions.call("dashboards_save", "POST", "/dashboards/save", json={"dashboards": items[:1]})
    assert one.json["error"]["message"] == "Nothing was saved: shop is not valid."
    two = functions.call("dashboards_save", "POST", "/dashboards/save", json={"dashboards": items})
    assert two.json["error"]["message"] == "Nothing was saved: shop, other are not valid."


def test_a_message_that_is_too_long_beside_a_yaml_body_is_a_bad_request(functions: FunctionHost) -> None:
    answer = functions.call(
        "dashboards_save",
        "POST",
        "/dashboards/save",
        data=SHOP,
        headers={"Content-Type": "application/yaml"},
        query_string={"message": "x" * 1001},
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "INVALID_REQUEST")
