"""The composition root under threads: gunicorn's threads meet an empty container together."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from shared.container import Container, get_container, use_container
from shared.database.unit_of_work import Database
from shared.once import once
from shared.settings import Settings

THREADS = 16


@pytest.fixture(autouse=True)
def _switch_threads_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    use_container(None)


def ask_together[T](ask: Callable[[], T]) -> list[T]:
    """What `THREADS` threads are given that ask at the same moment."""
    barrier = Barrier(THREADS)

    def ask_at_once() -> T:
        barrier.wait()
        return ask()

    with ThreadPoolExecutor(THREADS) as pool:
        return [asked.result() for asked in [pool.submit(ask_at_once) for _ in range(THREADS)]]


class Slow:
    """Takes its time to build, so that whoever may build does."""

    def __init__(self) -> None:
        self.built = 0

    @once
    def value(self) -> object:
        time.sleep(0.02)
        self.built += 1
        return object()

    @once
    def holder(self) -> tuple[object]:
        return (self.value,)


def test_threads_that_ask_together_get_one_value() -> None:
    slow = Slow()
    values = ask_together(lambda: slow.value)
    assert len(set(map(id, values))) == 1
    assert slow.built == 1


def test_what_is_built_once_may_ask_for_more_that_is() -> None:
    slow = Slow()
    assert {id(one[0]) for one in ask_together(lambda: slow.holder)} == {id(slow.value)}


def test_a_value_that_is_there_is_an_ordinary_attribute() -> None:
    slow = Slow()
    value = slow.value
    assert vars(slow)["value"] is value
    assert not hasattr(type(Slow.value), "__set__")


def test_a_process_has_one_container_and_one_of_each_service(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Database] = []
    build = Database.__init__

    def build_slowly(self: Database, settings: Settings) -> None:
        time.sleep(0.02)
        opened.append(self)
        build(self, settings)

    monkeypatch.setattr(Database, "__init__", build_slowly)
    monkeypatch.setattr("shared.container.get_settings", lambda: time.sleep(0.02) or Settings())
    use_container(None)
    containers = ask_together(get_container)
    assert len(set(map(id, containers))) == 1
    assert len(set(map(id, ask_together(lambda: get_container().database)))) == 1
    assert len(opened) == 1


def test_a_database_keeps_one_set_of_connections_for_quick_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.database.quick_reads import QuickReads

    build = QuickReads.__init__

    def build_slowly(self: QuickReads, *given: Any) -> None:
        time.sleep(0.02)
        build(self, *given)

    monkeypatch.setattr(QuickReads, "__init__", build_slowly)
    database = Container(Settings()).database
    assert len(set(map(id, ask_together(lambda: database.quick)))) == 1
