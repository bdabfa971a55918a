"""Processes killed at random moments during refreshes: payloads stay whole and say the truth."""

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.fixtures.stack import EDITOR, VIEWER, RunningStack, wait_until

pytestmark = pytest.mark.stack

SLUG = "kill-test"
REFRESHES = 100
KILLS = ("precompute", "cache", "precompute", "bigquery-gate", "data", "postgres", "precompute")
DASHBOARD = f"""\
version: 1
slug: {SLUG}
title: Refreshed while processes die
dataset: nyc
queries:
  airports: {{sql: "SELECT COUNT(*) AS n FROM airports"}}
  airlines: {{sql: "SELECT carrier, name FROM airlines ORDER BY carrier"}}
charts:
  - {{id: airports, title: Airports, query: airports, type: metric, value: n}}
  - {{id: airlines, title: Airlines, query: airlines, type: table}}
"""


def call_patiently(stack: RunningStack, method: str, path: str, **options: Any) -> requests.Response | None:
    """One request; None when the connection or the server died under it."""
    try:
        response = stack.call(method, path, timeout=60, **options)
    except requests.RequestException:
        return None
    return response if response.status_code < 500 else None


def check_payload(text: str, seen: list[str]) -> None:
    """Whole, with the right rows, and a time of its data that only moves forward and is not in the future."""
    data = json.loads(text)["data"]
    assert data["queries"]["airports"]["values"] == [[1458]]
    carriers = data["queries"]["airlines"]["values"][0]
    assert len(carriers) == 16
    assert carriers == sorted(carriers)
    assert datetime.fromisoformat(data["as_of"]) <= datetime.now(UTC)
    assert datetime.fromisoformat(data["as_of"]) <= datetime.fromisoformat(data["checked_at"])
    seen.append(data["as_of"])


def test_a_hundred_refreshes_with_processes_dying_leave_every_payload_whole(stack: RunningStack) -> None:
    body = {"dashboards": [{"path": f"{SLUG}.yaml", "yaml": DASHBOARD}]}
    stack.call("POST", "/dashboards/save", json=body).raise_for_status()
    stack.call("POST", "/precompute", json={"slugs": [SLUG]}).raise_for_status()
    for email in (EDITOR, VIEWER):
        stack.token(email)
    over = threading.Event()
    seen: list[str] = []

    def look() -> None:
        while not over.is_set():
            response = call_patiently(stack, "GET", f"/data/{SLUG}", email=VIEWER)
            if response is not None:
                assert response.status_code == 200, response.text
                check_payload(response.text, seen)
            time.sleep(0.1)

    def refresh(_: int) -> bool:
        done = call_patiently(stack, "POST", "/precompute", json={"slugs": [SLUG], "force": True})
        return done is not None and done.status_code == 200

    def kill() -> None:
        dice = random.Random(20131231)
        for name in KILLS:
            time.sleep(dice.uniform(0.5, 4))
            stack.kill(name)
            stack.wait_ready(name)

    with ThreadPoolExecutor(6) as pool:
        watching, killing = pool.submit(look), pool.submit(kill)
        finished = list(pool.map(refresh, range(REFRESHES)))
        killing.result(timeout=240)
        over.set()
        watching.result(timeout=60)
    assert any(finished)
    # A reader may see two processes' answers in turn; each process's own never go back.
    assert seen[-1] >= seen[0]

    last = wait_for_refresh(stack)
    assert {query["status"] for query in last["queries"]} == {"refreshed"}
    check_payload(stack.call("GET", f"/data/{SLUG}").text, seen)
    now = datetime.now(UTC)
    held = stack.query(
        "SELECT count(*) FROM query_leases WHERE owner IS NOT NULL AND expires_at > :now", now=now
    )
    assert held[0][0] == 0


def wait_for_refresh(stack: RunningStack) -> dict[str, Any]:
    """A refresh that ends well: leases and reservations of the dead are over within a bounded time."""
    reports: list[dict[str, Any]] = []

    def succeeded() -> bool:
        done = call_patiently(stack, "POST", "/precompute", json={"slugs": [SLUG], "force": True})
        if done is None or done.status_code != 200:
            return False
        reports.append(done.json()["data"]["results"][0])
        return reports[-1]["totals"]["failed"] + reports[-1]["totals"]["kept_previous"] == 0

    wait_until(succeeded, 120, poll_seconds=1)
    return reports[-1]
