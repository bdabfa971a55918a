"""Formats: SARIF that is valid, annotations that cannot be broken out of, and a caret in the right place."""

import json
from pathlib import Path

import jsonschema
import pytest

from deploy.local.parts import REPOSITORY
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from shared.dashboards.formats.github import to_github
from shared.dashboards.formats.sarif import to_sarif
from shared.dashboards.formats.terminal import collect_texts, to_terminal
from shared.dashboards.validation import validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource
from tests.dashboards.builders import MINIMAL, validate
from tests.dashboards.diagnostics_page import read_case, run_case

SARIF_SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text())


@pytest.mark.parametrize("code", DiagnosticCode)
def test_sarif_of_every_code_is_valid(code):
    log = to_sarif(run_case(read_case(code)))
    jsonschema.Draft4Validator(SARIF_SCHEMA).validate(json.loads(json.dumps(log)))
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_carries_position_level_and_fix():
    results = [validate(MINIMAL.replace("title: Sales", "titel: Sales"))]
    (run,) = to_sarif(results)["runs"]
    (found,) = run["results"]
    assert (found["ruleId"], found["level"]) == ("UNKNOWN_KEY", "error")
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "dashboards/sales.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 6}
    (replacement,) = found["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["insertedContent"]["text"] == "title"


def test_sarif_paths_are_uris():
    results = validate_dashboards([DashboardSource("a b/é#1.yaml", "a: [")])
    (run,) = to_sarif(results)["runs"]
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "a%20b/%C3%A9%231.yaml"


def test_sarif_of_valid_dashboards_has_a_run_without_results():
    (run,) = to_sarif([validate(MINIMAL)])["runs"]
    assert run["results"] == []


def test_github_annotations_stay_on_one_line_whatever_the_names_are():
    text = MINIMAL.replace("query: daily", 'query: "x\\n::error::injected%0A"')
    results = validate_dashboards([DashboardSource("a,b:c.yaml", text.replace("slug: sales", "slug: s2"))])
    lines = to_github(results).splitlines()
    assert len(lines) == len(results[0].diagnostics)
    assert all(line.startswith(("::error file=a%2Cb%3Ac.yaml,line=", "::warning file=")) for line in lines)


def test_every_rule_names_its_section_of_the_page():
    page = (REPOSITORY / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    (run,) = to_sarif([], "1.2.3")["runs"]
    assert run["tool"]["driver"]["version"] == "1.2.3"
    for rule in run["tool"]["driver"]["rules"]:
        anchor = rule["help"]["text"].rpartition("docs/diagnostics.md#")[2]
        assert f"(#{anchor})" in page
        assert rule["shortDescription"]["text"] in rule["help"]["markdown"]


def test_a_terminal_shows_the_line_and_a_caret_below_what_is_meant():
    results = [validate(MINIMAL.replace("query: daily", "query: dialy"))]
    shown = to_terminal(results, collect_texts(results), color=False).splitlines()
    assert shown[0] == "error[UNKNOWN_QUERY]: there is no query 'dialy'"
    assert shown[1] == " --> dashboards/sales.yaml:7:38"
    caret = shown[4].index("^")
    assert shown[3][caret : caret + 5] == "dialy"
    assert shown[4].count("^") == 5
    assert shown[-1] == "1 file: 1 error, 0 warnings"


def test_a_terminal_aligns_the_caret_after_wide_characters():
    results = [validate(MINIMAL.replace("title: Trend, query: daily", "title: 東京😀, query: dialy"))]
    shown = to_terminal(results, collect_texts(results), color=False).splitlines()
    before = shown[3].partition("dialy")[0]
    assert shown[4].index("^") == len(before) + 3


def test_a_long_line_is_cut_around_the_caret():
    results = [validate(MINIMAL.replace("title: Trend", f"title: {'x' * 190}, colour: red"))]
    shown = to_terminal(results, collect_texts(results), color=False).splitlines()
    caret = shown[4].index("^")
    assert len(shown[3]) < 130
    assert shown[3][caret:].startswith("colour")


def test_a_terminal_is_never_steered_by_a_file():
    results = validate_dashboards([DashboardSource("a\x1b[2J.yaml", "title: \x1b[31mred\nb: \u202eevil")])
    shown = to_terminal(results, collect_texts(results), color=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_colours_only_add_escapes():
    results = [validate(MINIMAL.replace("query: daily", "query: dialy"))]
    import re

    plain = to_terminal(results, collect_texts(results), color=False)
    colored = to_terminal(results, collect_texts(results), color=True)
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_sql_files_are_shown_with_their_own_lines():
    text = MINIMAL.replace('sql: "SELECT day, total FROM sales"', "file: sql/daily.sql")
    results = [validate(text, {"sql/daily.sql": "SELECT a\nFROM t\nWHERE AND b"})]
    shown = to_terminal(results, collect_texts(results), color=False)
    assert "dashboards/sql/daily.sql:3:" in shown
    assert "3 | WHERE AND b" in shown
