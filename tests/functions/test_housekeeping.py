"""What is deleted, when, and that nothing anybody needs goes with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.container import Container
from shared.dashboards.definition.variants import hash_variant
from shared.dashboards.keys import head_key, pointer_key
from shared.errors import DependencyUnavailableError
from shared.precompute.housekeeping import Cleared
from tests.database.builders import add_dashboards, add_user, make_node, make_session
from tests.fixtures.functions import SHOP, FunctionHost

DAY = timedelta(days=1)
# Other queries than those of SHOP, so that nothing of a replaced version is used any more.
CHANGED = SHOP.replace("SELECT id, name\n", "SELECT id AS id, name\n").replace("COUNT(*)", "COUNT(id)")


def list_files(tmp_path: Path, kind: str) -> set[str]:
    folder = tmp_path / "payloads" / kind
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def clear(functions: FunctionHost, later: timedelta = timedelta()) -> Cleared:
    container = Container(functions.container.settings, lambda: datetime.now(UTC) + later)
    try:
        return container.housekeeper.clear()
    finally:
        container.database.dispose()


def test_replaced_blobs_stay_for_late_readers_and_go_then(
    computed_shop: FunctionHost, tmp_path: Path
) -> None:
    first = list_files(tmp_path, "payloads"), list_files(tmp_path, "results")
    computed_shop.precompute_shop(force=True)
    assert clear(computed_shop) == Cleared()
    assert first[0] < list_files(tmp_path, "payloads")
    assert first[1] < list_files(tmp_path, "results")
    # Two payloads, and three results with an Arrow stream each.
    assert clear(computed_shop, 2 * DAY) == Cleared(blobs=8)
    assert not first[0] & list_files(tmp_path, "payloads")
    assert not first[1] & list_files(tmp_path, "results")
    assert (len(list_files(tmp_path, "payloads")), len(list_files(tmp_path, "results"))) == (2, 6)
    computed_shop.forget_cached(head_key("shop"))
    assert computed_shop.call("data", "GET", "/data/shop").status_code == 200


def test_a_replaced_version_is_kept_for_a_rollback_and_no_longer(
    computed_shop: FunctionHost, tmp_path: Path
) -> None:
    computed_shop.save_shop(CHANGED)
    computed_shop.precompute_shop()
    assert clear(computed_shop, 29 * DAY).payloads == 0
    cleared = clear(computed_shop, 31 * DAY)
    assert (cleared.payloads, cleared.results) == (2, 3)
    assert clear(computed_shop, 33 * DAY).blobs == 2 + 6
    assert (len(list_files(tmp_path, "payloads")), len(list_files(tmp_path, "results"))) == (2, 6)
    assert computed_shop.call("data", "GET", "/data/shop").json["data"]["version"] == 2


def test_a_rollback_within_the_retention_is_served_at_once(computed_shop: FunctionHost) -> None:
    computed_shop.save_shop(CHANGED)
    computed_shop.precompute_shop()
    clear(computed_shop, 29 * DAY)
    body = [{"slug": "shop", "to_version": 1}]
    response = computed_shop.call("dashboards_rollback", "POST", "/dashboards/rollback", json=body)
    assert response.status_code == 200, response.text
    assert computed_shop.call("data", "GET", "/data/shop").json["data"]["version"] == 3
    # Version 1 goes in the end, and what version 3 shares with it stays.
    assert clear(computed_shop, 31 * DAY).results == 3
    assert computed_shop.container.precompute.assemble_dashboards(["shop"]) == {"shop": 2}


def test_results_a_payload_is_made_of_stay_however_old(computed_shop: FunctionHost) -> None:
    assert clear(computed_shop, 400 * DAY) == Cleared()


def test_variants_nobody_reads_go_and_listed_ones_stay(functions: FunctionHost) -> None:
    functions.save_shop(SHOP.replace('"2024-01-02"]}', '"2024-01-02"], allow_other: true}'))
    functions.precompute_shop()
    body = {"slug": "shop", "parameters": {"day": "2024-01-20"}}
    functions.call("precompute", "POST", "/precompute/variant", json=body)
    assert clear(functions, 29 * DAY).payloads == 0
    assert clear(functions, 31 * DAY).payloads == 1
    functions.forget_cached(pointer_key("shop", hash_variant({"day": "2024-01-20"}), 1))
    assert functions.call("data", "GET", "/data/shop?day=2024-01-20").status_code == 404
    assert functions.call("data", "GET", "/data/shop?day=2024-01-02").status_code == 200


def test_sessions_that_ended_and_nodes_without_edges_go(functions: FunctionHost) -> None:
    now = datetime.now(UTC)
    database = functions.container.database
    user, (board,) = add_user(database), add_dashboards(database, "nyc")
    with database.begin() as uow:
        ends = {"ended": now - DAY, "open": now + DAY}
        uow.sessions.create_many(
            [make_session(user, one, absolute_expires_at=end, expires_at=end) for one, end in ends.items()]
        )
        uow.lineage.replace_edges(board.id, 1, [make_node("bq:p.d.t")], [])
    cleared = clear(functions)
    assert (cleared.sessions, cleared.lineage_nodes) == (1, 1)
    assert clear(functions) == Cleared()


def test_a_store_that_is_away_forgets_no_blob_and_stops_no_heartbeat(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.save_shop()
    with functions.container.database.begin() as uow:
        uow.expired_blobs.add_many(["payloads/shop/1/a"], datetime.now(UTC) - DAY)

    def fail(*_args: object, **_options: object) -> None:
        raise DependencyUnavailableError("The store is away.")

    with monkeypatch.context() as patched:
        patched.setattr(functions.container.payload_store, "delete_blobs", fail)
        assert functions.call("precompute", "POST", "/precompute", json={"due": True}).status_code == 200
    assert functions.call("precompute", "POST", "/precompute", json={"due": True}).status_code == 200
    assert clear(functions) == Cleared()
