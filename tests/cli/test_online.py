"""The program against the running stack, through nginx."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.parts import REPOSITORY
from tests.cli.conftest import SLUG, YAML, Program
from tests.fixtures.stack import ADMIN, VIEWER, RunningStack

pytestmark = pytest.mark.stack

TOKEN = re.compile(r"ey[A-Za-z0-9_-]+\.")


class TestPlan:
    def test_a_file_is_planned_with_its_cost_and_state(self, online: Program, file: Path) -> None:
        shown = online.run("plan", str(file)).stdout
        assert "airports" in shown
        assert "origin=LGA" in shown
        assert re.search(
            r"3 queries, 2 variants: a refresh reads [\d.]+ kB, bills 31\.5 MB, costs \$[\d.]+; ", shown
        )
        again = online.run("plan", str(file)).stdout
        priced = (
            r"Priced \d{4}-\d\d-\d\d \d\d:\d\d \(UTC\) or later, sources unchanged since: all queries\.\n"
        )
        assert re.search(priced, again)

    def test_json_is_the_apis_plan(self, online: Program, file: Path) -> None:
        (result,) = online.run_json("plan", str(file))["results"]
        assert result["plan"]["totals"]["queries"] == 3
        (default,) = online.run_json("plan", str(file), "--default-variant")["results"]
        assert default["plan"]["totals"]["queries"] == 2

    def test_sources_that_cannot_be_watched_are_named_with_the_reason(
        self, online: Program, file: Path
    ) -> None:
        (file.parent / "sql" / "airports.sql").write_text(
            "SELECT table_name FROM nyc.INFORMATION_SCHEMA.TABLES"
        )
        shown = online.run("plan", str(file)).stdout
        said = (
            "Changes of local.nyc.INFORMATION_SCHEMA.TABLES go unseen (metadata changes without being modified): "
            "refreshed by age."
        )
        assert shown.count(said) == 1

    def test_sql_that_is_refused_is_shown_at_its_line_of_the_sql_file(
        self, online: Program, file: Path
    ) -> None:
        (file.parent / "sql" / "airports.sql").write_text("SELECT faa\nFROM secret.airports\n")
        shown = online.run("plan", str(file), code=1).stdout
        assert "error[SQL_REFUSED]" in shown
        assert "sql/airports.sql:2:6" in shown
        assert "2 | FROM secret.airports" in shown

    def test_saved_dashboards_are_planned_by_slug(self, online: Program) -> None:
        (result,) = online.run_json("plan", "--slug", "nyc-flights")["results"]
        assert result["plan"]["invalidates"] == {
            "version": result["plan"]["version"], "queries": [], "variants": [],
        }  # fmt: skip
        assert "error[NOT_FOUND]" in online.run("plan", "--slug", "nyc-fligths", code=1).stderr


class TestReading:
    def test_precompute_shows_every_query_and_the_totals(self, online: Program, saved: Path) -> None:
        first = online.run("precompute", SLUG).stdout
        assert first.count(SLUG) >= 4
        again = online.run("precompute", SLUG).stdout
        assert again.count("skipped unchanged") == again.count("(no source table changed)") == 3
        (result,) = online.run_json("precompute", SLUG)["results"]
        assert (result["totals"]["bytes_billed"], result["variants_ready"]) == (0, 2)
        assert "error[NOT_FOUND]" in online.run("precompute", "no-such-one", code=1).stderr

    def test_precompute_with_a_parameter_computes_a_value_that_is_not_listed(
        self, online: Program, saved: Path, stack: RunningStack
    ) -> None:
        saved.write_text(YAML.replace("values: [JFK, LGA]", "values: [JFK, LGA], allow_other: true"))
        online.run("save", str(saved))
        refused = online.run("data", SLUG, "-p", "origin=EWR", code=1).stderr
        assert f"almanac precompute {SLUG} --param origin=EWR" in " ".join(refused.split())
        viewer = Program(online.environment | {"ALMANAC_TOKEN": stack.token(VIEWER)})
        (result,) = viewer.run_json("precompute", SLUG, "--param", "origin=EWR")["results"]
        assert (result["variants"], result["variants_ready"]) == (1, 1)
        assert viewer.run_json("data", SLUG, "-p", "origin=EWR")["parameters"] == {"origin": "EWR"}
        assert "error[FORBIDDEN]" in viewer.run("precompute", SLUG, "-p", "origin=LGA", code=1).stderr
        assert "Name one" in online.run("precompute", "--all", "-p", "origin=EWR", code=2).stderr

    def test_data_is_a_table_per_query(self, online: Program, saved: Path) -> None:
        online.run("precompute", SLUG)
        shown = online.run("data", SLUG, "airports", "-n", "2").stdout
        assert "From the terminal (origin=JFK)" in shown
        assert re.search(r"TEX\s+\W\s+Telluride", shown)
        other = online.run_json("data", SLUG, "-p", "origin=LGA")
        assert other["parameters"] == {"origin": "LGA"}
        refused = online.run("data", SLUG, "-p", "origin=ORD", code=1).stderr
        assert "accepted:" in refused
        assert "there are: airports, flights" in online.run("data", SLUG, "nope", code=2).stderr

    def test_lineage_of_a_table_is_every_dashboard_that_reads_it(self, online: Program, saved: Path) -> None:
        table = next(
            node["name"] for node in online.run_json("lineage", SLUG)["nodes"] if node["type"] == "table"
        )
        assert "dashboard From the terminal" in online.run("lineage", "--table", table).stdout
        nobody = online.run("lineage", "--table", f"{table}_x").stdout
        assert nobody == f"No dashboard reads {table}_x.\n"
        shown = online.run("lineage", "--table", table, "--column", "zzz").stdout
        assert shown.startswith(f"No dashboard reads zzz of {table}; ")
        assert "From the terminal" in shown
        assert online.run_json("lineage", "--table", f"{table}_x") == {"nodes": [], "edges": []}
        assert online.run_json("lineage", "--table", table, "--page", "2") == {"nodes": [], "edges": []}
        beyond = online.run("lineage", "--table", table, "--page", "2").stdout
        assert re.fullmatch(r"Page 2 of 1: \d+ dashboards in all\.\n", beyond)
        assert online.run("lineage", SLUG, "--page", "2", code=2).stderr.startswith("error")
        assert online.run("lineage", SLUG, "--table", table, code=2).stderr.startswith("error")
        assert online.run("lineage", code=2).stderr.startswith("error")

    def test_lineage_is_a_tree_down_to_tables_or_columns(self, online: Program, saved: Path) -> None:
        tables = online.run("lineage", SLUG).stdout
        assert "chart Airports" in tables
        assert "table local.nyc.airports" in tables
        columns = online.run_json("lineage", SLUG, "--level", "column")
        assert "bq:local.nyc.airports#faa" in {node["id"] for node in columns["nodes"]}

    def test_costs_show_lines_totals_and_budgets(self, online: Program, stack: RunningStack) -> None:
        online.environment["ALMANAC_TOKEN"] = stack.token(ADMIN)
        shown = online.run("costs", "--by", "dashboard").stdout
        assert "nyc-flights" in shown
        assert "budget" in shown
        assert online.run_json("costs")["by"] == "day"
        assert "error[INVALID_REQUEST]" in online.run("costs", "--from", "yesterday", code=1).stderr


class TestRun:
    def test_a_query_gives_rows_and_a_receipt(self, online: Program) -> None:
        shown = online.run(
            "run",
            "SELECT name FROM airlines WHERE carrier = @carrier",
            "--dataset",
            "nyc",
            "-p",
            "carrier=AA",
        ).stdout
        assert "American Airlines Inc." in shown
        assert re.search(r"1 of 1 rows; billed [\d.]+ MB \(\$[\d.]+\)", shown)

    def test_a_dry_run_costs_nothing(self, online: Program, tmp_path: Path) -> None:
        (tmp_path / "q.sql").write_text("SELECT name FROM nyc.airlines WHERE LENGTH(name) > @n")
        shown = online.run("run", "--file", str(tmp_path / "q.sql"), "-p", "n:INT64=3", "--dry-run").stdout
        assert re.search(r"would read [\d.]+ k?B, bill 10\.5 MB, cost \$0\.00006;", shown)
        assert "nothing was billed" in shown

    def test_sql_from_standard_input(self, online: Program) -> None:
        answer = online.run_json("run", "-", "--max-bytes", "50 MB", stdin="SELECT 1 AS one")
        assert answer["rows"] == [[1]]

    def test_what_the_guard_refuses_is_shown_with_its_code(self, online: Program) -> None:
        shown = online.run("run", "DROP TABLE nyc.flights", code=1).stderr
        assert "error[SQL_NOT_ALLOWED]" in shown
        assert "trace " in shown


class TestSignIn:
    def test_a_pasted_token_is_checked_stored_privately_and_used(
        self, program: Program, stack: RunningStack
    ) -> None:
        program.environment["ALMANAC_URL"] = stack.url
        assert "error[UNAUTHENTICATED]" in program.run("data", "nyc-flights", code=3).stderr
        refused = program.run("login", "--paste", stdin="ey.not.one", code=3)
        assert "error[UNAUTHENTICATED]" in refused.stderr
        shown = program.run("login", "--paste", stdin=stack.token(VIEWER) + "\n").stdout
        assert shown == f"Signed in to {stack.url} as {VIEWER}.\n"
        path = Path(program.environment["XDG_CONFIG_HOME"]) / "almanac" / "credentials.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(path.read_text()) == {stack.url: stack.token(VIEWER)}
        program.run("data", "nyc-flights", "-n", "1")
        program.run("logout")
        program.run("data", "nyc-flights", code=3)

    def test_the_service_says_where_and_as_what_to_sign_in(
        self, program: Program, stack: RunningStack
    ) -> None:
        visitor = f"{sys.executable} -m tests.cli.visitor {VIEWER} %s &"
        environment = {**os.environ, **program.environment, "ALMANAC_URL": stack.url, "BROWSER": visitor}
        command = [sys.executable, "-m", "almanac_cli"]
        ended = subprocess.run(
            [*command, "login"], env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert ended.stdout == f"Signed in to {stack.url} as {VIEWER}.\n", ended.stderr
        program.environment["ALMANAC_URL"] = stack.url
        assert program.run("list").stdout

    def test_without_a_token_it_is_said_how_to_get_one(self, program: Program, stack: RunningStack) -> None:
        program.environment["ALMANAC_URL"] = stack.url
        shown = program.run("list", code=3).stderr
        assert "`almanac login`" in shown
        assert "ALMANAC_TOKEN" in shown
        assert "/auth" not in shown

    def test_a_token_command_is_asked(self, program: Program, stack: RunningStack, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(stack.token(VIEWER))
        program.environment |= {
            "ALMANAC_URL": stack.url,
            "ALMANAC_TOKEN_COMMAND": f"cat '{tmp_path / 'token'}'",
        }
        program.run("data", "nyc-flights", "-n", "1")

    @pytest.mark.parametrize(
        "arguments", [["data", "no-such-one"], ["costs", "--from", "x"], ["rollback", "nope@1"]]
    )
    def test_no_token_is_ever_shown(self, online: Program, arguments: list[str]) -> None:
        shown = online.run(*arguments, code=1)
        assert shown.stderr
        assert not TOKEN.search(shown.stdout + shown.stderr)
