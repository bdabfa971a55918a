"""Several processes of the function `precompute` on the same servers, as a fleet has them."""

import copy
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.functions import build_function_spec
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import get_manifest
from shared.precompute.refresh.outcomes import OVERTAKEN
from tests.fixtures.functions import SHOP, FunctionHost
from tests.fixtures.stack import wait_until
from tests.functions.data_router import make_environment

PROCESSES = 3
MISSES = 100
LEASE_SECONDS = 15
"""Longer than a busy machine takes between two renewals."""
SLOW = SHOP.replace(
    "SELECT COUNT(*) AS people FROM people WHERE",
    "SELECT COUNT(*) AS people FROM people, UNNEST(GENERATE_ARRAY(1, 20000)) AS a WHERE MOD(a, 7) = 3 AND",
)


@dataclass(frozen=True)
class Worker:
    """One process."""

    port: int
    service: Service
    bearer: str

    def refresh(self, *, force: bool = False, bearer: str | None = None) -> dict[str, Any]:
        """The report on the test dashboard, over the wire."""
        with requests.Session() as http:
            http.trust_env = False
            response = http.post(
                f"http://127.0.0.1:{self.port}/precompute",
                json={"slugs": ["shop"], "force": force},
                headers={"Authorization": bearer or self.bearer},
                timeout=120,
            )
        assert response.status_code == 200, response.text
        return dict(response.json()["data"]["results"][0])

    def send(self, number: signal.Signals) -> None:
        """A signal to the process and its workers."""
        assert self.service.pid is not None
        os.killpg(self.service.pid, number)


@pytest.fixture
def fleet(functions: FunctionHost, tmp_path: Path) -> Iterator[list[Worker]]:
    """The processes; nothing is saved yet."""
    settings = copy.replace(
        functions.container.settings, refresh_lease_seconds=LEASE_SECONDS, warehouse_call_timeout_seconds=60
    )
    bearer = f"Bearer {functions.oidc.fetch_id_token('editor@example.com')}"
    with ExitStack() as stack:
        workers = []
        for number in range(PROCESSES):
            port, folder = pick_free_port(), tmp_path / f"precompute-{number}"
            spec = build_function_spec(
                get_manifest().get("precompute"), port, make_environment(settings), folder
            )
            workers.append(Worker(port, Service(spec), bearer))
            stack.callback(workers[-1].service.stop)
            workers[-1].service.start()
        for worker in workers:
            worker.service.wait_ready()
        yield workers


def test_a_hundred_misses_at_several_processes_are_one_job_per_query(
    functions: FunctionHost, fleet: list[Worker], bigquery: BigQueryServer
) -> None:
    functions.save_shop()
    before = bigquery.count_jobs()
    with ThreadPoolExecutor(12) as pool:
        reports = list(pool.map(lambda number: fleet[number % PROCESSES].refresh(), range(MISSES)))
    assert {query["status"] for report in reports for query in report["queries"]} <= {
        "refreshed", "skipped_unchanged",
    }, [query["error"] for report in reports for query in report["queries"] if query["error"]]  # fmt: skip
    assert {report["variants_ready"] for report in reports} == {2}
    # The emulator's cache may know a query of another test: the jobs that were started are counted too.
    assert bigquery.count_jobs() - before <= 3
    with functions.container.database.engine.connect() as connection:
        jobs = connection.execute(text("SELECT fingerprint, job_id FROM query_runs")).all()
    assert len(jobs) == len(set(jobs)) == 3
    assert set(Counter(fingerprint for fingerprint, _ in jobs).values()) == {1}


def test_a_holder_that_was_stopped_beyond_its_lease_disturbs_nobody_when_it_goes_on(
    functions: FunctionHost, fleet: list[Worker]
) -> None:
    functions.save_shop(SLOW)
    stalled, successor = fleet[:2]
    database = functions.container.database

    def read(statement: str) -> list[Any]:
        with database.engine.connect() as connection:
            return list(connection.execute(text(statement)).all())

    def is_running() -> bool:
        return bool(read("SELECT 1 FROM query_runs WHERE status = 'running'"))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stalled.refresh)
        wait_until(is_running, 30, poll_seconds=0.01)
        stalled.send(signal.SIGSTOP)
        began = time.monotonic()
        try:
            taken_over = successor.refresh(force=True)
            waited = time.monotonic() - began
            stored = read("SELECT fingerprint, fence, as_of, refresh_error FROM query_results ORDER BY 1")
        finally:
            stalled.send(signal.SIGCONT)
        report = answer.result(timeout=120)
    assert waited >= LEASE_SECONDS / 2
    assert {query["status"] for query in taken_over["queries"]} == {"refreshed"}
    assert {query["status"] for query in report["queries"]} == {"refreshed"}
    reasons = {query["reason"] for query in report["queries"]}
    assert reasons & {OVERTAKEN, "another worker ran it"}
    assert read("SELECT fingerprint, fence, as_of, refresh_error FROM query_results ORDER BY 1") == stored
    assert {row.refresh_error for row in stored} == {None}
    assert read("SELECT 1 FROM query_leases WHERE owner IS NOT NULL") == []


def test_a_query_that_ran_when_two_processes_were_killed_waits_for_a_person(
    functions: FunctionHost, fleet: list[Worker]
) -> None:
    # As no query before, and in the middle for as long as two processes take to be killed.
    slow = SLOW.replace("20000", "60000").replace("= 3 AND", f"= 3 AND '{uuid4()}' != '' AND")
    functions.save_shop(slow)
    database = functions.container.database
    scheduler = f"Bearer {functions.oidc.fetch_id_token('scheduler@local.iam.gserviceaccount.com')}"
    last = fleet[-1]

    def write(statement: str) -> list[Any]:
        with database.engine.begin() as connection:
            result = connection.execute(text(statement))
            return list(result.all()) if result.returns_rows else []

    def read_count(report: dict[str, Any]) -> dict[str, Any]:
        return next(dict(query) for query in report["queries"] if query["queries"] == ["count"])

    with ThreadPoolExecutor(2) as pool:
        for number, victim in enumerate(fleet[:2], 1):
            lost = pool.submit(victim.refresh)
            begun = (
                "SELECT 1 FROM query_runs AS run JOIN query_leases AS lease USING (fingerprint) "
                f"WHERE query_name = 'count' AND run.status = 'running' AND unfinished = {number}"
            )
            wait_until(lambda: bool(write(begun)), 60, poll_seconds=0.01)  # noqa: B023
            victim.send(signal.SIGKILL)
            with pytest.raises(requests.ConnectionError):
                lost.result(timeout=60)
            # As when the time is over for which nobody may follow who died.
            write("UPDATE query_leases SET expires_at = now() WHERE owner IS NOT NULL")

    runs = "SELECT count(*) FROM query_runs WHERE query_name = 'count'"
    before = write(runs)
    for options in ({"bearer": scheduler}, {"bearer": scheduler, "force": True}, {}):
        report = last.refresh(**options)
        count = read_count(report)
        assert (count["status"], count["error"]["code"]) == ("failed", "INTERNAL_ERROR")
        assert "2 processes in a row were killed while they ran it" in count["error"]["message"]
        assert '"force": true' in count["error"]["remediation"]
        # The other queries ran in the first of the two as well, then alone, and are done.
        assert report["totals"]["failed"] == 1
    assert write(runs) == before

    restarted = read_count(last.refresh(force=True))
    assert restarted["status"] == "refreshed", restarted["error"]
    assert write("SELECT unfinished FROM query_leases WHERE unfinished > 0 OR owner IS NOT NULL") == []
    assert read_count(last.refresh(bearer=scheduler))["status"] == "skipped_unchanged"
