"""A save in a process of its own, which SIGKILL ends between two of its steps: no clean-up runs."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.saving.models import SavedVersion, SaveItem
from shared.settings import Settings
from shared.storage.blob import TracedBlobStore
from shared.storage.gcs import GcsBlobStore
from shared.storage.git import GitBlobStore

START_SECONDS = 120
GIT_STEPS = ("objects", "tree", "commit", "journal", "branch", "file", "index")


@dataclass(frozen=True)
class Step:
    """Where a save ends: `arrange` makes the services of the child end there; `store` has that step."""

    arrange: Callable[[Container], None]
    store: str | None = None


def save(container: Container, source: DashboardSource) -> SavedVersion:
    """One save as an editor does it."""
    return container.saving.save_dashboards([SaveItem(source)], author="editor@example.com", message="")[0]


def save_until_killed(settings: Settings, source: DashboardSource, step: str) -> int | None:
    """Begin a save in another process that ends at `step`; its exit code."""
    # Forked from a server without threads and connections; a fork of this process would share both.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    child = context.Process(target=_save, args=(settings, source, step))
    child.start()
    child.join(START_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
    return child.exitcode


def _save(settings: Settings, source: DashboardSource, step: str) -> None:
    container = Container(settings)
    STEPS[step].arrange(container)
    save(container, source)


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_before(find_owner: Callable[[Container], Any], name: str) -> Step:
    """End where the first call of a collaborator would begin."""

    def arrange(container: Container) -> None:
        setattr(find_owner(container), name, lambda *_, **__: _die())

    return Step(arrange)


def _kill_after(find_owner: Callable[[Container], Any], name: str) -> Step:
    """End when a call of a collaborator is done, before anybody hears of it."""

    def arrange(container: Container) -> None:
        owner = find_owner(container)
        original = getattr(owner, name)

        def replaced(*arguments: Any, **named: Any) -> Any:
            original(*arguments, **named)
            _die()

        setattr(owner, name, replaced)

    return Step(arrange)


def _kill_in_git(step: str) -> Step:
    def arrange(container: Container) -> None:
        store = _find_store(container)
        assert isinstance(store, GitBlobStore)
        store._on_step = lambda name: _die() if name == step else None

    return Step(arrange, "git")


def _kill_between_objects(container: Container) -> None:
    """End when the first object of a batch is written and the second is not; they are written side by side."""
    store, turn, written = _find_store(container), threading.Lock(), []
    assert isinstance(store, GcsBlobStore)
    original = store._try_write

    def write_one(*arguments: Any) -> Any:
        with turn:
            if written:
                _die()
            written.append(original(*arguments))
            return written[0]

    store._try_write = write_one  # type: ignore[method-assign]


def _find_store(container: Container) -> Any:
    store = container.dashboard_store
    return store.store if isinstance(store, TracedBlobStore) else store


STEPS: dict[str, Step] = {
    "before the rows": _kill_before(lambda c: c.dashboard_lineage, "save"),
    "between rows and files": _kill_before(lambda c: c.publisher, "publish_pending"),
    "before the files": _kill_before(lambda c: c.dashboard_store, "write_blobs"),
    **{f"in git, after {step}": _kill_in_git(step) for step in GIT_STEPS},
    "between two objects": Step(_kill_between_objects, "gcs"),
    "between files and removals": _kill_before(lambda c: c.dashboard_store, "delete_blobs"),
    "between files and their revision": _kill_after(lambda c: c.dashboard_store, "delete_blobs"),
    "before the head": _kill_before(lambda c: c.head_cache, "write_heads"),
    "before the payloads": _kill_before(lambda c: c.precompute, "assemble_dashboards"),
}
LOST = frozenset({"before the rows"})
"""Steps before the transaction: nothing is saved."""
