"""The guard's corpus over the wire: every statement as a request to /sql/run through nginx, none of it charged."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests

from deploy.local.environment import PROJECT
from shared.errors import ErrorCode
from tests.fixtures.stack import EDITOR, RunningStack
from tests.guard.corpus import Case, read_corpus

pytestmark = pytest.mark.stack

CALLERS = 8
SAMPLE = {f"proj.nyc.{name}" for name in ("airlines", "airports", "flights", "planes", "weather")}
# What BigQuery runs and the emulator does not: a CTE that comes later, an array of an alias, `rb`.
NOT_EMULATED = {
    "SELECT rb'a'",
    "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
    "SELECT * FROM UNNEST([STRUCT([1] AS sub)]) AS i, i.sub",
}
# An empty dataset is no request at all (400), and this stack allows one dataset, where the corpus allows two.
CASES = [
    replace(case, verdict=ErrorCode.TABLE_NOT_ALLOWED)
    if any(table.startswith("other-proj.") for table in case.tables or ())
    else case
    for case in read_corpus()
    if case.default_dataset != ""
]


@pytest.fixture(scope="module")
def answers(stack: RunningStack) -> list[requests.Response]:
    """The answer to each case, in order; nothing ran and nothing was charged for any of them.

    What is counted is the caller's own: the stack's scheduler may refresh a dashboard at any moment.
    """

    def ask(case: Case) -> requests.Response:
        return stack.call("POST", "/sql/run", json=build_body(case))

    before = (len(stack.list_jobs(purpose="sql_run")), sum_ledger(stack))
    with ThreadPoolExecutor(CALLERS) as pool:
        answered = list(pool.map(ask, CASES))
    assert (len(stack.list_jobs(purpose="sql_run")), sum_ledger(stack)) == before
    return answered


def build_body(case: Case) -> dict[str, Any]:
    """The request for a dry run of the case, with the project of the corpus being the stack's own."""
    body: dict[str, Any] = {"sql": name_project(case.sql), "dry_run": True}
    if case.default_dataset is not None:
        body["dataset"] = case.default_dataset
    return body


def name_project(text: str) -> str:
    """`proj`, the environment's project in the corpus, as it is called here."""
    return re.sub(r"(?<!-)\bproj\b", PROJECT, text, flags=re.IGNORECASE)


def sum_ledger(stack: RunningStack) -> int:
    """All bytes that were ever billed to the caller or are reserved."""
    sums = "SELECT coalesce(sum(bytes_billed + bytes_reserved), 0) FROM cost_ledger WHERE key = :key"
    return int(stack.query(sums, key=EDITOR)[0][0])


def test_no_statement_that_may_not_run_passes(answers: list[requests.Response]) -> None:
    refused = [(case, answer) for case, answer in zip(CASES, answers, strict=True) if case.verdict != "allow"]
    wrong = [describe(case, answer) for case, answer in refused if not is_refused_as_written(case, answer)]
    assert len(refused) > 200
    assert wrong == []


def test_no_reading_query_is_refused_by_the_guard(answers: list[requests.Response]) -> None:
    """BigQuery may still refuse it: most tables of the corpus do not exist."""
    allowed = [(case, answer) for case, answer in zip(CASES, answers, strict=True) if case.verdict == "allow"]
    wrong = [
        describe(case, answer) for case, answer in allowed if is_guards(answer) or answer.status_code >= 500
    ]
    assert len(allowed) > 100
    assert wrong == []


def test_what_reads_the_sample_is_planned_by_bigquery_too(answers: list[requests.Response]) -> None:
    """Not only does the guard let it through: the second witness confirms it, and there is a price."""
    readable = [
        (case, answer)
        for case, answer in zip(CASES, answers, strict=True)
        if case.verdict == "allow" and case.tables is not None and SAMPLE.issuperset(case.tables)
    ]
    planned = [answer for _, answer in readable if answer.status_code == 200]
    wrong = [
        describe(case, answer)
        for case, answer in readable
        if answer.status_code != 200 and case.sql not in NOT_EMULATED and not is_about_columns(answer)
    ]
    assert wrong == []
    assert len(planned) > 25
    assert all(answer.json()["data"]["output_schema"] for answer in planned)


def is_about_columns(answer: requests.Response) -> bool:
    """Whether BigQuery found the tables, and not the columns that the corpus makes up."""
    error = answer.json()["error"]
    return error["code"] == "SQL_INVALID" and error["message"].startswith(
        # The last two are about the same UNION: the emulator's words, and those of Google's analyser once it is ready.
        ("Unrecognized name", "Set operations", "Queries in UNION ALL have mismatched column count")
    )


def test_a_wildcard_runs(stack: RunningStack) -> None:
    body = {"sql": "SELECT COUNT(carrier) AS n FROM `nyc.fl*`", "dataset": "nyc"}
    before = len(stack.list_jobs(purpose="sql_run"))
    answer = stack.call("POST", "/sql/run", json=body)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert len(stack.list_jobs(purpose="sql_run")) == before + 1
    assert data["referenced_tables"] == [f"{PROJECT}.nyc.fl*"]
    assert data["rows"] == [[336776]]


def is_refused_as_written(case: Case, answer: requests.Response) -> bool:
    """Whether code, rule, finding and position are those of the corpus."""
    error = answer.json()["error"]
    if error is None or error["code"] != case.verdict:
        return False
    first = error["details"][0]
    expected = {"rule": case.rule, "found": case.found and name_project(case.found), "line": case.line}
    if name_project(case.sql) == case.sql:
        expected["column"] = case.column
    return all(first[key] == value for key, value in expected.items() if value is not None)


def is_guards(answer: requests.Response) -> bool:
    """Whether one of the guard's rules refused it."""
    error = answer.json()["error"]
    return error is not None and any("rule" in detail for detail in error["details"])


def describe(case: Case, answer: requests.Response) -> str:
    """The case and what it was answered."""
    return f"{case.group}: {case.sql[:200]!r}: {answer.status_code} {answer.json()['error']}"
