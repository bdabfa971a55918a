"""What is deleted, when, and that nothing anybody needs goes with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.container import Container
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.keys import head_key, pointer_key
from shared.database.models.costs import CostReservation
from shared.database.models.runs import RunStatus
from shared.errors import DependencyUnavailableError
from shared.precompute.housekeeping import Cleared
from tests.database.builders import add_dashboards, add_user, digest, make_node, make_run, make_session
from tests.fixtures.functions import SHOP, FunctionHost

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
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


def test_runs_of_dead_processes_are_closed_with_what_was_settled(functions: FunctionHost) -> None:
    now = datetime.now(UTC)
    hours = {"settled": 2, "open": 2, "unreserved": 2, "young": 0}
    with functions.container.database.begin() as uow:
        runs = uow.query_runs.create_many(
            [
                make_run(job_id=name, status=RunStatus.RUNNING, finished_at=None, started_at=now - age * HOUR)
                for name, age in hours.items()
            ]
        )
        reservations = {
            name: CostReservation(
                id=uuid4(), created_at=now - 2 * HOUR, expires_at=now + DAY, bytes_reserved=100, actor="a@example.com",
                job_id=name, day=now.date(),
            )
            for name in ("settled", "open")
        }  # fmt: skip
        for one in reservations.values():
            assert uow.reservations.reserve(one, ())
        assert not uow.reservations.settle(reservations["settled"].id, 70, (), now)
    assert clear(functions) == Cleared(runs=2)
    with functions.container.database.begin() as uow:
        found = {row.job_id: row for row in uow.query_runs.get_many([run.id for run in runs]).values()}
    assert {name for name, row in found.items() if row.status is RunStatus.FAILED} == {
        "settled",
        "unreserved",
    }
    assert (found["settled"].bytes_billed, found["unreserved"].bytes_billed) == (70, None)
    assert clear(functions) == Cleared()


def test_reservations_and_leases_of_the_dead_end_with_a_heartbeat(functions: FunctionHost) -> None:
    now = datetime.now(UTC)
    database = functions.container.database
    with database.begin() as uow:
        lost = CostReservation(
            id=uuid4(), created_at=now - DAY, expires_at=now - HOUR, bytes_reserved=100, actor="a@example.com",
            job_id=None, day=now.date(),
        )  # fmt: skip
        assert uow.reservations.reserve(lost, ())
        fences = uow.leases.acquire_many([digest("dead"), digest("alive")], uuid4(), -2 * HOUR)
        uow.leases.acquire_many([digest("alive")], uuid4(), DAY)
    assert set(fences.values()) == {1}
    assert functions.call("precompute", "POST", "/precompute", json={"due": True}).status_code == 200
    with database.begin() as uow:
        assert uow.leases.list_held([digest("dead"), digest("alive")]) == {digest("alive")}
        assert uow.leases.release_expired(timedelta()) == 0
        assert uow.reservations.claim_expired(now, now + DAY, 10) == []
        # The fence goes on from where it was.
        assert uow.leases.acquire_many([digest("dead")], uuid4(), DAY) == {digest("dead"): 2}


def test_a_heartbeat_writes_the_files_that_a_save_could_not(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise DependencyUnavailableError("The disk of the blob store is full.")

    def list_pending() -> list[str]:
        with functions.container.database.begin() as uow:
            return [one.slug for one in uow.versions.list_pending()]

    store = functions.container.dashboard_store
    with monkeypatch.context() as patched:
        patched.setattr(store, "write_blobs", fail)
        assert functions.save_shop()["version"] == 1
        assert functions.call("precompute", "POST", "/precompute", json={"due": True}).status_code == 200
        assert list_pending() == ["shop"]
    assert functions.call("precompute", "POST", "/precompute", json={"due": True}).status_code == 200
    assert list_pending() == []
    assert [info.path for info in store.list_blobs()] == ["dashboards/shop/shop.yaml"]
