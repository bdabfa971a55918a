"""Damaged bytes in the cache and in the payload store: passed over, counted, and never served."""

import logging
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.parts import REPOSITORY
from tests.fixtures.functions import FunctionHost

DAY = "day=2024-01-01"
CHANCE = random.Random(14)


def flip(value: bytes) -> bytes:
    at = CHANCE.randrange(len(value))
    return value[:at] + bytes((value[at] ^ 1 << CHANCE.randrange(8),)) + value[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a flipped bit": flip,
    "cut short": lambda value: value[: len(value) // 2],
    "empty": lambda _: b"",
    "random bytes": lambda value: CHANCE.randbytes(len(value)),
    "text": lambda _: b"9007199254740991 some text",
    "another release's head": lambda _: b'1 {"slug": "shop", "version": 1}',
    "another release's payload": lambda value: value.partition(b"\n")[0] + b'\n{"slug":"shop"}\nxyz',
}


def list_keys(client: redis.Redis) -> list[bytes]:
    return sorted(client.scan_iter("dash:*"))


def read_values(functions: FunctionHost) -> tuple[object, object, bytes]:
    """What is served of the shop: the numbers, when they were read, and a result as Arrow."""
    response = functions.call("data", "GET", f"/data/shop?{DAY}")
    assert response.status_code == 200, response.text
    data = response.json["data"]
    stream = functions.call(
        "data", "GET", f"/data/shop?{DAY}&query=names",
        headers={"Accept": "application/vnd.apache.arrow.stream"},
    )  # fmt: skip
    assert stream.status_code == 200, stream.text
    return {name: query["values"] for name, query in data["queries"].items()}, data["as_of"], stream.data


def list_files(functions: FunctionHost, folder: str, suffix: str = "") -> list[Path]:
    root = Path(functions.container.settings.payload_store_url.removeprefix("file:"))
    return [path for path in (root / folder).rglob("*") if path.is_file() and path.suffix == suffix]


@pytest.fixture
def shop(functions: FunctionHost) -> FunctionHost:
    functions.save_shop()
    functions.precompute_shop()
    return functions


def test_whatever_the_cache_holds_the_true_numbers_are_served(shop: FunctionHost) -> None:
    right = read_values(shop)
    with redis.Redis.from_url(shop.container.settings.cache_url.get_secret_value()) as client:
        keys = list_keys(client)
        assert {key.split(b":")[2] for key in keys} == {b"head", b"at", b"p", b"q", b"s"}
        for key in keys:
            good = client.get(key)
            assert good is not None
            for damage in DAMAGES.values():
                client.set(key, damage(good))
                assert read_values(shop) == right
            client.delete(key)
            client.rpush(key, "a list")
            assert read_values(shop) == right
        assert shop.call("data", "GET", "/data/shop?day=2024-01-02").status_code == 200
        # What was read was mended with it; results are read by a refresh alone.
        assert {client.type(key) for key in keys if b":q:" not in key} == {b"string"}


def test_a_refresh_passes_damaged_results_over(shop: FunctionHost, bigquery: BigQueryServer) -> None:
    right = read_values(shop)
    with redis.Redis.from_url(shop.container.settings.cache_url.get_secret_value()) as client:
        results = [key for key in list_keys(client) if b":q:" in key]
        for damage in DAMAGES.values():
            for key in results:
                client.set(key, damage(client.get(key) or b"x"))
            for path in list_files(shop, "payloads"):
                path.unlink()
            before = bigquery.count_jobs()
            assert shop.precompute_shop()["variants_ready"] == 2
            assert bigquery.count_jobs() == before
            assert read_values(shop) == right


def test_a_payload_damaged_in_both_places_is_built_again_for_nothing(
    shop: FunctionHost, bigquery: BigQueryServer, caplog: pytest.LogCaptureFixture
) -> None:
    right = read_values(shop)
    for path in list_files(shop, "payloads"):
        path.write_bytes(flip(path.read_bytes()))
    with redis.Redis.from_url(shop.container.settings.cache_url.get_secret_value()) as client:
        client.flushdb()
    with caplog.at_level(logging.WARNING):
        response = shop.call("data", "GET", f"/data/shop?{DAY}")
    assert (response.status_code, response.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")
    assert "damaged" in response.json["error"]["message"]
    assert '"slugs": ["shop"]' in response.json["error"]["remediation"]
    assert [one.unreadable_copy for one in caplog.records if hasattr(one, "unreadable_copy")] == ["store"]
    assert (
        "jsonPayload.unreadable_copy:*"
        in (REPOSITORY / "deploy" / "monitoring" / "log-metrics.json").read_text()
    )
    before = bigquery.count_jobs()
    assert shop.precompute_shop()["totals"]["bytes_billed"] == 0
    assert bigquery.count_jobs() == before
    assert read_values(shop) == right


def test_a_stream_damaged_in_both_places_says_how_it_is_made_again(shop: FunctionHost) -> None:
    right = read_values(shop)
    for path in list_files(shop, "results", ".arrow"):
        path.write_bytes(path.read_bytes()[:-1])
    with redis.Redis.from_url(shop.container.settings.cache_url.get_secret_value()) as client:
        client.flushdb()
    response = shop.call(
        "data", "GET", f"/data/shop?{DAY}&query=names",
        headers={"Accept": "application/vnd.apache.arrow.stream"},
    )  # fmt: skip
    assert (response.status_code, response.json["error"]["code"]) == (404, "PAYLOAD_NOT_READY")
    assert '"force": true' in response.json["error"]["remediation"]
    shop.precompute_shop(force=True)
    assert read_values(shop)[0] == right[0]


def test_a_result_damaged_in_both_places_is_a_problem_that_names_the_remedy(shop: FunctionHost) -> None:
    for path in [*list_files(shop, "results"), *list_files(shop, "payloads")]:
        path.write_bytes(flip(path.read_bytes())) if "results" in path.parts else path.unlink()
    with redis.Redis.from_url(shop.container.settings.cache_url.get_secret_value()) as client:
        client.flushdb()
    report = shop.precompute_shop()
    assert "damaged" in report["problems"][0]["message"]
    assert '"force": true' in report["problems"][0]["remediation"]
    shop.precompute_shop(force=True)
    assert shop.call("data", "GET", f"/data/shop?{DAY}").status_code == 200


@pytest.mark.parametrize("found", ["text", "list"])
def test_what_stands_in_the_place_of_a_counter_keeps_nobody_from_signing_in(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    cache = functions.container.cache
    count = cache.increment

    def spoil_and_count(key: str, ttl_seconds: int) -> int:
        with redis.Redis.from_url(functions.container.settings.cache_url.get_secret_value()) as client:
            client.delete(key)
            client.set(key, "text") if found == "text" else client.rpush(key, "x")
        return count(key, ttl_seconds)

    monkeypatch.setattr(cache, "increment", spoil_and_count)
    assert functions.call("auth", "GET", "/auth/login", email=None).status_code == 302
