"""A save that stops between two of its steps: the next save, or a repair, brings index and files together."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.container import Container
from shared.dashboards.parsed import DashboardSource
from shared.dashboards.saving import SavedVersion, SaveItem
from shared.errors import DependencyUnavailableError
from shared.storage.git import GitBlobStore
from tests.fixtures.functions import SHOP, FunctionHost

pytestmark = pytest.mark.stack

SECOND = SHOP.replace("ORDER BY id", "ORDER BY name")
THIRD = SHOP.replace("People in the shop", "Third")


class Killed(BaseException):
    """Nothing of the service catches it, like nothing catches SIGKILL."""


def stop_before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int = 1) -> None:
    """Make the `call`-th call of a collaborator never happen."""
    original, calls = getattr(owner, name), []

    def replaced(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise Killed(name)
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, replaced)


def stop_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Make a collaborator's call happen, and nothing after it."""
    original = getattr(owner, name)

    def replaced(*arguments: Any, **named: Any) -> Any:
        original(*arguments, **named)
        raise Killed(name)

    monkeypatch.setattr(owner, name, replaced)


def stop_in_git(step: str) -> Callable[[pytest.MonkeyPatch, Container], None]:
    def stop(monkeypatch: pytest.MonkeyPatch, container: Container) -> None:
        def on_step(name: str) -> None:
            if name == step:
                raise Killed(name)

        store = container.dashboard_store.store
        assert isinstance(store, GitBlobStore)
        monkeypatch.setattr(store, "_on_step", on_step)

    return stop


STEPS: dict[str, Callable[[pytest.MonkeyPatch, Container], None]] = {
    "before the rows": lambda m, c: stop_before(m, c.dashboard_lineage, "save"),
    "between rows and files": lambda m, c: stop_before(m, c.publisher, "publish_pending", call=2),
    "before the files": lambda m, c: stop_before(m, c.dashboard_store, "write_blobs"),
    **{
        f"in git, after {s}": stop_in_git(s)
        for s in ("objects", "tree", "commit", "journal", "branch", "file")
    },
    "between files and their revision": lambda m, c: stop_after(m, c.dashboard_store, "write_blobs"),
    "before the head": lambda m, c: stop_before(m, c.head_cache, "write_heads"),
    "before the payloads": lambda m, c: stop_before(m, c.precompute, "assemble_dashboards"),
}
LOST = {"before the rows"}
every_step = pytest.mark.parametrize("step", STEPS)


def save(container: Container, yaml: str) -> SavedVersion:
    item = SaveItem(DashboardSource("shop.yaml", yaml))
    return container.saving.save_dashboards([item], author="editor@example.com", message="")[0]


def interrupt(functions: FunctionHost, step: str) -> Container:
    """Save the second version in a process that ends at `step`; the services of the process after it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        STEPS[step](monkeypatch, functions.container)
        with pytest.raises(Killed):
            save(functions.container, SECOND)
    functions.container.database.dispose()
    return Container(functions.container.settings)


def check_agreement(container: Container, yaml: str, version: int) -> None:
    """Index, files and head are of one mind."""
    with container.database.begin() as uow:
        row = uow.versions.get_current(["shop"])["shop"]
        assert uow.versions.list_pending() == []
    assert (row.version, row.yaml_text) == (version, yaml)
    (blob,) = container.dashboard_store.read_blobs([row.blob_path])
    assert blob is not None
    assert blob.data == yaml.encode()
    assert container.drift.find_drift() == []
    (head,) = container.head_cache.find_heads(["shop"])
    assert head is not None
    assert head.version == version


@every_step
def test_the_next_save_goes_on_from_there(functions: FunctionHost, step: str) -> None:
    functions.save_shop()
    after = interrupt(functions, step)
    try:
        number = 2 if step in LOST else 3
        saved = save(after, THIRD)
        assert (saved.version, saved.changed) == (number, True)
        assert saved.blob_revision is not None
        check_agreement(after, THIRD, number)
        with after.database.begin() as uow:
            texts = [uow.versions.get("shop", n) for n in range(1, number + 1)]
        assert [row.yaml_text for row in texts if row] == [SHOP, *([] if step in LOST else [SECOND]), THIRD]
    finally:
        after.database.dispose()


@every_step
def test_saving_the_same_again_finishes_it(functions: FunctionHost, step: str) -> None:
    functions.save_shop()
    after = interrupt(functions, step)
    try:
        saved = save(after, SECOND)
        assert (saved.version, saved.changed) == (2, step in LOST)
        assert saved.blob_revision is not None
        check_agreement(after, SECOND, 2)
    finally:
        after.database.dispose()


@every_step
def test_a_repair_finishes_it(functions: FunctionHost, step: str) -> None:
    functions.save_shop()
    functions.precompute_shop()
    interrupt(functions, step).database.dispose()
    answer = functions.call("dashboards_repair", "POST", "/dashboards/drift/repair", json={})
    assert answer.json["data"]["remaining"] == []
    saved = (SHOP, 1) if step in LOST else (SECOND, 2)
    check_agreement(functions.container, *saved)
    assert functions.call("data", "GET", "/data/shop").json["data"]["version"] == saved[1]


def test_a_store_that_is_away_does_not_undo_a_save(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.save_shop()
    with monkeypatch.context() as patch:

        def fail(*_: Any, **__: Any) -> None:
            raise DependencyUnavailableError("The store is away.")

        patch.setattr(functions.container.dashboard_store, "write_blobs", fail)
        saved = functions.save_shop(SECOND)
    assert (saved["version"], saved["blob_revision"]) == (2, None)
    drift = functions.call("dashboards_read", "GET", "/dashboards/drift").json["data"]["results"]
    assert [(one["kind"], one["version"]) for one in drift] == [("pending", 2)]
    repaired = functions.call("dashboards_repair", "POST", "/dashboards/drift/repair", json={})
    assert repaired.json["data"] == {"written": [{"slug": "shop", "version": 2}], "remaining": []}
