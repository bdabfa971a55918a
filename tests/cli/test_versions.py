"""Saving, comparing and reading versions with the program, against the running stack."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import SLUG, SQL, YAML, Program
from tests.fixtures.stack import EDITOR, VIEWER, RunningStack

pytestmark = pytest.mark.stack

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d"


class TestVersions:
    def test_a_change_is_compared_saved_and_taken_back(self, online: Program, saved: Path) -> None:
        saved.write_text(YAML.replace("'2013-01-31'", "'2013-02-28'"))
        compared = online.run("diff", str(saved)).stdout
        assert "queries changed: flights" in compared
        assert (
            "+      WHERE origin = @origin AND flight_date BETWEEN '2013-01-01' AND '2013-02-28'" in compared
        )
        would = online.run("save", str(saved), "--dry-run").stdout
        number = int(re.search(rf"{SLUG} would be at version (\d+)", would).group(1))
        online.run("save", str(saved), "-m", "A month more", "--expected-version", str(number - 1))
        assert "queries changed: flights" in online.run("diff", SLUG).stdout
        assert online.run_json("diff", SLUG, "--from", str(number), "--to", str(number - 1))["text"]
        back = online.run_json("rollback", f"{SLUG}@{number - 1}")["results"][0]
        assert (back["version"], back["changed"]) == (number + 1, True)

    def test_saving_the_same_again_says_so(self, online: Program, saved: Path) -> None:
        assert "is saved already" in online.run("save", str(saved)).stdout

    def test_a_conflict_shows_what_the_others_did(self, online: Program, saved: Path) -> None:
        version = online.run_json("save", str(saved))["results"][0]["version"]
        saved.write_text(YAML.replace("From the terminal", "Theirs"))
        online.run("save", str(saved), "-m", "Theirs it is")
        saved.write_text(YAML.replace("From the terminal", "Mine"))
        arguments = ["save", str(saved), "--expected-version", str(version)]
        shown = online.run(*arguments, code=1)
        assert "-title: From the terminal\n+title: Theirs\n" in shown.stdout
        assert "-title: From the terminal\n+title: Mine\n" in shown.stdout
        assert f"+++ {saved}\n" in shown.stdout
        assert f"Both changed the same lines ({SLUG}.yaml:3)" in shown.stdout
        assert "There is no merge" in online.run(*arguments, "--write-merge", code=1).stderr
        row = rf"{version + 1} \W+{EDITOR}\W+{TIME}\W+Theirs it is"
        assert re.search(row, shown.stdout)
        assert f"almanac save {saved} --expected-version {version + 1}" in shown.stdout
        assert re.fullmatch(r"error\[CONFLICT\]: [^\n]+\n  trace [0-9a-f]+\n", shown.stderr)
        error = online.run_json(*arguments, code=1)["error"]
        assert error["details"][0]["base_yaml"] == YAML

    def test_changes_that_fit_together_are_merged_into_the_file(self, online: Program, saved: Path) -> None:
        version = online.run_json("save", str(saved))["results"][0]["version"]
        sql = saved.parent / "sql" / "airports.sql"
        saved.write_text(YAML.replace("From the terminal", "Theirs"))
        sql.write_text(SQL.replace("9000", "8000"))
        online.run("save", str(saved))
        saved.write_text(YAML.replace("title: Flights,", "title: Ours,"))
        sql.write_text(SQL)
        arguments = ["save", str(saved), "--expected-version", str(version)]
        shown = online.run(*arguments, code=1)
        assert "Both changes fit together: `--write-merge`" in shown.stdout
        assert f"+++ {SLUG}@{version + 1}:sql/airports.sql" in shown.stdout
        assert "Theirs" not in saved.read_text()
        assert f"Wrote the merge into {saved}." in online.run(*arguments, "--write-merge", code=1).stderr
        assert saved.read_text() == YAML.replace("From the terminal", "Theirs").replace(
            "title: Flights,", "title: Ours,"
        )
        assert sql.read_text() == SQL.replace("9000", "8000")
        online.run("save", str(saved), "--expected-version", str(version + 1))
        sql.write_text(SQL)

    def test_a_version_that_never_was_is_a_conflict_without_changes(
        self, online: Program, saved: Path
    ) -> None:
        saved.write_text(YAML.replace("From the terminal", "Mine"))
        shown = online.run("save", str(saved), "--expected-version", "99999", code=1)
        assert f"{SLUG} has no version 99999" in shown.stdout

    def test_a_file_keeps_its_name_in_a_diff(self, online: Program, saved: Path) -> None:
        saved.write_text(YAML.replace("From the terminal", "Mine"))
        (saved.parent / "sql" / "airports.sql").write_text("SELECT faa, name FROM airports\n")
        shown = online.run("diff", str(saved)).stdout
        assert f"\n+++ {saved}\n" in shown
        assert f"\n+++ {saved}:sql/airports.sql\n" in shown
        assert re.search(rf"\n--- {SLUG}@\d+\n", shown)

    @pytest.mark.parametrize("command", ["save", "diff", "plan"])
    def test_what_only_the_warehouse_knows_is_shown_with_its_line_too(
        self, online: Program, file: Path, command: str
    ) -> None:
        (file.parent / "sql" / "airports.sql").write_text("SELECT faa\nFROM secret.airports\n")
        shown = online.run(command, str(file), code=1)
        assert " --> " in shown.stdout + shown.stderr
        assert "2 | FROM secret.airports\n  |      ^^^^^^" in shown.stdout + shown.stderr

    def test_what_is_saved_is_listed_and_shown(self, online: Program, saved: Path) -> None:
        version = online.run_json("save", str(saved))["results"][0]["version"]
        assert f"{SLUG}@{version}" in online.run("list", "-q", "the terminal").stdout
        assert "No dashboard is saved that fits" in online.run("list", "--owner", "nobody@example.com").stdout
        assert {one["slug"] for one in online.run_json("list", "--tag", "weather")["results"]} == {
            "nyc-weather-delays"
        }
        assert re.search(rf"{SLUG}@{version} \W+{TIME}\W+{EDITOR}", online.run("versions", SLUG).stdout)
        assert online.run_json("versions", SLUG)["total"] >= version
        assert online.run("show", SLUG).stdout == YAML
        assert online.run("show", f"{SLUG}@{version}").stdout == YAML
        assert online.run("show", SLUG, "--file", "sql/airports.sql").stdout == SQL
        assert "there are: sql/airports.sql" in online.run("show", SLUG, "--file", "x.sql", code=2).stderr
        assert online.run_json("show", SLUG)["version"]["version"] == version
        assert "`almanac list`" in online.run("show", "no-such-one", code=1).stderr
        assert f"`almanac versions {SLUG}`" in online.run("show", f"{SLUG}@99999", code=1).stderr

    def test_there_is_no_drift_of_it_and_a_viewer_may_not_repair(
        self, online: Program, saved: Path, stack: RunningStack
    ) -> None:
        found = online.run_json("drift")["results"]
        assert found == []
        assert online.run("drift", "--repair").stdout == "Saved versions and files agree.\n"
        viewer = Program({**online.environment, "ALMANAC_TOKEN": stack.token(VIEWER)})
        assert "error[FORBIDDEN]" in viewer.run("drift", "--repair", code=1).stderr
