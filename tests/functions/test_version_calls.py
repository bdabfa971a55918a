"""Compare, go back, find and repair drift, through the functions."""

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from shared.container import Container, use_container
from shared.settings import PricingModel
from tests.fixtures.functions import SHOP, FunctionHost
from tests.fixtures.postgres import list_actions

SECOND = SHOP.replace("ORDER BY id", "ORDER BY name")
IN_A_FILE = SHOP.replace(
    """    sql: |
      SELECT id, name
      FROM people WHERE day = @day ORDER BY id
""",
    "    file: sql/names.sql\n",
)
SQL_FILE = "SELECT id, name FROM people WHERE day = @day ORDER BY id\n"


def save(functions: FunctionHost, yaml: str = SHOP, **more: object):
    item = {"path": "shop.yaml", "yaml": yaml, **more}
    return functions.call("dashboards_save", "POST", "/dashboards/save", json={"dashboards": [item]})


def roll_back(functions: FunctionHost, *items: dict[str, object], **options: object):
    options = {"json": list(items), **options}
    return functions.call("dashboards_rollback", "POST", "/dashboards/rollback", **options)


def read_drift(functions: FunctionHost):
    results = functions.call("dashboards_read", "GET", "/dashboards/drift").json["data"]["results"]
    return [(one["kind"], one["path"], one["version"]) for one in results]


def commit_outside(workdir: Path) -> None:
    for command in (
        ["git", "add", "-A"],
        ["git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "by hand"],
    ):
        subprocess.run(command, cwd=workdir, check=True)


@pytest.fixture
def with_slots(functions: FunctionHost) -> Iterator[FunctionHost]:
    """The same service where BigQuery is paid by slots."""
    settings = copy.replace(functions.container.settings, pricing_model=PricingModel.SLOTS)
    container = Container(settings)
    use_container(container)
    yield FunctionHost(container, functions.oidc)
    use_container(functions.container)
    container.database.dispose()


def test_a_plan_without_dollars_is_kept_and_compared(with_slots: FunctionHost) -> None:
    with_slots.save_shop()
    saved = with_slots.save_shop(SECOND)
    assert (saved["diff"]["usd_per_month_before"], saved["diff"]["usd_per_month_after"]) == (None, None)
    shown = with_slots.call("dashboards_read", "GET", "/dashboards/shop").json["data"]["version"]
    assert (shown["plan_totals"]["usd_per_month"], shown["plan_totals"]["usd_per_refresh"]) == (None, None)


class TestConflict:
    def test_it_brings_the_common_base_and_says_how_to_merge(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.save_shop(SHOP.replace("People in the shop", "Theirs"))
        answer = save(functions, SHOP.replace("People in the shop", "Mine"), expected_version=1)
        (detail,) = answer.json["error"]["details"]
        assert answer.status_code == 409
        assert detail["base_yaml"] == SHOP
        assert "title: Theirs" in detail["current_yaml"]
        assert "title: Mine" in detail["yours"]
        assert "expected_version 2" in detail["merge_hint"]
        assert detail["conflicting_lines"] == [
            {
                "path": "shop.yaml",
                "line": 3,
                "base": "title: People in the shop\n",
                "current": "title: Theirs\n",
                "yours": "title: Mine\n",
            }
        ]
        assert answer.json["error"]["remediation"] != detail["merge_hint"]

    def test_what_fits_together_comes_merged_and_can_be_saved(self, functions: FunctionHost) -> None:
        files = {"sql/names.sql": SQL_FILE}
        save(functions, IN_A_FILE, files=files)
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE.replace("BY id", "BY name")})
        mine = IN_A_FILE.replace("People in the shop", "Mine")
        (detail,) = save(functions, mine, files=files, expected_version=1).json["error"]["details"]
        assert detail["yours_files"] == files
        merged = detail["merged_yaml"], detail["merged_files"]
        assert merged == (mine, {"sql/names.sql": SQL_FILE.replace("BY id", "BY name")})
        saved = save(functions, merged[0], files=merged[1], expected_version=2).json["data"]["results"][0]
        assert (saved["version"], saved["changed"]) == (3, True)

    def test_a_version_that_never_was_has_no_base(self, functions: FunctionHost) -> None:
        answer = save(functions, expected_version=7)
        (detail,) = answer.json["error"]["details"]
        assert (answer.status_code, detail["base_yaml"], detail["current_version"]) == (409, None, 0)

    def test_a_retry_of_a_save_whose_answer_was_lost_is_no_conflict(self, functions: FunctionHost) -> None:
        functions.save_shop()
        first = save(functions, SECOND, expected_version=1)
        again = save(functions, SECOND, expected_version=1)
        assert [one.json["data"]["results"][0]["version"] for one in (first, again)] == [2, 2]
        assert again.json["data"]["results"][0]["changed"] is False


class TestDiff:
    def test_by_default_the_current_version_is_compared_with_the_one_before(
        self, functions: FunctionHost
    ) -> None:
        functions.save_shop()
        functions.save_shop(SECOND)
        data = functions.call("dashboards_read", "GET", "/dashboards/shop/diff").json["data"]
        assert (data["from_version"], data["to_version"]) == (1, 2)
        assert data["queries"] == {"added": [], "removed": [], "changed": ["names"], "reformatted": []}
        assert "-      FROM people WHERE day = @day ORDER BY id\n" in data["text"]
        assert "--- shop@1\n+++ shop@2\n" in data["text"]

    def test_any_two_versions_in_either_direction_with_their_cost(self, functions: FunctionHost) -> None:
        functions.save_shop()
        more = SHOP.replace('values: ["2024-01-01", "2024-01-02"]', 'values: ["2024-01-01"]')
        functions.save_shop(SECOND)
        functions.save_shop(more)
        forth = functions.call("dashboards_read", "GET", "/dashboards/shop/diff?from=1&to=3").json["data"]
        back = functions.call("dashboards_read", "GET", "/dashboards/shop/diff?from=3&to=1").json["data"]
        assert forth["parameters"]["changed"] == ["day"]
        assert forth["bytes_per_refresh_before"] > forth["bytes_per_refresh_after"] > 0
        assert back["bytes_per_refresh_before"] == forth["bytes_per_refresh_after"]
        assert forth["usd_per_month_after"] is not None

    def test_the_first_version_is_all_new(self, functions: FunctionHost) -> None:
        functions.save_shop()
        data = functions.call("dashboards_read", "GET", "/dashboards/shop/diff").json["data"]
        assert (data["from_version"], data["queries"]["added"]) == (0, ["count", "names"])
        assert data["text"].startswith("--- /dev/null\n+++ shop@1\n")

    def test_a_changed_sql_file_shows_by_line_and_by_meaning(self, functions: FunctionHost) -> None:
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE})
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE.replace("BY id", "BY name")})
        data = functions.call("dashboards_read", "GET", "/dashboards/shop/diff").json["data"]
        assert data["queries"]["changed"] == ["names"]
        assert "+++ shop@2:sql/names.sql" in data["text"]

    @pytest.mark.parametrize(
        ("query", "status"),
        [("?from=9", 404), ("?to=9", 404), ("?from=0", 400), ("?from=x", 400), ("?since=1", 400)],
    )
    def test_versions_that_do_not_exist_and_bad_queries_are_refused(
        self, functions: FunctionHost, query: str, status: int
    ) -> None:
        functions.save_shop()
        answer = functions.call("dashboards_read", "GET", f"/dashboards/shop/diff{query}")
        assert answer.status_code == status
        assert answer.json["error"]["message"]

    @pytest.mark.parametrize("version", ["0", "7", "99999999999"])
    def test_a_version_that_does_not_exist_is_told_with_the_latest(
        self, functions: FunctionHost, version: str
    ) -> None:
        functions.save_shop()
        answer = functions.call("dashboards_read", "GET", f"/dashboards/shop/versions/{version}")
        assert answer.status_code == 404
        assert answer.json["error"]["message"] == f"shop has no version {version}; the latest is 1."


class TestRollback:
    def test_it_is_a_new_version_whose_payload_is_served_at_once_and_free(
        self, functions: FunctionHost, bigquery: BigQueryServer
    ) -> None:
        functions.save_shop()
        functions.precompute_shop()
        functions.save_shop(SECOND)
        functions.precompute_shop()
        executed = bigquery.count_jobs()
        answer = roll_back(functions, {"slug": "shop", "to_version": 1})
        (result,) = answer.json["data"]["results"]
        assert (result["version"], result["changed"]) == (3, True)
        data = functions.call("data", "GET", "/data/shop").json["data"]
        assert (data["version"], data["stale"]) == (3, False)
        assert bigquery.count_jobs() == executed
        version = functions.call("dashboards_read", "GET", "/dashboards/shop/versions/3").json["data"]
        assert version["yaml"] == SHOP
        assert version["version"]["message"] == "Roll back shop to version 1"

    def test_to_the_content_that_is_current_makes_no_version(self, functions: FunctionHost) -> None:
        functions.save_shop()
        (result,) = roll_back(functions, {"slug": "shop", "to_version": 1}).json["data"]["results"]
        assert (result["version"], result["changed"]) == (1, False)

    def test_sql_files_come_back_too(self, functions: FunctionHost, tmp_path: Path) -> None:
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE, "sql/unused.sql": "SELECT 1"})
        functions.save_shop()
        stored = tmp_path / "workdir" / "dashboards" / "shop" / "sql" / "names.sql"
        assert not stored.exists()
        roll_back(functions, {"slug": "shop", "to_version": 1})
        assert stored.read_text() == SQL_FILE
        assert not stored.with_name("unused.sql").exists()

    def test_it_is_all_or_nothing(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.save_shop(SECOND)
        answer = roll_back(functions, {"slug": "shop", "to_version": 1}, {"slug": "none", "to_version": 1})
        assert answer.status_code == 404
        assert answer.json["error"]["details"][0]["slug"] == "none"
        summary = functions.call("dashboards_read", "GET", "/dashboards/shop").json["data"]
        assert summary["current_version"] == 2

    def test_somebody_elses_save_in_between_is_a_conflict(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.save_shop(SECOND)
        answer = roll_back(functions, {"slug": "shop", "to_version": 1, "expected_version": 1})
        assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFLICT")

    def test_a_dry_run_changes_nothing(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.save_shop(SECOND)
        answer = functions.call(
            "dashboards_rollback", "POST", "/dashboards/rollback?dry_run=true",
            json=[{"slug": "shop", "to_version": 1}],
        )  # fmt: skip
        assert answer.json["data"]["results"][0]["version"] == 3
        summary = functions.call("dashboards_read", "GET", "/dashboards/shop").json["data"]
        assert summary["current_version"] == 2

    @pytest.mark.parametrize(
        "items",
        [
            [],
            [{"slug": "shop"}],
            [{"slug": "shop", "to_version": 0}],
            [{"slug": "shop", "to_version": "1"}],
            [{"slug": "shop", "to_version": 1}, {"slug": "shop", "to_version": 1}],
            [{"slug": "shop", "to_version": 1, "force": True}],
        ],
    )
    def test_a_bad_body_is_refused(self, functions: FunctionHost, items: list[dict[str, object]]) -> None:
        functions.save_shop()
        answer = roll_back(functions, *items)
        assert (answer.status_code, answer.json["error"]["code"]) == (400, "INVALID_REQUEST")

    def test_a_viewer_may_not(self, functions: FunctionHost) -> None:
        answer = roll_back(functions, {"slug": "shop", "to_version": 1}, email="viewer@example.com")
        assert answer.status_code == 403

    def test_it_leaves_an_action(self, functions: FunctionHost) -> None:
        functions.save_shop()
        roll_back(functions, {"slug": "shop", "to_version": 1})
        found = list_actions(functions.container.database, target="shop")
        actions = [(one.action, one.actor) for one in found]
        assert ("dashboard.rollback", "editor@example.com") in actions


class TestDrift:
    def test_what_was_saved_has_none(self, functions: FunctionHost) -> None:
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE})
        assert read_drift(functions) == []

    def test_a_file_of_the_saved_revision_is_not_read(
        self, functions: FunctionHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        functions.save_shop()
        with monkeypatch.context() as patch:
            patch.setattr(
                functions.container.publisher, "find_changed_files", lambda _: pytest.fail("in vain")
            )
            assert read_drift(functions) == []
        (tmp_path / "workdir" / "dashboards" / "shop" / "shop.yaml").write_text(SECOND)
        commit_outside(tmp_path / "workdir")
        assert read_drift(functions) == [("changed", "dashboards/shop/shop.yaml", 1)]

    def test_every_way_a_file_can_differ_is_named(self, functions: FunctionHost, tmp_path: Path) -> None:
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE})
        folder = tmp_path / "workdir" / "dashboards"
        (folder / "shop" / "sql" / "names.sql").unlink()
        (folder / "stranger").mkdir()
        (folder / "stranger" / "stranger.yaml").write_text("slug: stranger\n")
        (folder / "shop" / "shop.yaml").write_text(SHOP)
        commit_outside(tmp_path / "workdir")
        (folder / "shop" / "shop.yaml").write_text(SECOND)
        assert read_drift(functions) == [
            ("changed", "dashboards/shop/shop.yaml", 1),
            ("edited", "dashboards/shop/shop.yaml", None),
            ("removed", "dashboards/shop/sql/names.sql", 1),
            ("unknown", "dashboards/stranger/stranger.yaml", None),
        ]

    def test_a_changed_sql_file_is_never_overwritten(self, functions: FunctionHost, tmp_path: Path) -> None:
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE})
        stored = tmp_path / "workdir" / "dashboards" / "shop" / "sql" / "names.sql"
        stored.write_text("SELECT 1 AS by_hand\n")
        commit_outside(tmp_path / "workdir")
        answer = save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE.replace("BY id", "BY name")})
        assert answer.status_code == 409
        assert answer.json["error"]["details"][0]["outside"] == "SELECT 1 AS by_hand\n"
        assert stored.read_text() == "SELECT 1 AS by_hand\n"

    def test_a_file_that_was_there_before_the_first_save_is_never_overwritten(
        self, functions: FunctionHost, tmp_path: Path
    ) -> None:
        functions.save_shop()
        stored = tmp_path / "workdir" / "dashboards" / "other" / "other.yaml"
        stored.parent.mkdir()
        stored.write_text("by hand")
        commit_outside(tmp_path / "workdir")
        answer = save(functions, SHOP.replace("slug: shop", "slug: other"))
        assert answer.status_code == 409
        assert functions.call("dashboards_read", "GET", "/dashboards/other").status_code == 404

    def test_the_content_found_outside_can_be_saved_and_built_upon(
        self, functions: FunctionHost, tmp_path: Path
    ) -> None:
        functions.save_shop()
        by_hand = SHOP.replace("People in the shop", "By hand")
        (tmp_path / "workdir" / "dashboards" / "shop" / "shop.yaml").write_text(by_hand)
        commit_outside(tmp_path / "workdir")
        assert functions.save_shop(by_hand)["version"] == 2
        assert functions.save_shop(by_hand.replace("By hand", "By both"))["version"] == 3
        assert read_drift(functions) == []

    def test_other_line_breaks_make_no_version_and_no_drift(
        self, functions: FunctionHost, tmp_path: Path
    ) -> None:
        save(functions, IN_A_FILE, files={"sql/names.sql": SQL_FILE})
        sent = save(
            functions,
            IN_A_FILE.replace("\n", "\r\n"),
            files={"sql/names.sql": SQL_FILE.replace("\n", "\r\n")},
            expected_version=1,
        )
        (answer,) = sent.json["data"]["results"]
        assert (answer["version"], answer["changed"], answer["diff"]["text"]) == (1, False, "")
        stored = tmp_path / "workdir" / "dashboards" / "shop" / "shop.yaml"
        stored.write_bytes(IN_A_FILE.replace("\n", "\r\n").encode())
        commit_outside(tmp_path / "workdir")
        assert read_drift(functions) == []
        titled = IN_A_FILE.replace("People in the shop", "Titled")
        changed = save(functions, titled, files={"sql/names.sql": SQL_FILE}).json["data"]["results"][0]
        assert (changed["version"], changed["blob_revision"] is not None) == (2, True)
        assert stored.read_text() == titled
        assert read_drift(functions) == []

    def test_what_was_written_comes_back_with_its_line_breaks(self, functions: FunctionHost) -> None:
        written = SHOP.replace("\n", "\r\n")
        functions.save_shop(written)
        detail = functions.call("dashboards_read", "GET", "/dashboards/shop").json["data"]
        assert detail["yaml"] == written

    def test_a_removed_file_is_written_again_by_the_next_save(
        self, functions: FunctionHost, tmp_path: Path
    ) -> None:
        functions.save_shop()
        stored = tmp_path / "workdir" / "dashboards" / "shop" / "shop.yaml"
        stored.unlink()
        commit_outside(tmp_path / "workdir")
        assert [kind for kind, _, _ in read_drift(functions)] == ["removed"]
        functions.save_shop(SECOND)
        assert stored.read_text() == SECOND
        assert read_drift(functions) == []

    def test_so_it_is_by_a_save_of_what_is_saved_already(
        self, functions: FunctionHost, tmp_path: Path
    ) -> None:
        functions.save_shop()
        stored = tmp_path / "workdir" / "dashboards" / "shop" / "shop.yaml"
        stored.unlink()
        commit_outside(tmp_path / "workdir")
        saved = functions.save_shop()
        assert (saved["version"], saved["changed"]) == (1, False)
        assert stored.read_text() == SHOP
        assert read_drift(functions) == []

    def test_a_viewer_may_look_and_not_repair(self, functions: FunctionHost) -> None:
        viewer = "viewer@example.com"
        looked = functions.call("dashboards_read", "GET", "/dashboards/drift", email=viewer)
        repaired = functions.call("dashboards_repair", "POST", "/dashboards/drift/repair", email=viewer)
        assert (looked.status_code, repaired.status_code) == (200, 403)


class TestPlan:
    def test_what_a_save_would_invalidate(self, functions: FunctionHost) -> None:
        functions.save_shop()
        fewer = SECOND.replace('values: ["2024-01-01", "2024-01-02"]', 'values: ["2024-01-01"]')
        body = {"dashboards": [{"path": "shop.yaml", "yaml": fewer}], "variants": "default"}
        answer = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
        found = answer.json["data"]["results"][0]["plan"]["invalidates"]
        assert found["version"] == 1
        assert [(one["name"], one["reason"], len(one["fingerprints"])) for one in found["queries"]] == [
            ("names", "changed", 2)
        ]
        assert [(one["parameters"]["day"], one["reason"]) for one in found["variants"]] == [
            ("2024-01-01", "changed"),
            ("2024-01-02", "removed"),
        ]
        assert all(one["payload_key"].endswith(":v:1") for one in found["variants"])

    @pytest.mark.parametrize("yaml", [SHOP, SHOP.replace("title: Names", "title: All names")])
    def test_nothing_when_no_query_changes(self, functions: FunctionHost, yaml: str) -> None:
        functions.save_shop()
        body = {"dashboards": [{"path": "shop.yaml", "yaml": yaml}]}
        answer = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
        found = answer.json["data"]["results"][0]["plan"]["invalidates"]
        assert found == {"version": 1, "queries": [], "variants": []}

    def test_progress_is_one_line_per_dashboard(self, functions: FunctionHost) -> None:
        items = [
            {"path": "shop.yaml", "yaml": SHOP},
            {"path": "bad.yaml", "yaml": "slug: bad"},
            {"path": "other.yaml", "yaml": SHOP.replace("slug: shop", "slug: other")},
        ]
        answer = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile",
            json={"dashboards": items}, headers={"Accept": "application/x-ndjson"},
        )  # fmt: skip
        lines = [json.loads(line) for line in answer.data.splitlines()]
        assert answer.content_type == "application/x-ndjson"
        assert [line["event"] for line in lines] == ["started", "plan", "plan", "plan", "done"]
        assert [line["result"]["valid"] for line in lines[1:4]] == [True, False, True]
        whole = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", json={"dashboards": items[::2]}
        ).json["data"]
        assert [lines[1]["result"], lines[3]["result"]] == whole["results"]

    def test_a_failure_is_the_last_line(self, functions: FunctionHost, bigquery: BigQueryServer) -> None:
        bigquery.gate.stop()
        try:
            answer = functions.call(
                "dashboards_compile", "POST", "/dashboards/compile", data=SHOP, buffered=True,
                headers={"Accept": "application/x-ndjson", "Content-Type": "application/yaml"},
            )  # fmt: skip
        finally:
            bigquery.gate.start()
            bigquery.gate.wait_ready()
        lines = [json.loads(line) for line in answer.data.splitlines()]
        assert [line["event"] for line in lines] == ["started", "error"]
        assert lines[-1]["error"]["code"] == "WAREHOUSE_UNAVAILABLE"
