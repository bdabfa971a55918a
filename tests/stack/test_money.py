"""Budgets, caps and receipts over the wire, through nginx."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.fixtures.stack import ADMIN, EDITOR, SETTINGS, VIEWER, RunningStack, wait_until

pytestmark = pytest.mark.stack

MINIMUM = 10 * 2**20
USER_LIMIT = 50 * 10**9
SLOW = (
    "SELECT COUNT(*) AS n FROM airlines, UNNEST(GENERATE_ARRAY(1, 30000)) AS a, "
    "UNNEST(GENERATE_ARRAY(1, 20000)) AS b WHERE MOD(a * b + LENGTH(carrier) + {}, 7) = 3"
)
"""Takes the emulator longer than any deadline here; a number makes each one a query of its own."""
DASHBOARD = """\
version: 1
slug: slow-money
title: A slow one
dataset: nyc
queries:
  slow: {sql: "%s"}
  other: {sql: "SELECT COUNT(*) AS n FROM airports WHERE alt > %d"}
charts:
  - {id: slow, title: Slow, query: slow, type: metric, value: n}
  - {id: other, title: Other, query: other, type: metric, value: n}
"""


@pytest.fixture(autouse=True)
def quiet(stack: RunningStack) -> Iterator[None]:
    """Nothing is reserved before and after a test: what others lost on purpose has expired."""
    wait_until(lambda: sum_reserved(stack) == 0, 60)
    yield
    wait_until(lambda: sum_reserved(stack) == 0, 60)


def sum_reserved(stack: RunningStack) -> int:
    """Bytes that are reserved, of all budgets; looking settles what has expired."""
    stack.call("GET", "/costs").raise_for_status()
    return int(stack.query("SELECT coalesce(sum(bytes_reserved), 0) FROM cost_ledger")[0][0])


def read_budget(stack: RunningStack, email: str = EDITOR) -> dict[str, Any]:
    """The user's line of today's budgets."""
    budgets = stack.call("GET", "/costs", email=email).json()["data"]["budgets"]
    return next(one for one in budgets if (one["scope"], one["key"]) == ("user", email))


def spend_until(stack: RunningStack, remaining: int, email: str = EDITOR) -> None:
    """Leave `remaining` bytes of the user's budget of today."""
    stack.query(
        "INSERT INTO cost_ledger (id, scope, key, day, bytes_reserved, bytes_billed) "
        "VALUES (:id, 'user', :key, :day, 0, :billed) "
        "ON CONFLICT (scope, key, day) DO UPDATE SET bytes_billed = excluded.bytes_billed",
        id=uuid4(), key=email, day=datetime.now(UTC).date(), billed=USER_LIMIT - remaining,
    )  # fmt: skip


def run_sql(stack: RunningStack, sql: str, **changes: object) -> requests.Response:
    return stack.call("POST", "/sql/run", json={"sql": sql, "dataset": "nyc", **changes})


def test_fifty_at_once_against_room_for_ten_admit_exactly_ten(stack: RunningStack) -> None:
    spend_until(stack, 10 * MINIMUM)
    executed = stack.read_gate()["executed"]

    def attempt(number: int) -> requests.Response:
        sql = f"SELECT name FROM airlines WHERE carrier != 'x{uuid4().hex}{number}'"
        return run_sql(stack, sql, max_bytes_billed=MINIMUM)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(attempt, range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 10, 429: 40}
    assert stack.read_gate()["executed"] == executed + 10
    billed = [answer.json()["data"]["receipt"]["bytes_billed"] for answer in answers if answer.ok]
    assert billed == [MINIMUM] * 10
    refused = next(answer for answer in answers if not answer.ok)
    error = refused.json()["error"]
    assert error["code"] == "BUDGET_EXCEEDED"
    assert int(refused.headers["Retry-After"]) <= 86400
    line = next(one for one in error["details"] if one["refused"])
    assert (line["scope"], line["key"], line["limit_bytes"], line["needed_bytes"]) == (
        "user", EDITOR, USER_LIMIT, MINIMUM,
    )  # fmt: skip
    assert line["used_bytes"] + line["reserved_bytes"] == USER_LIMIT
    assert line["remaining_bytes"] == 0
    left = read_budget(stack)
    assert (left["used_bytes"], left["reserved_bytes"], left["remaining_bytes"]) == (USER_LIMIT, 0, 0)
    spend_until(stack, USER_LIMIT)


def test_a_process_killed_while_its_job_runs_gives_the_budget_back(stack: RunningStack) -> None:
    spend_until(stack, USER_LIMIT)
    bound = float(SETTINGS["WAREHOUSE_TIMEOUT_SECONDS"]) + float(SETTINGS["RESERVATION_GRACE_SECONDS"])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(run_sql, stack, SLOW.format(os.getpid()))
        wait_until(lambda: read_budget(stack)["reserved_bytes"] > 0, 20)
        wait_until(lambda: bool(find_running_jobs(stack)), 20)
        began = time.monotonic()
        stack.kill("sql_run")
        assert answer.result(60).status_code in {502, 503, 504}
    assert read_budget(stack)["reserved_bytes"] > MINIMUM
    wait_until(lambda: read_budget(stack)["reserved_bytes"] == 0, bound + 30, 0.5)
    # One grace more: the first look finds the job still running, and has BigQuery cancel it.
    assert time.monotonic() - began < bound + float(SETTINGS["RESERVATION_GRACE_SECONDS"]) + 10
    assert read_budget(stack)["used_bytes"] == MINIMUM
    stack.wait_ready("sql_run")
    assert run_sql(stack, f"SELECT name FROM airlines WHERE carrier != '{uuid4().hex}'").status_code == 200
    rows = stack.query(
        "SELECT status, bytes_billed FROM query_runs WHERE actor = :a ORDER BY started_at", a=EDITOR
    )
    assert ["failed", MINIMUM] in rows
    assert all(status != "running" for status, _ in rows)


def find_running_jobs(stack: RunningStack, **labels: str) -> set[str]:
    """Jobs with these labels that the emulator is working on."""
    jobs = stack.list_jobs(**labels)
    return {job["jobReference"]["jobId"] for job in jobs if job["status"]["state"] == "RUNNING"}


def test_leaving_a_progress_stream_cancels_its_jobs(stack: RunningStack) -> None:
    yaml = DASHBOARD % (SLOW.format(time.time_ns() % 10**6), time.time_ns() % 10**6)
    saved = stack.call("POST", "/dashboards/save", json={"dashboards": [{"path": "slow.yaml", "yaml": yaml}]})
    assert saved.status_code == 200, saved.text
    with requests.Session() as http:
        http.trust_env = False
        response = http.post(
            f"{stack.url}/precompute",
            json={"slugs": ["slow-money"]},
            headers={"Authorization": f"Bearer {stack.token(EDITOR)}", "Accept": "application/x-ndjson"},
            stream=True,
            timeout=60,
        )
        lines = response.iter_lines()
        assert any(b'"running"' in line for line in lines)
        wait_until(lambda: bool(find_running_jobs(stack, slug="slow-money", query="slow")), 20)
        running = find_running_jobs(stack, slug="slow-money", query="slow")
        response.close()
    began = time.monotonic()
    wait_until(lambda: not find_running_jobs(stack) & running, 15)
    wait_until(lambda: sum_reserved(stack) == 0, 15)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("path", ["/sql/run", "/precompute"])
def test_leaving_a_plain_request_cancels_its_jobs(stack: RunningStack, path: str) -> None:
    number = time.time_ns() % 10**6
    body: dict[str, object] = {"sql": SLOW.format(number), "dataset": "nyc"}
    labels = {"purpose": "sql_run"}
    if path == "/precompute":
        yaml = (DASHBOARD % (SLOW.format(number), number)).replace("slow-money", "slow-plain")
        items = [{"path": "slow-plain.yaml", "yaml": yaml}]
        stack.call("POST", "/dashboards/save", json={"dashboards": items}).raise_for_status()
        body, labels = {"slugs": ["slow-plain"]}, {"slug": "slow-plain", "query": "slow"}
    with closing(HTTPConnection("localhost", stack.stack.ports.nginx, timeout=60)) as connection:
        headers = {"Authorization": f"Bearer {stack.token(EDITOR)}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        wait_until(lambda: bool(find_running_jobs(stack, **labels)), 60)
        (job,) = find_running_jobs(stack, **labels)
    left = time.monotonic()
    wait_until(lambda: job not in find_running_jobs(stack), 15)
    wait_until(lambda: sum_reserved(stack) == 0, 15)
    assert time.monotonic() - left < 15  # well before the job's own deadline
    assert stack.query("SELECT status FROM query_runs WHERE job_id = :job", job=job) == [["cancelled"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sql": ""}, 422, "SQL_INVALID"),
        ({"sql": "SELECT 1; SELECT 2"}, 422, "SQL_NOT_ALLOWED"),
        ({"sql": "SELECT " + "'" + "x" * 1_000_000 + "'"}, 422, "SQL_INVALID"),
        ({"sql": "SELECT " + "(" * 5000 + "1" + ")" * 5000}, 422, "SQL_INVALID"),
        ({"sql": "DROP TABLE airlines"}, 422, "SQL_NOT_ALLOWED"),
        ({"sql": "SELECT * FROM salaries.people"}, 403, "TABLE_NOT_ALLOWED"),
        (
            {"sql": "SELECT 1", "parameters": [{"name": "n", "type": "INT64", "value": "x"}]},
            400,
            "INVALID_REQUEST",
        ),
        ({"sql": "SELECT 1", "max_bytes_billed": -1}, 400, "INVALID_REQUEST"),
        ({"sql": "SELECT 1", "max_bytes_billed": "10 parsecs"}, 400, "INVALID_REQUEST"),
        ({"sql": "SELECT 1", "max_bytes_billed": 2**63}, 400, "INVALID_REQUEST"),
        ({"sql": "SELECT 1", "max_bytes_billed": "0"}, 400, "INVALID_REQUEST"),
        ({"sql": "SELECT name FROM airlines", "max_bytes_billed": 1}, 422, "BYTES_LIMIT_EXCEEDED"),
    ],
)
def test_bad_input_has_its_code_quickly_and_charges_nothing(
    stack: RunningStack, body: dict[str, Any], status: int, code: str
) -> None:
    before, executed = read_budget(stack), stack.read_gate()["executed"]
    began = time.monotonic()
    answer = stack.call("POST", "/sql/run", json={"dataset": "nyc", **body})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert time.monotonic() - began < 5
    assert stack.read_gate()["executed"] == executed
    after = read_budget(stack)
    assert (after["used_bytes"], after["reserved_bytes"]) == (before["used_bytes"], before["reserved_bytes"])


@pytest.mark.parametrize("cap", [MINIMUM, "10 MiB", "0.01048576 GB"])
def test_a_cap_may_be_bytes_or_text(stack: RunningStack, cap: object) -> None:
    answer = run_sql(stack, "SELECT name FROM airlines", max_bytes_billed=cap, dry_run=True)
    assert answer.json()["data"]["cap_bytes"] == MINIMUM


def test_a_plan_names_the_partitioned_table_nobody_filters(stack: RunningStack) -> None:
    answer = run_sql(stack, "SELECT carrier FROM flights", dry_run=True).json()["data"]
    assert answer["partitions"] == [
        {"table": "local.nyc.flights", "column": "flight_date", "filtered": False, "required": False}
    ]
    assert answer["receipt"]["bytes_billed"] == 0
    yaml = "version: 1\nslug: whole\ntitle: Whole\ndataset: nyc\nqueries:\n  all: {sql: SELECT carrier FROM flights}\n"
    yaml += "charts:\n  - {id: all, title: All, query: all, type: table}\n"
    compiled = stack.call(
        "POST", "/dashboards/compile", json={"dashboards": [{"path": "w.yaml", "yaml": yaml}]}
    )
    (found,) = [
        one
        for one in compiled.json()["data"]["results"][0]["diagnostics"]
        if one["code"] == "PARTITION_NOT_FILTERED"
    ]
    assert (found["severity"], found["line"], found["allowed"]) == ("warning", 6, ["flight_date"])
    refused = run_sql(stack, "SELECT carrier FROM flights", max_bytes_billed=1000).json()["error"]
    assert "Filter on flight_date" in refused["remediation"]


def test_every_answer_carries_its_receipt(stack: RunningStack) -> None:
    served = stack.call("GET", "/data/nyc-flights", email=VIEWER).json()["data"]["receipt"]
    assert served["bytes_billed"] == 0
    assert served["bytes_saved"] == served["bytes_estimated"] > 0
    assert float(served["usd_saved"]) > 0
    plan = stack.call("POST", "/dashboards/compile", json={"slugs": ["nyc-flights"]}).json()["data"]
    totals = plan["results"][0]["plan"]["totals"]
    billed, monthly = totals["bytes_billed_per_refresh"], totals["refreshes_per_month"]
    assert totals["bytes_billed_per_month"] == round(billed * float(monthly))
    actual = stack.query(
        "SELECT sum(bytes_billed) FROM query_results WHERE last_job_id IN "
        "(SELECT job_id FROM query_runs WHERE slug = 'nyc-flights')"
    )
    assert actual[0][0] == billed  # what the plan expects is what the first refresh was billed
    again = stack.call("POST", "/precompute", json={"slugs": ["nyc-flights"]}).json()["data"]["results"][0]
    assert again["totals"]["bytes_billed"] == 0
    assert again["totals"]["bytes_saved"] > 0


class TestCosts:
    def test_a_viewer_sees_only_their_own_line(self, stack: RunningStack) -> None:
        data = stack.call("GET", "/costs", params={"by": "user"}, email=VIEWER).json()["data"]
        assert {line["key"] for line in data["results"]} <= {VIEWER}
        assert [one["key"] for one in data["budgets"] if one["scope"] == "user"] == [VIEWER]

    def test_an_administrator_sees_all_and_the_sums_agree(self, stack: RunningStack) -> None:
        by = {
            name: stack.call("GET", "/costs", params={"by": name}, email=ADMIN).json()["data"]
            for name in ("user", "day", "environment", "dashboard", "user,day", "dashboard,user")
        }
        assert ADMIN in {line["key"] for line in by["user"]["results"]}
        assert {"nyc-flights"} <= {line["key"] for line in by["dashboard"]["results"]}
        assert all(data["totals"] == by["environment"]["totals"] for data in by.values())
        assert by["day"]["totals"]["bytes_billed"] > 0
        for data in by.values():
            assert data["totals"]["bytes_billed"] == sum(x["bytes_billed"] for x in data["results"])

    @pytest.mark.parametrize(
        "params",
        [
            {"by": "planet"},
            {"from": "yesterday"},
            {"from": "2026-02-02", "to": "2026-02-01"},
            {"from": "1999-01-01"},
            {"page": "0"},
            {"page_size": "501"},
            {"sort": "up"},
        ],
    )
    def test_bad_queries_are_refused(self, stack: RunningStack, params: dict[str, str]) -> None:
        answer = stack.call("GET", "/costs", params=params)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST")

    def test_nobody_reads_costs_without_signing_in(self, stack: RunningStack) -> None:
        answer = requests.get(f"{stack.url}/costs", timeout=30)
        assert answer.status_code == 401
