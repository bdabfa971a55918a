"""Two processes save and publish one dashboard at the same moment: each locks out the other where both would lose.

The other one is begun in the middle of the first, which goes on when the other waits for it in PostgreSQL, or is
done because nothing kept it from going on.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.database.unit_of_work import Database
from shared.errors import ConflictError, DependencyUnavailableError
from shared.saving.models import SavedVersion, SaveItem
from tests.fixtures.functions import SHOP, FunctionHost

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
DEADLINE_SECONDS = 60


@pytest.fixture
def other(functions: FunctionHost) -> Iterator[Container]:
    """Another process of the same service."""
    container = Container(functions.container.settings)
    yield container
    container.database.dispose()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """The thread in which the other one works."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


def save(container: Container, title: str, expected: int | None = None) -> SavedVersion:
    item = SaveItem(DashboardSource("shop.yaml", SHOP.replace("People in the shop", title)), expected)
    (saved,) = container.saving.save_dashboards([item], author="a@example.com", message=title)
    return saved


def wait_until_stuck(database: Database, work: Future[Any]) -> None:
    """Return when `work` waits for a lock of the database, or has ended."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not work.done():
        with database.engine.connect() as connection:
            if connection.execute(WAITING).scalar_one():
                return
        assert time.monotonic() < deadline, "neither waiting nor done"
        time.sleep(0.01)


def interrupt(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, meanwhile: Callable[[], None]
) -> None:
    """Do `meanwhile` before the first call of a collaborator."""
    original, done = getattr(owner, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        if not done:
            done.append(name)
            meanwhile()
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, call)


class TestTwoSavesOfOneDashboard:
    """The second decides what it is when the first is committed: the slug is locked from reading to writing."""

    def race(
        self,
        first: Container,
        begin_second: Callable[[], Future[SavedVersion]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> tuple[SavedVersion, Future[SavedVersion]]:
        """Save "First" on version 1, and the second between the first's decision and its commit."""
        begun: list[Future[SavedVersion]] = []

        def meanwhile() -> None:
            begun.append(begin_second())
            wait_until_stuck(first.database, begun[0])

        interrupt(monkeypatch, first.dashboard_lineage, "save", meanwhile)
        saved = save(first, "First", expected=1)
        return saved, begun[0]

    def test_gives_each_a_version_of_its_own(
        self,
        functions: FunctionHost,
        other: Container,
        pool: ThreadPoolExecutor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        functions.save_shop()
        first, second = self.race(
            functions.container, lambda: pool.submit(save, other, "Second"), monkeypatch
        )
        assert (first.version, second.result().version) == (2, 3)
        assert "-title: First" in second.result().diff.text
        (blob,) = other.dashboard_store.read_blobs(["dashboards/shop/shop.yaml"])
        assert blob is not None
        assert b"title: Second" in blob.data

    def test_tells_the_one_that_expects_what_is_gone_about_both_sides(
        self,
        functions: FunctionHost,
        other: Container,
        pool: ThreadPoolExecutor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        functions.save_shop()
        first, second = self.race(
            functions.container, lambda: pool.submit(save, other, "Second", 1), monkeypatch
        )
        assert first.version == 2
        with pytest.raises(ConflictError) as caught:
            second.result()
        (detail,) = caught.value.details
        assert (detail["expected_version"], detail["current_version"]) == (1, 2)
        assert "title: First" in str(detail["current_yaml"])
        assert "title: Second" in str(detail["yours"])


def test_of_two_that_publish_one_version_only_one_writes_it(
    functions: FunctionHost,
    other: Container,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    first = functions.container
    with monkeypatch.context() as away:
        away.setattr(first.dashboard_store, "write_blobs", _be_away)
        assert save(first, "Pending").blob_revision is None
    written: list[str] = []
    interrupt(monkeypatch, other.dashboard_store, "write_blobs", lambda: written.append("other"))
    begun: list[Future[dict[tuple[str, int], str]]] = []

    def meanwhile() -> None:
        begun.append(pool.submit(other.publisher.publish_pending, ["shop"]))
        wait_until_stuck(first.database, begun[0])

    interrupt(monkeypatch, first.dashboard_store, "write_blobs", meanwhile)
    revisions = first.publisher.publish_pending(["shop"])
    assert list(revisions) == [("shop", 1)]
    assert begun[0].result() == revisions
    assert written == []
    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=tmp_path / "workdir", check=True, capture_output=True, text=True
    )
    assert log.stdout.splitlines() == ["Pending"]


def _be_away(*_: Any, **__: Any) -> None:
    raise DependencyUnavailableError("The store is away.")
