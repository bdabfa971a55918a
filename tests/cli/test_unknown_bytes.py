"""Bytes that BigQuery does not tell, or only the least of, in the program's words."""

import json

import pytest

from deploy.local.parts import REPOSITORY
from tests.cli.conftest import Program
from tests.cli.front_end import FrontEnd

NDJSON = "application/x-ndjson"
PLANNED = json.loads((REPOSITORY / "tests/golden/plan_sample.json").read_text())["results"][0]


def say_plans(front_end: FrontEnd, accuracies: list[str]) -> None:
    """One plan for each: its first query has the accuracy, and so have its totals."""
    lines = []
    for accuracy in accuracies:
        result = json.loads(json.dumps(PLANNED))
        query, totals = result["plan"]["queries"][0], result["plan"]["totals"]
        query["accuracy"] = totals["accuracy"] = accuracy
        if accuracy == "UNKNOWN":
            query |= {"bytes_estimated": None, "bytes_billed_expected": None, "usd_billed_expected": None}
            totals |= {"usd_per_refresh": None, "usd_per_month": None}
        lines.append({"event": "plan", "result": result})
    text = "".join(f"{json.dumps(line)}\n" for line in [*lines, {"event": "done"}])
    front_end.say(200, body=text.encode(), kind=NDJSON)


@pytest.mark.parametrize(
    ("accuracy", "queried"), [("UNKNOWN", "unknown"), ("LOWER_BOUND", "at least 728.1 kB")]
)
def test_a_plan_says_that_they_are_unknown_or_at_least_so_many(
    program: Program, front_end: FrontEnd, accuracy: str, queried: str
) -> None:
    say_plans(front_end, [accuracy])
    program.environment["COLUMNS"] = "200"  # no cell of the table is broken into lines
    shown = program.run("plan", "--slug", "golden-sample").stdout
    assert queried in shown
    assert "a refresh reads at least " in shown
    assert ", bills at least " in shown


@pytest.mark.parametrize(
    ("second", "bound"), [("PRECISE", "most"), ("UNKNOWN", "least"), ("LOWER_BOUND", "least")]
)
def test_several_plans_are_bounded_by_what_is_known(
    program: Program, front_end: FrontEnd, second: str, bound: str
) -> None:
    say_plans(front_end, ["UPPER_BOUND", second])
    shown = program.run("plan", "--slug", "golden-sample", "--slug", "another").stdout
    assert shown.rstrip().endswith(f" per refresh, at {bound}.")
