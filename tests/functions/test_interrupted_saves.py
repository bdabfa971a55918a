"""A save that is killed between two of its steps: the next save, or a repair, brings index and files together."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.servers.oidc import OidcServer
from shared.container import Container, use_container
from shared.dashboards.validators.parsed import DashboardSource
from shared.errors import DependencyUnavailableError
from shared.settings import Settings
from tests.fixtures.functions import SHOP, FunctionHost
from tests.functions.killed_saves import LOST, STEPS, save, save_until_killed

pytestmark = pytest.mark.stack

NAMES = "SELECT id, name\nFROM people WHERE day = @day ORDER BY id\n"
COUNT = "SELECT COUNT(*) AS people FROM people WHERE day >= '2024-01-01'"
IN_FILES = SHOP.replace(f"sql: {COUNT}", "file: sql/count.sql").replace(
    "sql: |\n      SELECT id, name\n      FROM people WHERE day = @day ORDER BY id", "file: sql/names.sql"
)
FIRST = DashboardSource("shop.yaml", IN_FILES, {"sql/names.sql": NAMES, "sql/count.sql": COUNT})
# Two files change and one goes, so that there is something between each two steps.
WITHOUT_COUNT = IN_FILES.replace("file: sql/count.sql", f"sql: {COUNT}")
SECOND = DashboardSource("shop.yaml", WITHOUT_COUNT, {"sql/names.sql": NAMES.replace("BY id", "BY name")})
THIRD = DashboardSource("shop.yaml", WITHOUT_COUNT.replace("People in the shop", "Third"), SECOND.files)

CASES = [
    (store, name) for store in ("git", "gcs") for name, step in STEPS.items() if step.store in (None, store)
]
every_step = pytest.mark.parametrize(("store_settings", "step"), CASES, indirect=["store_settings"])


@pytest.fixture
def host(
    functions: FunctionHost, store_settings: Settings, oidc_server: OidcServer
) -> Iterator[FunctionHost]:
    """Every function, with the first version saved."""
    container = Container(store_settings)
    use_container(container)
    save(container, FIRST)
    yield FunctionHost(container, oidc_server)
    use_container(functions.container)
    container.database.dispose()


@pytest.fixture
def after(host: FunctionHost, step: str) -> Iterator[Container]:
    """The services of a process that comes after one which was killed while it saved the second version."""
    assert save_until_killed(host.container.settings, SECOND, step) == -signal.SIGKILL
    container = Container(host.container.settings)
    yield container
    container.database.dispose()


def check_agreement(container: Container, source: DashboardSource, version: int) -> None:
    """Index, files and head are of one mind."""
    with container.database.begin() as uow:
        row = uow.versions.get_current(["shop"])["shop"]
        assert uow.versions.list_pending() == []
    assert (row.version, row.yaml_text, row.files) == (version, source.text, source.files)
    wanted = {"dashboards/shop/shop.yaml": source.text} | {
        f"dashboards/shop/{name}": text for name, text in source.files.items()
    }
    store = container.dashboard_store
    assert {info.path for info in store.list_blobs("dashboards/")} == set(wanted)
    found = store.read_blobs(list(wanted))
    assert [blob.data.decode() for blob in found if blob] == list(wanted.values())
    assert container.drift.find_drift() == []
    (head,) = container.head_cache.find_heads(["shop"])
    assert head is not None
    assert head.version == version


@every_step
def test_the_next_save_goes_on_from_there(after: Container, step: str) -> None:
    number = 2 if step in LOST else 3
    saved = save(after, THIRD)
    assert (saved.version, saved.changed) == (number, True)
    assert saved.blob_revision is not None
    check_agreement(after, THIRD, number)
    with after.database.begin() as uow:
        rows = [uow.versions.get("shop", n) for n in range(1, number + 1)]
    expected = [FIRST, *([] if step in LOST else [SECOND]), THIRD]
    assert [(row.yaml_text, row.files) for row in rows if row] == [(one.text, one.files) for one in expected]


@every_step
def test_saving_the_same_again_finishes_it(after: Container, step: str) -> None:
    saved = save(after, SECOND)
    assert (saved.version, saved.changed) == (2, step in LOST)
    assert saved.blob_revision is not None
    check_agreement(after, SECOND, 2)


@every_step
def test_a_repair_finishes_it(host: FunctionHost, step: str) -> None:
    host.precompute_shop()
    assert save_until_killed(host.container.settings, SECOND, step) == -signal.SIGKILL
    answer = host.call("dashboards_repair", "POST", "/dashboards/drift/repair", json={})
    assert answer.json["data"]["remaining"] == []
    source, version = (FIRST, 1) if step in LOST else (SECOND, 2)
    check_agreement(host.container, source, version)
    assert host.call("data", "GET", "/data/shop").json["data"]["version"] == version


def test_a_store_that_is_away_does_not_undo_a_save(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.save_shop()
    second = SHOP.replace("ORDER BY id", "ORDER BY name")
    with monkeypatch.context() as patch:

        def fail(*_: Any, **__: Any) -> None:
            raise DependencyUnavailableError("The store is away.")

        patch.setattr(functions.container.dashboard_store, "write_blobs", fail)
        saved = functions.save_shop(second)
    assert (saved["version"], saved["blob_revision"]) == (2, None)
    drift = functions.call("dashboards_read", "GET", "/dashboards/drift").json["data"]["results"]
    assert [(one["kind"], one["version"]) for one in drift] == [("pending", 2)]
    repaired = functions.call("dashboards_repair", "POST", "/dashboards/drift/repair", json={})
    assert repaired.json["data"] == {"written": [{"slug": "shop", "version": 2}], "remaining": []}
