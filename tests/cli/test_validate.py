"""`almanac validate`: offline, with an exit code for pipelines."""

import json
import os
import pty
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest

from almanac_cli.parallel_validation import MIN_FILES, validate_sources
from shared.dashboards.validation import validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource
from tests.cli.conftest import Program
from tests.fixtures.functions import SHOP

REPOSITORY = Path(__file__).resolve().parents[2]
SARIF_SCHEMA = REPOSITORY / "tests" / "dashboards" / "data" / "sarif-2.1.0.json"
BAD = SHOP.replace("query: names", "query: nmaes")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one good dashboard; it is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards" / "shop.yaml").write_text(SHOP)
    return tmp_path / "dashboards"


def test_the_folder_dashboards_is_what_is_validated_unless_told_otherwise(
    program: Program, folder: Path
) -> None:
    assert program.run("validate").stdout == "1 file: 0 errors, 0 warnings\n"
    (folder / "bad.yaml").write_text(BAD.replace("slug: shop", "slug: bad"))
    shown = program.run("validate", code=1).stdout
    assert "error[UNKNOWN_QUERY]" in shown
    assert " --> dashboards/bad.yaml:17:38" in shown
    assert "^^^^^" in shown
    assert "\x1b" not in shown
    program.run("validate", "dashboards/shop.yaml")


def test_it_needs_no_service_and_no_token(program: Program, folder: Path) -> None:
    program.environment["ALMANAC_TOKEN_COMMAND"] = "false"
    program.run("validate", str(folder))


def test_json_has_every_diagnostic_with_its_position(program: Program, folder: Path) -> None:
    (folder / "shop.yaml").write_text(BAD)
    results = program.run_json("validate", code=1)["results"]
    found = {one["code"]: one for one in results[0]["diagnostics"]}
    assert (found["UNKNOWN_QUERY"]["line"], found["UNKNOWN_QUERY"]["suggestion"]) == (17, "names")
    assert results[0]["valid"] is False


def test_sarif_is_valid_against_its_schema(program: Program, folder: Path) -> None:
    (folder / "shop.yaml").write_text(BAD)
    log = json.loads(program.run("validate", "--format", "sarif", code=1).stdout)
    jsonschema.validate(log, json.loads(SARIF_SCHEMA.read_text()))
    assert "UNKNOWN_QUERY" in {one["ruleId"] for one in log["runs"][0]["results"]}


def test_sarif_names_the_release_and_files_from_the_top_of_the_repository(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "shop.yaml").write_text(BAD)
    (folder.parent / ".git").mkdir()
    monkeypatch.chdir(folder)
    for path in ("shop.yaml", str(folder / "shop.yaml"), "../dashboards"):
        (run,) = json.loads(program.run("validate", path, "--format", "sarif", code=1).stdout)["runs"]
        assert run["tool"]["driver"]["version"] == version("almanac")
        places = [one["locations"][0]["physicalLocation"] for one in run["results"]]
        assert {place["artifactLocation"]["uri"] for place in places} == {"dashboards/shop.yaml"}
    line = program.run("validate", "shop.yaml", "--format", "github", code=1).stdout
    assert line.startswith("::error file=dashboards/shop.yaml,line=17,")


def test_standard_input_is_judged_as_the_file_it_stands_for(program: Program, folder: Path) -> None:
    assert program.run("validate", "-", stdin=SHOP).stdout == "1 file: 0 errors, 0 warnings\n"
    assert " --> -:17:38" in program.run("validate", "-", stdin=BAD, code=1).stdout
    sql = "    sql: |\n      SELECT id, name\n      FROM people WHERE day = @day ORDER BY id\n"
    text = SHOP.replace(sql, "    file: sql/names.sql\n")
    (folder / "sql").mkdir()
    (folder / "sql" / "names.sql").write_text("SELECT id FROM people WHERE day = @day")
    program.run("validate", "-", stdin=text, code=1)
    named = ["validate", "-", "--stdin-filename", "dashboards/other.yaml"]
    shown = program.run(*named, stdin=text).stdout
    assert "FILE_NAME_MISMATCH" in shown
    assert " --> dashboards/other.yaml:2:7" in shown
    assert "[YAML_TOO_LARGE]" in program.run("validate", "-", stdin="x" * 3_000_000, code=1).stdout


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("environment", "colorful"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colour_unless_it_was_told_otherwise(
    folder: Path, environment: dict[str, str], colorful: bool
) -> None:
    (folder / "shop.yaml").write_text(BAD)
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "almanac_cli", "validate"],
        stdout=theirs,
        env={**inherited, "TERM": "xterm", "PYTHONPATH": str(REPOSITORY), **environment},
        cwd=folder.parent,
        check=False,
    )
    os.close(theirs)
    assert (b"\x1b[" in os.read(ours, 65536)) is colorful
    os.close(ours)


def test_github_gets_annotations(program: Program, folder: Path) -> None:
    (folder / "shop.yaml").write_text(BAD)
    lines = program.run("validate", "--format", "github", code=1).stdout.splitlines()
    assert any(line.startswith("::error file=dashboards/shop.yaml,line=17,") for line in lines)


def test_two_files_with_one_slug_clash_wherever_they_are(program: Program, folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "shop.yml").write_text(SHOP)
    assert program.run("validate", code=1).stdout.count("error[DUPLICATE_SLUG]") == 2


def test_sql_files_are_read_relative_to_the_yaml(program: Program, folder: Path) -> None:
    sql = "    sql: |\n      SELECT id, name\n      FROM people WHERE day = @day ORDER BY id\n"
    (folder / "shop.yaml").write_text(SHOP.replace(sql, "    file: sql/names.sql\n"))
    assert "error[FILE_" in program.run("validate", code=1).stdout
    (folder / "sql").mkdir()
    (folder / "sql" / "names.sql").write_text("SELECT id FROM people WHERE day = @day")
    program.run("validate")


@pytest.mark.parametrize("name", ["../secret.sql", "/etc/passwd", "sql/link.sql"])
def test_nothing_outside_the_folder_is_read(program: Program, folder: Path, name: str) -> None:
    sql = "    sql: SELECT COUNT(*) AS people FROM people WHERE day >= '2024-01-01'\n"
    secret = folder.parent / "secret.sql"
    secret.write_text("SELECT 'do not show this'")
    (folder / "sql").mkdir()
    (folder / "sql" / "link.sql").symlink_to(secret)
    (folder / "shop.yaml").write_text(SHOP.replace(sql, f"    file: {name}\n"))
    shown = program.run("validate", code=1)
    assert "error[FILE_" in shown.stdout
    assert "do not show this" not in shown.stdout + shown.stderr


def test_a_dashboard_that_is_a_link_out_of_the_folder_is_a_diagnostic(program: Program, folder: Path) -> None:
    outside = folder.parent / "outside.yaml"
    outside.write_text("secret: here")
    (folder / "link.yaml").symlink_to(outside)
    shown = program.run("validate", code=1).stdout
    assert "FILE_UNREADABLE" in shown
    assert "secret" not in shown


def test_warnings_pass_unless_strict(program: Program, folder: Path) -> None:
    (folder / "shop.yaml").rename(folder / "other.yaml")
    assert "FILE_NAME_MISMATCH" in program.run("validate").stdout
    program.run("validate", "--strict", code=1)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "YAML_EMPTY"),
        (b"\xff\xfe\x00", "YAML_ENCODING"),
        (b"a: &a [x]\nb: *a\n", "YAML_ANCHOR"),
        (b"slug: [", "YAML_SYNTAX"),
        (b"x" * 3_000_000, "YAML_TOO_LARGE"),
        (b"\xef\xbb\xbfslug: \xf0\x9f\x98\x80\r\n", "INVALID_NAME"),
    ],
)
def test_bad_files_are_diagnostics(program: Program, folder: Path, content: bytes, code: str) -> None:
    (folder / "bad.yaml").write_bytes(content)
    assert f"[{code}]" in program.run("validate", code=1).stdout


@pytest.mark.parametrize("arguments", [["nowhere"], ["--format", "xml"], ["--nonsense"]])
def test_wrong_usage_has_an_exit_code_of_its_own(
    program: Program, folder: Path, arguments: list[str]
) -> None:
    assert program.run("validate", *arguments, code=2).stderr


def test_a_folder_without_dashboards_is_told(program: Program, folder: Path) -> None:
    (folder / "shop.yaml").unlink()
    assert "no dashboard file" in program.run("validate", code=2).stderr


def test_the_samples_of_this_repository_are_valid(program: Program) -> None:
    program.run("validate", str(REPOSITORY / "dashboards"))


def test_many_files_are_judged_as_one_by_one(tmp_path: Path) -> None:
    texts = [SHOP.replace("slug: shop", f"slug: shop-{number}") for number in range(MIN_FILES)]
    texts += [BAD, SHOP, SHOP, "slug: [", ""]
    sources = [DashboardSource(f"{number}.yaml", text) for number, text in enumerate(texts)]
    alone = [(one.path, one.valid, one.diagnostics) for one in validate_dashboards(sources)]
    together = [(one.path, one.valid, one.diagnostics) for one in validate_sources(sources, processes=2)]
    assert together == alone
    assert sum(item.code == "DUPLICATE_SLUG" for _, _, found in together for item in found) == 3


@pytest.mark.usefixtures("programs")
def test_it_loads_nothing_that_only_other_commands_use(folder: Path) -> None:
    script = (
        "import atexit, sys\nfrom almanac_cli.app import app\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\napp(['validate'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder.parent, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("1 file"), done.stderr
    loaded = set(done.stderr.split())
    assert {"sqlglot", "jsonschema_rs"} <= loaded
    unwanted = {"requests", "urllib3", "rich", "http.server", "sqlalchemy", "flask", "google.cloud.bigquery"}
    assert unwanted.isdisjoint(loaded)
