"""Fifty saves of one dashboard at once, on both stores: every version has one winner, no file is torn."""

import copy
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.errors import (
    AlmanacError,
    ConflictError,
    DependencyUnavailableError,
    WarehouseTimeoutError,
    WarehouseUnavailableError,
)
from shared.saving.models import SavedVersion, SaveItem
from shared.settings import Settings
from shared.storage.blob import Blob
from tests.fixtures.functions import SHOP

pytestmark = pytest.mark.stack

SAVES = 50
RETRY_SECONDS = 120
THREADS = 16  # as many as one instance of the function serves at once


@pytest.fixture
def container(store_settings: Settings) -> Iterator[Container]:
    """Every service on test servers, with a dashboard store of its own."""
    # It is the stores that are raced here, not the emulator of BigQuery on a busy machine.
    built = Container(copy.replace(store_settings, warehouse_call_timeout_seconds=60.0))
    yield built
    built.database.dispose()


def save(container: Container, number: int, expected: int | None = None) -> SavedVersion | AlmanacError:
    """Save as a client does: what is away for a moment is asked again, a conflict is an answer."""
    yaml = SHOP.replace("People in the shop", f"Save {number}")
    item = SaveItem(DashboardSource("shop.yaml", yaml), expected)
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return container.saving.save_dashboards([item], author="a@example.com", message=f"Save {number}")[
                0
            ]
        except ConflictError as error:
            return error
        except (WarehouseUnavailableError, WarehouseTimeoutError, DependencyUnavailableError):
            if time.monotonic() > deadline:
                raise


def read_title(yaml: str) -> str:
    return next(line for line in yaml.splitlines() if line.startswith("title: "))


def test_every_save_gets_a_version_of_its_own_and_every_version_is_whole(
    container: Container, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda number: save(container, number), range(SAVES)))
    saved = [one for one in results if isinstance(one, SavedVersion)]
    assert sorted(one.version for one in saved) == list(range(1, SAVES + 1))
    with container.database.begin() as uow:
        rows = uow.versions.get_many([("shop", number) for number in range(1, SAVES + 1)])
        assert uow.versions.list_pending() == []
    titles = {one.version: f"title: Save {number}" for number, one in enumerate(saved)}
    assert {number: read_title(row.yaml_text) for (_, number), row in rows.items()} == titles
    (blob,) = container.dashboard_store.read_blobs(["dashboards/shop/shop.yaml"])
    assert blob is not None
    assert blob.data.decode() == rows["shop", SAVES].yaml_text
    assert container.drift.find_drift() == []
    if container.settings.dashboard_store_url.startswith("git:"):
        check_history(tmp_path / "workdir", [titles[number] for number in range(1, SAVES + 1)])


def test_another_save_between_two_looks_is_no_change_from_outside(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(container, 1)
    read, others = container.dashboard_store.read_blobs, [2, 3]

    def read_after_another(paths: Sequence[str]) -> list[Blob | None]:
        if others:
            save(container, others.pop(0))
        return read(paths)

    monkeypatch.setattr(container.dashboard_store, "read_blobs", read_after_another)
    saved = save(container, 4)
    assert isinstance(saved, SavedVersion), saved
    assert (saved.version, others) == (4, [])


def test_of_those_that_expect_the_same_version_one_wins(container: Container) -> None:
    first = save(container, 0)
    assert isinstance(first, SavedVersion)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda number: save(container, number, expected=1), range(1, 11)))
    winners = [one for one in results if isinstance(one, SavedVersion)]
    losers = [one for one in results if isinstance(one, ConflictError)]
    assert [one.version for one in winners] == [2]
    assert len(losers) == 9
    won = read_title(str(losers[0].details[0]["current_yaml"]))
    assert all(read_title(str(one.details[0]["current_yaml"])) == won for one in losers)
    assert all("People in the shop" not in str(one.details[0]["base_yaml"]) for one in losers)
    (blob,) = container.dashboard_store.read_blobs(["dashboards/shop/shop.yaml"])
    assert blob is not None
    assert read_title(blob.data.decode()) == won


def check_history(workdir: Path, titles: list[str]) -> None:
    """Git has every version as a commit, in order, and nothing is broken."""
    subprocess.run(["git", "fsck", "--strict"], cwd=workdir, check=True, capture_output=True)
    commits = subprocess.run(
        ["git", "log", "--reverse", "--format=%H"], cwd=workdir, check=True, capture_output=True, text=True
    ).stdout.split()
    contents = [
        subprocess.run(
            ["git", "show", f"{commit}:dashboards/shop/shop.yaml"],
            cwd=workdir, check=True, capture_output=True, text=True,
        ).stdout
        for commit in commits
    ]  # fmt: skip
    assert [read_title(content) for content in contents] == titles
