"""From what a refresh stored to what is served: lost and late writes, bounds, and who waits for whom."""

import copy
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from sqlalchemy import text

from deploy.local.servers.oidc import OidcServer
from deploy.local.servers.valkey import ValkeyServer
from shared.container import Container, use_container
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.keys import pointer_key
from shared.database.repositories.query_results import RefreshFailure
from shared.precompute.payload.cached_blobs import POINTER_TTL_SECONDS
from shared.settings import Settings
from shared.storage.blob import BlobWrite
from tests.cache.lossy_proxy import LossyProxy
from tests.fixtures.functions import SHOP, FunctionHost

POINTER = pointer_key("shop", hash_variant({"day": "2024-01-01"}), 1)


def get_shop(functions: FunctionHost) -> dict[str, Any]:
    response = functions.call("data", "GET", "/data/shop")
    assert response.status_code == 200, response.text
    return dict(response.json["data"])


@pytest.fixture
def proxy(valkey_server: ValkeyServer) -> Iterator[LossyProxy]:
    with LossyProxy(urlsplit(valkey_server.url).port or 0).running() as proxy:
        yield proxy


@pytest.fixture
def through_proxy(
    functions: FunctionHost, proxy: LossyProxy, function_settings: Settings, oidc_server: OidcServer
) -> Iterator[FunctionHost]:
    """A host whose cache is behind the proxy."""
    url = Settings(cache_url=f"redis://127.0.0.1:{proxy.port}/0").cache_url
    settings = copy.replace(function_settings, cache_url=url, cache_timeout_seconds=0.5)
    host = FunctionHost(Container(settings), oidc_server)
    use_container(host.container)
    yield host
    use_container(functions.container)
    host.container.database.dispose()


def test_a_cache_write_that_is_lost_is_reported_and_hides_nothing_for_longer_than_a_minute(
    functions: FunctionHost, through_proxy: FunctionHost, proxy: LossyProxy, valkey_server: ValkeyServer
) -> None:
    through_proxy.save_shop()
    assert through_proxy.precompute_shop()["problems"] == []
    before = get_shop(through_proxy)
    proxy.losing = True
    through_proxy.restart_with(max_bytes_per_user_day=1)
    report = through_proxy.precompute_shop(force=True)
    assert proxy.lost
    (problem,) = report["problems"]
    assert problem["code"] == "DEPENDENCY_UNAVAILABLE"
    assert f"{POINTER_TTL_SECONDS} s" in problem["message"]
    proxy.losing = False
    with redis.Redis.from_url(valkey_server.url) as client:
        assert 0 < int(client.ttl(POINTER)) <= POINTER_TTL_SECONDS
        # As when that time is over. The old payload itself is still in the cache, for a month.
        client.delete(POINTER)
    # Another process, to which the cache never was silent.
    use_container(functions.container)
    after = get_shop(functions)
    assert not before["stale"]
    assert after["stale"]
    assert after["queries"]["count"]["refresh_error"]["code"] == "BUDGET_EXCEEDED"


class TestTooLargeAsAWhole:
    def test_the_last_good_payload_says_that_it_was_not_replaced(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.precompute_shop()
        before = get_shop(functions)
        functions.restart_with(max_payload_bytes=1000)
        report = functions.precompute_shop(force=True)
        assert {query["status"] for query in report["queries"]} == {"refreshed"}
        assert [problem["code"] for problem in report["problems"]] == ["PAYLOAD_TOO_LARGE"] * 2
        assert report["totals"]["payloads_kept"] == 2
        after = get_shop(functions)
        assert (after["as_of"], after["checked_at"]) == (before["as_of"], before["checked_at"])
        assert after["stale"]
        error = after["queries"]["names"]["refresh_error"]
        assert error["code"] == "PAYLOAD_TOO_LARGE"
        assert "names" in error["message"]
        assert after["queries"]["names"]["values"] == before["queries"]["names"]["values"]
        functions.restart_with(max_payload_bytes=10_000_000)
        report = functions.precompute_shop()
        assert (report["problems"], report["totals"]["payloads_kept"]) == ([], 0)
        healed = get_shop(functions)
        assert not healed["stale"]
        assert healed["queries"]["names"]["refresh_error"] is None

    def test_without_an_earlier_one_there_is_nothing_to_serve(self, functions: FunctionHost) -> None:
        functions.save_shop()
        functions.restart_with(max_payload_bytes=1000)
        report = functions.precompute_shop()
        assert (report["variants_ready"], len(report["problems"])) == (0, 2)
        assert functions.call("data", "GET", "/data/shop").status_code == 404


def test_payloads_are_assembled_from_cached_results(
    functions: FunctionHost, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    functions.save_shop()
    functions.precompute_shop()
    shutil.rmtree(tmp_path / "payloads" / "results")
    assemble = functions.container.precompute.assemble_dashboards
    forget_contents(functions)
    assert assemble(["shop"]) == {"shop": 2}
    forget_contents(functions)
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushdb()
    assert assemble(["shop"]) == {"shop": 0}


def forget_contents(functions: FunctionHost) -> None:
    """Let nothing be known of what the payloads say, so that the next assembly builds them anew."""
    with functions.container.database.engine.begin() as connection:
        connection.execute(text("UPDATE payloads SET etag = ''"))


@contextmanager
def held_back_writes(functions: FunctionHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A store whose first write of a payload waits inside the block; the event says that it has come so far."""
    store = functions.container.payload_store
    write_blobs = store.write_blobs
    reached, go_on = threading.Event(), threading.Event()

    def write(writes: list[BlobWrite], **options: Any) -> list[str]:
        if writes[0].path.startswith("payloads/") and not reached.is_set():
            reached.set()
            assert go_on.wait(30)
        return write_blobs(writes, **options)

    monkeypatch.setattr(store, "write_blobs", write)
    forget_contents(functions)
    assemble = functions.container.precompute.assemble_dashboards
    thread = threading.Thread(target=lambda: assemble(["shop"]))
    thread.start()
    try:
        assert reached.wait(30)
        yield reached
    finally:
        go_on.set()
        thread.join()


class TestASlowStore:
    def test_holds_up_no_save(self, functions: FunctionHost, monkeypatch: pytest.MonkeyPatch) -> None:
        functions.save_shop()
        functions.precompute_shop()
        database = functions.container.database
        with held_back_writes(functions, monkeypatch), database.begin() as uow:
            assert "shop" in uow.dashboards.lock_by_slugs(["shop"])

    def test_hides_nothing_that_was_stored_meanwhile(
        self, functions: FunctionHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        functions.save_shop()
        report = functions.precompute_shop()
        error = {"code": "WAREHOUSE_TIMEOUT", "message": "took 60 s"}
        # The one that every variant shows.
        key = next(one["fingerprint"] for one in report["queries"] if one["queries"] == ["count"])
        with held_back_writes(functions, monkeypatch), functions.container.database.begin() as uow:
            uow.query_results.record_failures([RefreshFailure(key, 10**6, error)])
        shown = get_shop(functions)["queries"]
        assert [one["refresh_error"] for one in shown.values() if one["refresh_error"]] == [error]


def test_a_head_read_before_a_save_does_not_come_back_after_it(functions: FunctionHost) -> None:
    functions.save_shop()
    heads = functions.container.head_cache
    (before,) = heads.find_heads(["shop"])
    assert before is not None
    functions.save_shop(SHOP.replace("People in the shop", "Renamed"))
    heads.write_heads([before])
    (after,) = heads.find_heads(["shop"])
    assert after is not None
    assert (before.version, after.version) == (1, 2)
