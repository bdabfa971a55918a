"""Processes killed at random moments during refreshes: payloads stay whole and say the truth."""

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from deploy.local.environment import DATASET, PROJECT
from tests.fixtures.stack import EDITOR, VIEWER, RunningStack, wait_until

pytestmark = pytest.mark.stack

SLUG = "kill-test"
TABLE = f"{PROJECT}.{DATASET}.kill_test"
PARTS = 16
KILLS = (
    "precompute", "cache", "data", "precompute", "postgres", "bigquery-gate", "nginx",
    "precompute", "bigquery", "cache", "postgres", "precompute",
)  # fmt: skip
REFRESHES_PER_KILL = 9
"""So that there are more than a hundred in all."""
LONGEST_SECONDS = 90
"""A refresh that meets a dead process is repeated: everything must be back and every lease over by then."""
DASHBOARD = f"""\
version: 1
slug: {SLUG}
title: Refreshed while processes die
dataset: {DATASET}
queries:
  total: {{sql: "SELECT MAX(edition) AS edition, COUNT(*) AS parts FROM kill_test"}}
  parts: {{sql: "SELECT part, edition FROM kill_test ORDER BY part"}}
charts:
  - {{id: total, title: Total, query: total, type: metric, value: edition}}
  - {{id: parts, title: Parts, query: parts, type: table}}
"""


@dataclass
class Editions:
    """A table whose rows all say which edition of it they are, and when each edition was written."""

    client: bigquery.Client
    began: dict[int, datetime] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)

    def publish(self) -> int:
        """Replace the table by its next edition."""
        edition = len(self.began) + 1
        schema = [bigquery.SchemaField("part", "INT64"), bigquery.SchemaField("edition", "INT64")]
        config = bigquery.LoadJobConfig(schema=schema, write_disposition="WRITE_TRUNCATE")
        rows = [{"part": part, "edition": edition} for part in range(PARTS)]
        self.began[edition] = datetime.now(UTC)
        self.client.load_table_from_json(rows, TABLE, job_config=config, timeout=30).result(timeout=30)
        self.ended[edition] = datetime.now(UTC)
        return edition

    def check_time(self, edition: int, moment: datetime) -> None:
        """`edition` may have been what the table held at `moment`, which is given to the millisecond."""
        assert moment >= self.began[edition] - timedelta(milliseconds=1)
        replaced = self.ended.get(edition + 1)
        assert replaced is None or moment <= replaced

    def check_payload(self, text: str) -> int:
        """Whole, every part from one edition, and no time in it a lie; the oldest edition in it."""
        data = json.loads(text)["data"]
        as_of, checked_at = (datetime.fromisoformat(data[name]) for name in ("as_of", "checked_at"))
        assert as_of <= checked_at <= datetime.now(UTC)
        total, parts = data["queries"]["total"], data["queries"]["parts"]
        assert (total["rows"], parts["rows"]) == (1, PARTS)
        (edition,), (count,) = total["values"]
        assert count == PARTS
        assert parts["values"] == [list(range(PARTS)), [parts["values"][1][0]] * PARTS]
        editions = (edition, parts["values"][1][0])
        for read, query in zip(editions, (total, parts), strict=True):
            self.check_time(read, datetime.fromisoformat(query["as_of"]))
            self.check_time(read, checked_at)
        assert as_of == min(datetime.fromisoformat(query["as_of"]) for query in (total, parts))
        return min(editions)


@pytest.fixture
def editions(stack: RunningStack) -> Iterator[Editions]:
    """The table with its first edition, and a dashboard saved and computed over it."""
    options = ClientOptions(api_endpoint=stack.bigquery_endpoint)
    with ExitStack() as leaving:
        client = bigquery.Client(PROJECT, AnonymousCredentials(), client_options=options)
        leaving.callback(client.close)
        leaving.callback(client.delete_table, TABLE, not_found_ok=True)
        table = Editions(client)
        table.publish()
        body = {"dashboards": [{"path": f"{SLUG}.yaml", "yaml": DASHBOARD}]}
        stack.call("POST", "/dashboards/save", json=body).raise_for_status()
        stack.call("POST", "/precompute", json={"slugs": [SLUG]}).raise_for_status()
        for email in (EDITOR, VIEWER):
            stack.token(email)
        yield table


def call_patiently(stack: RunningStack, method: str, path: str, **options: Any) -> requests.Response | None:
    """One request; None when the connection or the server died under it."""
    try:
        response = stack.call(method, path, timeout=60, **options)
    except requests.RequestException:
        return None
    return response if response.status_code < 500 else None


def refresh(stack: RunningStack, *, force: bool) -> dict[str, Any]:
    """The report of a refresh that ended well, repeated while processes die under it."""
    reports: list[dict[str, Any]] = []

    def succeeded() -> bool:
        done = call_patiently(stack, "POST", "/precompute", json={"slugs": [SLUG], "force": force})
        if done is None:
            return False
        assert done.status_code == 200, done.text
        reports.append(done.json()["data"]["results"][0])
        return reports[-1]["totals"]["failed"] + reports[-1]["totals"]["kept_previous"] == 0

    wait_until(succeeded, LONGEST_SECONDS, poll_seconds=0.25)
    return reports[-1]


def kill_at_a_random_moment(stack: RunningStack, editions: Editions, dice: random.Random, name: str) -> None:
    """While refreshes run: change the table under them, then kill one process and wait until it serves again.

    The change is whole before the kill: what a warehouse makes of a load that dies is not our business.
    """
    time.sleep(dice.uniform(0, 0.5))
    editions.publish()
    time.sleep(dice.uniform(0, 0.7))
    stack.kill(name)
    stack.wait_ready(name)


def test_a_hundred_refreshes_with_processes_dying_leave_every_payload_whole(
    stack: RunningStack, editions: Editions
) -> None:
    dice = random.Random(20131231)
    over = threading.Event()

    def look() -> int:
        """Every answer a viewer gets meanwhile is checked; how many there were."""
        seen = 0
        while not over.is_set():
            response = call_patiently(stack, "GET", f"/data/{SLUG}", email=VIEWER)
            if response is not None:
                assert response.status_code == 200, response.text
                editions.check_payload(response.text)
                seen += 1
            time.sleep(0.05)
        return seen

    with ThreadPoolExecutor(5) as pool:
        watching = pool.submit(look)
        try:
            for name in KILLS:
                refreshes = [
                    pool.submit(refresh, stack, force=number % 2 == 0) for number in range(REFRESHES_PER_KILL)
                ]
                kill_at_a_random_moment(stack, editions, dice, name)
                for one in refreshes:
                    one.result()
        finally:
            over.set()
        assert watching.result() >= len(KILLS)

    newest = editions.publish()
    last = refresh(stack, force=False)
    assert {query["status"] for query in last["queries"]} == {"refreshed"}
    # The router may answer for a moment with what it had.
    wait_until(lambda: editions.check_payload(stack.call("GET", f"/data/{SLUG}").text) == newest, 30)
    wait_until(lambda: count_leases(stack) == 0, 30)


def count_leases(stack: RunningStack) -> int:
    """Queries that somebody claims to be refreshing."""
    statement = "SELECT count(*) FROM query_leases WHERE owner IS NOT NULL AND expires_at > :now"
    return int(stack.query(statement, now=datetime.now(UTC))[0][0])
