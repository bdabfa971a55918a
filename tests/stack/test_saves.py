"""Saves over the wire, through nginx: many at once, and by processes killed at random moments."""

import itertools
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fixtures.stack import RunningStack

pytestmark = pytest.mark.stack

SAVES = 50
KILLS = 12
GROUP_KILLS = 2
RETRY_SECONDS = 120


def make_yaml(slug: str, title: str) -> str:
    return f"""\
version: 1
slug: {slug}
title: {title}
dataset: nyc
queries:
  airports: {{sql: "SELECT COUNT(*) AS n FROM airports"}}
charts:
  - {{id: airports, title: Airports, query: airports, type: metric, value: n}}
"""


def try_save(stack: RunningStack, slug: str, title: str, **more: Any) -> requests.Response | None:
    """One save; None when the connection broke."""
    item = {"path": f"{slug}.yaml", "yaml": make_yaml(slug, title), **more}
    body = {"dashboards": [item], "message": title}
    try:
        return stack.call("POST", "/dashboards/save", json=body)
    except requests.ConnectionError:
        return None


def save(stack: RunningStack, slug: str, title: str) -> int:
    """Save until it is saved, as a client does that takes 503 for "try again"; the version."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        answer = try_save(stack, slug, title)
        if answer is not None and answer.status_code == requests.codes.ok:
            return int(answer.json()["data"]["results"][0]["version"])
        assert answer is None or answer.status_code in {502, 503, 504}, answer.text
        assert time.monotonic() < deadline, answer and answer.text
        time.sleep(0.2)


def read_version(stack: RunningStack, slug: str, version: int) -> str:
    return str(stack.call("GET", f"/dashboards/{slug}/versions/{version}").json()["data"]["yaml"])


def list_drift(stack: RunningStack, slug: str) -> list[Any]:
    results = stack.call("GET", "/dashboards/drift").json()["data"]["results"]
    return [one for one in results if slug in one["path"]]


def workdir(stack: RunningStack) -> Path:
    return stack.stack.state_dir / "workdir"


def check_files(stack: RunningStack, slug: str, yaml: str) -> None:
    """The working file, the commit and the objects are whole."""
    folder = workdir(stack)
    assert (folder / "dashboards" / slug / f"{slug}.yaml").read_text() == yaml
    subprocess.run(["git", "fsck", "--strict"], cwd=folder, check=True, capture_output=True)
    shown = subprocess.run(
        ["git", "show", f"HEAD:dashboards/{slug}/{slug}.yaml"],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.stdout == yaml


def test_fifty_saves_at_once_give_fifty_versions(stack: RunningStack) -> None:
    slug = "saved-at-once"
    with ThreadPoolExecutor(SAVES) as pool:
        versions = list(pool.map(lambda number: save(stack, slug, f"Save {number}"), range(SAVES)))
    assert sorted(versions) == list(range(1, SAVES + 1))
    for number in range(0, SAVES, 5):
        assert read_version(stack, slug, versions[number]) == make_yaml(slug, f"Save {number}")
    check_files(stack, slug, make_yaml(slug, f"Save {versions.index(SAVES)}"))
    assert list_drift(stack, slug) == []


def test_of_fifty_that_expect_the_same_version_one_wins(stack: RunningStack) -> None:
    slug = "saved-by-one"
    save(stack, slug, "First")
    with ThreadPoolExecutor(SAVES) as pool:
        answers = list(
            pool.map(lambda n: try_save(stack, slug, f"Save {n}", expected_version=1), range(SAVES))
        )
    statuses = [answer.status_code for answer in answers if answer is not None]
    assert len(statuses) == SAVES
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 503}
    winner = next(n for n, answer in enumerate(answers) if answer is not None and answer.ok)
    for answer in answers:
        if answer is not None and answer.status_code == requests.codes.conflict:
            (detail,) = answer.json()["error"]["details"]
            assert detail["current_yaml"] == make_yaml(slug, f"Save {winner}")
            assert detail["base_yaml"] == make_yaml(slug, "First")
    check_files(stack, slug, make_yaml(slug, f"Save {winner}"))


class Saver:
    """Saves one title after the other until told to stop; `acknowledged` has what was answered with 200."""

    def __init__(self, stack: RunningStack, slug: str) -> None:
        self.acknowledged: list[tuple[int, str]] = []
        self._stack, self._slug = stack, slug
        self._done = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._work = self._pool.submit(self._keep_saving)

    def _keep_saving(self) -> None:
        for number in itertools.count(1):
            if self._done.is_set():
                return
            title = f"Attempt {number}"
            self.acknowledged.append((save(self._stack, self._slug, title), title))

    def wait_for_progress(self, count: int) -> None:
        """Block until `count` more saves were answered."""
        target, deadline = len(self.acknowledged) + count, time.monotonic() + RETRY_SECONDS
        while len(self.acknowledged) < target:
            if self._work.done():
                self._work.result()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """End after the save under way; raises what went wrong."""
        self._done.set()
        self._work.result(RETRY_SECONDS)
        self._pool.shutdown()


@pytest.fixture
def saver(stack: RunningStack) -> Iterator[Saver]:
    """A client that keeps saving."""
    running = Saver(stack, "saved-while-killed")
    yield running
    running.stop()
    stack.wait_ready("dashboards_save")


def find_workers(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def kill_worker(stack: RunningStack) -> None:
    """End one worker of the function with SIGKILL; its master starts another at once."""
    master = stack.unit("dashboards_save").pid
    assert master is not None
    for worker in find_workers(master)[:1]:
        send_kill(worker)


def send_kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_a_save_survives_being_killed_at_any_moment(stack: RunningStack, saver: Saver) -> None:
    slug, moments = "saved-while-killed", random.Random(20260104)
    for kill in range(KILLS + GROUP_KILLS):
        saver.wait_for_progress(1)
        time.sleep(moments.uniform(0.0, 0.6))
        if kill < KILLS:
            kill_worker(stack)
        else:
            stack.kill("dashboards_save")
    saver.wait_for_progress(2)
    saver.stop()
    # Every save that was answered is there; a number may be that of a save whose answer was lost.
    for version, title in saver.acknowledged:
        assert read_version(stack, slug, version) == make_yaml(slug, title)
    versions = [version for version, _ in saver.acknowledged]
    assert versions == sorted(set(versions))
    last = save(stack, slug, "After all")
    check_files(stack, slug, make_yaml(slug, "After all"))
    listed = stack.call("GET", f"/dashboards/{slug}/versions", params={"page_size": 500}).json()["data"]
    assert [one["version"] for one in listed["results"]] == list(range(last, 0, -1))
    assert list_drift(stack, slug) == []
    repaired = stack.call("POST", "/dashboards/drift/repair", json={}).json()["data"]
    assert [one for one in repaired["written"] if one["slug"] == slug] == []
