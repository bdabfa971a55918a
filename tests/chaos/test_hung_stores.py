"""One store after the other hangs, slows down or goes, under load: readers go on, and the others are told soon.

What is measured here is what docs/resilience.md says.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.chaos.asking import Asked, ask_all, wait_until_served
from tests.chaos.incidents import Chaos
from tests.chaos.oracles import read_processes
from tests.chaos.readers import Load, read_known, reading
from tests.chaos.reporting import Report
from tests.fixtures.faulty_link import Fault
from tests.fixtures.frozen import frozen
from tests.fixtures.stack import wait_until
from tests.stack.test_saves import save, try_save

pytestmark = pytest.mark.chaos

WARM_SECONDS = 5
QUIET_SECONDS = 5
LONG_SECONDS, SHORT_SECONDS = 20, 6
GOOD_SHARE = 0.999
P99_MS = 50
CONNECT_SECONDS = 3
"""DATABASE_CONNECT_TIMEOUT_SECONDS."""
SOON_SECONDS = 1
"""What a call takes by itself: a save is checked before anybody is asked."""
RECOVERY_SECONDS = 15


def freeze(unit: str) -> Callable[[Chaos], AbstractContextManager[None]]:
    return lambda chaos: frozen(chaos.stack.unit(unit).pid)


def break_link(name: str, fault: Fault) -> Callable[[Chaos], AbstractContextManager[None]]:
    return lambda chaos: chaos.links[name].suffering(fault)


def slow_down(name: str, seconds: float) -> Callable[[Chaos], AbstractContextManager[None]]:
    return lambda chaos: chaos.links[name].delayed(seconds)


FAULTS: dict[str, Callable[[Chaos], AbstractContextManager[None]]] = {
    "PostgreSQL hung (SIGSTOP)": freeze("postgres"),
    "PostgreSQL behind a black hole": break_link("postgres", Fault.BLACK_HOLE),
    "PostgreSQL, half-open connections": break_link("postgres", Fault.HALF_OPEN),
    "PostgreSQL resets connections": break_link("postgres", Fault.RESET),
    "PostgreSQL gone": break_link("postgres", Fault.GONE),
    "PostgreSQL 0.3 s away": slow_down("postgres", 0.3),
    "Valkey hung (SIGSTOP)": freeze("cache"),
    "Valkey behind a black hole": break_link("cache", Fault.BLACK_HOLE),
    "Valkey, half-open connections": break_link("cache", Fault.HALF_OPEN),
    "Valkey resets connections": break_link("cache", Fault.RESET),
    "Valkey gone": break_link("cache", Fault.GONE),
    "Valkey 0.3 s away": slow_down("cache", 0.3),
    "Cloud Storage hung (SIGSTOP)": lambda chaos: frozen(chaos.storage_pid),
    "Cloud Storage behind a black hole": break_link("storage", Fault.BLACK_HOLE),
    "Cloud Storage gone": break_link("storage", Fault.GONE),
    "Cloud Storage 0.3 s away": slow_down("storage", 0.3),
    "BigQuery hung (SIGSTOP)": freeze("bigquery-gate"),
    "BigQuery behind a black hole": break_link("bigquery", Fault.BLACK_HOLE),
    "BigQuery gone": break_link("bigquery", Fault.GONE),
    "BigQuery 0.3 s away": slow_down("bigquery", 0.3),
}
LONG = {name for name in FAULTS if "hung" in name or "black hole" in name}
"""Held to a p99, for which the others last too short: the few who wait in vain are then one in a hundred."""
LOSE_THE_DATABASE = {
    "PostgreSQL hung (SIGSTOP)",
    "PostgreSQL behind a black hole",
    "PostgreSQL resets connections",
    "PostgreSQL gone",
}

UNASKED = {"PostgreSQL 0.3 s away", "PostgreSQL, half-open connections"}
"""Who needs it waits, for as long as its questions take: a save of its own says how long."""
TOLD = {200, 503, 504}
"""What who needs another store is told: what is asked for where it can be had, and else that it cannot."""
TOLD_WITHIN = (15.0, 15.0)
"""Seconds until the first of a process, and those after it, are told: above the longest, STORAGE_TIMEOUT_SECONDS."""
WITHIN = dict.fromkeys(LOSE_THE_DATABASE, (CONNECT_SECONDS + SOON_SECONDS, SOON_SECONDS))


@pytest.fixture(scope="module")
def load(chaos: Chaos) -> Iterator[Load]:
    """Readers who are known to every process that answers them."""
    with reading(chaos.stack, read_known(chaos.stack)) as running:
        ask_all(chaos.stack)
        time.sleep(WARM_SECONDS)
        yield running


@pytest.fixture(autouse=True)
def recovered(chaos: Chaos, load: Load) -> None:
    """What the fault before left is over: everything answers, and the breakers are closed."""
    wait_until_served(chaos.stack)
    time.sleep(QUIET_SECONDS)


@pytest.mark.parametrize("name", FAULTS)
def test_readers_go_on(chaos: Chaos, load: Load, report: Report, name: str) -> None:
    quiet = load.since(time.monotonic() - QUIET_SECONDS)
    seconds = LONG_SECONDS if name in LONG else SHORT_SECONDS
    processes = read_processes(chaos.stack)
    asked: list[list[Asked]] = []
    with FAULTS[name](chaos):
        began = time.monotonic()
        if name not in UNASKED:
            asked = [ask_all(chaos.stack), ask_all(chaos.stack)]
        seconds = max(seconds, round(time.monotonic() - began))
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        seen = load.since(began)
    report.add(name, seconds, seen, quiet, asked)

    assert seen.untrue == 0
    assert seen.good_share >= GOOD_SHARE
    if name in LONG:
        assert seen.p99_ms < P99_MS
    for some, longest in zip(asked, WITHIN.get(name, TOLD_WITHIN), strict=True) if asked else ():
        for one in some:
            assert one.status in ({503} if name in LOSE_THE_DATABASE else TOLD), one
            assert one.status != 503 or "UNAVAILABLE" in one.text, one
            assert one.seconds < longest, one
    wait_until_served(chaos.stack, RECOVERY_SECONDS)
    wait_until(lambda: load.since(time.monotonic() - 2).degraded == 0, RECOVERY_SECONDS, 0.5)
    assert read_processes(chaos.stack) == processes


@pytest.mark.parametrize("store", ["postgres", "cache", "storage", "bigquery"])
def test_a_save_over_a_slow_link_is_saved_or_told_to_be_late(
    chaos: Chaos, load: Load, report: Report, store: str
) -> None:
    slug = f"saved-slowly-{store}"
    before = save(chaos.stack, slug, "Before")
    with chaos.links[store].delayed(0.3):
        began = time.monotonic()
        answer = try_save(chaos.stack, slug, "Slow")
        seconds = time.monotonic() - began
    assert answer is not None
    report.notes.append(f"A save with {store} 0.3 s away: {answer.status_code} after {seconds:.1f} s.")
    assert answer.status_code in (200, 504), answer.text
    version = save(chaos.stack, slug, "After")
    assert version == before + (2 if answer.ok else 1)
