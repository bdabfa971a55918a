"""Incidents one after the other and two at a time, while people read, save, refresh and spend."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import requests

from tests.chaos.asking import wait_until_served
from tests.chaos.incidents import Chaos, list_incidents
from tests.chaos.oracles import Money, check_money, check_runs, check_saves, read_money
from tests.chaos.readers import Load, read_known, reading
from tests.fixtures.stack import RunningStack
from tests.stack.test_saves import Saver, save

SAVED, REFRESHED = "saved-in-a-storm", "refreshed-in-a-storm"
ALLOWED = {0, 200, 502, 503, 504}
"""What anybody may be told meanwhile: the answer, or that it cannot be had now; 0 is a connection that broke."""
_LONGEST_SECONDS = 5.0
_AT_ONCE_SHARE = 0.3
_RECOVERY_SECONDS = 120


class Storm:
    """What became of a storm: who read what, who saved what, and what was told to whom."""

    def __init__(self, stack: RunningStack, seconds: float) -> None:
        self.stack = stack
        self.seconds = seconds
        self.began = 0.0
        self.happened: list[str] = []
        self.told: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self.load = Load()
        self.saver: Saver | None = None
        self.money_before: Money | None = None
        self._over = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Everybody works inside the block."""
        wait_until_served(self.stack)
        self.money_before = read_money(self.stack)
        airports = self._run_sql("SELECT COUNT(*) AS n FROM airports").json()["data"]["rows"][0][0]
        save(self.stack, REFRESHED, "Refreshed")
        self.stack.call("POST", "/precompute", json={"slugs": [REFRESHED]}).raise_for_status()
        with (
            reading(self.stack, read_known(self.stack)) as self.load,
            ThreadPoolExecutor(3) as pool,
        ):
            self.saver = Saver(self.stack, SAVED)
            workers = [
                pool.submit(self._keep_doing, work)
                for work in (
                    lambda number: self._spend(number, airports),
                    lambda number: self._refresh(),
                    lambda number: self._look(airports),
                )
            ]
            try:
                yield
            finally:
                self._over.set()
                for worker in workers:
                    worker.result()
                self.saver.stop()

    def _keep_doing(self, work: Callable[[int], None]) -> None:
        number = 0
        while not self._over.wait(0.2):
            number += 1
            work(number)

    def _spend(self, number: int, airports: int) -> None:
        """A query nobody asked before; its answer is known all the same."""
        answer = self._note(
            "/sql/run", lambda: self._run_sql(f"SELECT COUNT(*) + {number} AS n FROM airports")
        )
        if answer is not None and answer.status_code == requests.codes.ok:
            self._expect("/sql/run", answer.json()["data"]["rows"], [[airports + number]])

    def _refresh(self) -> None:
        body = {"slugs": [REFRESHED], "force": True}
        self._note("/precompute", lambda: self.stack.call("POST", "/precompute", json=body))

    def _look(self, airports: int) -> None:
        answer = self._note("/data", lambda: self.stack.call("GET", f"/data/{REFRESHED}"))
        if answer is not None and answer.status_code == requests.codes.ok:
            self._expect("/data", answer.json()["data"]["queries"]["airports"]["values"], [[airports]])

    def _run_sql(self, sql: str) -> requests.Response:
        return self.stack.call("POST", "/sql/run", json={"sql": sql, "dataset": "nyc"})

    def _note(self, path: str, call: Callable[[], requests.Response]) -> requests.Response | None:
        try:
            answer = call()
        except requests.RequestException:
            self.told[path, 0] += 1
            return None
        self.told[path, answer.status_code] += 1
        if answer.status_code not in ALLOWED:
            self.wrong.append(f"{path} {answer.status_code}: {answer.text[:500]}")
        return answer

    def _expect(self, path: str, found: Any, expected: Any) -> None:
        if found != expected:
            self.wrong.append(f"{path}: {found} where {expected} is right")


def storming(chaos: Chaos, seconds: float, dice: random.Random) -> Storm:
    """A storm of so many seconds, and what became of it."""
    storm = Storm(chaos.stack, seconds)
    with storm.at_work():
        storm.began = time.monotonic()
        _rage(chaos, storm, dice)
    return storm


def _rage(chaos: Chaos, storm: Storm, dice: random.Random) -> None:
    incidents = list_incidents(chaos, dice)
    names = list(incidents)
    dice.shuffle(names)
    while time.monotonic() < storm.began + storm.seconds:
        with ExitStack() as suffering:
            for _ in range(2 if dice.random() < _AT_ONCE_SHARE else 1):
                # Everything once before anything twice.
                name = names.pop() if names else dice.choice(list(incidents))
                storm.happened.append(name)
                suffering.enter_context(incidents[name]())
            time.sleep(dice.uniform(0.2, _LONGEST_SECONDS))
        time.sleep(dice.uniform(0, 2))


def check_after(chaos: Chaos, storm: Storm) -> None:
    """Everything answers again by itself; nothing was lost, and nothing wrong was said."""
    stack = chaos.stack
    wait_until_served(stack, _RECOVERY_SECONDS)
    assert storm.wrong == []
    answers = storm.load.answers
    assert {one.status for one in answers} <= ALLOWED
    assert not [one for one in answers if one.status == requests.codes.ok and not one.is_true]
    assert storm.saver is not None
    assert storm.saver.acknowledged
    save(stack, SAVED, "After the storm")
    check_saves(stack, storm.saver, SAVED, chaos.work_tree)
    assert storm.money_before is not None
    check_money(stack, storm.money_before)
    check_runs(stack)
