"""What every cache promises; each test runs in memory and on a real Valkey."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.servers.valkey import ValkeyServer
from shared.cache.cache import Cache
from shared.cache.factory import open_cache
from shared.cache.stamps import read_value
from shared.settings import Settings

MakeKey = Callable[[str], str]


@pytest.fixture(params=["memory", "valkey"])
def cache(servers: None, request: pytest.FixtureRequest) -> Cache:
    if request.param == "memory":
        return open_cache(Settings(cache_url="memory://"))
    server: ValkeyServer = request.getfixturevalue("valkey_server")
    return open_cache(Settings(cache_url=server.url, cache_timeout_seconds=5))


@pytest.fixture
def key() -> MakeKey:
    """Keys of this test only, since the server is shared."""
    prefix = uuid.uuid4().hex
    return lambda name: f"{prefix}:{name}"


def test_values_come_back_in_input_order_with_none_for_what_is_missing(cache: Cache, key: MakeKey) -> None:
    cache.set_many({key("a"): b"1", key("b"): b"\0\xff\r\n", key("empty"): b"", key("ü ☀"): b"4"}, 60)
    names = ["missing", "b", "a", "empty", "b", "ü ☀"]
    assert cache.get_many([key(name) for name in names]) == [
        None,
        b"\0\xff\r\n",
        b"1",
        b"",
        b"\0\xff\r\n",
        b"4",
    ]


def test_empty_calls_do_nothing(cache: Cache) -> None:
    assert cache.get_many([]) == []
    cache.set_many({}, 60)


def test_a_large_value_comes_back(cache: Cache, key: MakeKey) -> None:
    value = bytes(range(256)) * 40_000
    cache.set_many({key("large"): value}, 60)
    assert cache.get_many([key("large")]) == [value]


def test_setting_replaces(cache: Cache, key: MakeKey) -> None:
    cache.set_many({key("a"): b"1", key("b"): b"1"}, 60)
    cache.set_many({key("a"): b"2"}, 60)
    assert cache.get_many([key("a"), key("b")]) == [b"2", b"1"]


def test_values_vanish_when_their_time_is_up(cache: Cache, key: MakeKey) -> None:
    cache.set_many({key("short"): b"1"}, 1)
    assert cache.add(key("lease"), b"1", 1)
    cache.increment(key("count"), 1)
    cache.set_many({key("long"): b"1"}, 60)
    time.sleep(1.2)
    names = ["short", "lease", "count", "long"]
    assert cache.get_many([key(name) for name in names]) == [None, None, None, b"1"]
    assert cache.add(key("lease"), b"2", 60)
    assert cache.increment(key("count"), 60) == 1


def test_setting_again_renews_the_time_to_live(cache: Cache, key: MakeKey) -> None:
    cache.set_many({key("a"): b"1"}, 1)
    cache.set_many({key("a"): b"2"}, 60)
    time.sleep(1.2)
    assert cache.get_many([key("a")]) == [b"2"]


def test_counting_does_not_renew_the_time_to_live(cache: Cache, key: MakeKey) -> None:
    assert cache.increment(key("count"), 1) == 1
    assert cache.increment(key("count"), 60) == 2
    time.sleep(1.2)
    assert cache.increment(key("count"), 60) == 1


def test_add_stores_only_what_is_absent(cache: Cache, key: MakeKey) -> None:
    assert cache.add(key("a"), b"first", 60)
    assert not cache.add(key("a"), b"second", 60)
    assert cache.get_many([key("a")]) == [b"first"]


def test_of_many_callers_of_add_one_wins(cache: Cache, key: MakeKey) -> None:
    barrier = threading.Barrier(16)

    def take(number: int) -> bool:
        barrier.wait()
        return cache.add(key("lease"), b"%d" % number, 60)

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(take, range(16)))
    assert results.count(True) == 1
    assert cache.get_many([key("lease")]) == [b"%d" % results.index(True)]


def test_no_increment_is_lost(cache: Cache, key: MakeKey) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: cache.increment(key("count"), 60), range(200)))
    assert sorted(counts) == list(range(1, 201))


@pytest.mark.parametrize("found", [b"text", b"", b"-3", b"9" * 40, b" 7"])
def test_counting_on_something_else_begins_anew(cache: Cache, key: MakeKey, found: bytes) -> None:
    cache.set_many({key("text"): found}, 60)
    assert [cache.increment(key("text"), 60) for _ in range(2)] == [1, 2]


def test_compare_and_delete_removes_only_the_expected_value(cache: Cache, key: MakeKey) -> None:
    cache.add(key("lease"), b"mine\0", 60)
    assert not cache.compare_and_delete(key("lease"), b"theirs")
    assert cache.get_many([key("lease")]) == [b"mine\0"]
    assert cache.compare_and_delete(key("lease"), b"mine\0")
    assert not cache.compare_and_delete(key("lease"), b"mine\0")
    assert cache.get_many([key("lease")]) == [None]


def test_ping_returns(cache: Cache) -> None:
    cache.ping()


def test_threads_share_a_cache(cache: Cache, key: MakeKey) -> None:
    def work(number: int) -> list[bytes | None]:
        cache.set_many({key(f"{number}"): b"%d" % number}, 60)
        return cache.get_many([key(f"{number}")])

    with ThreadPoolExecutor(40) as pool:
        results = list(pool.map(work, range(400)))
    assert results == [[b"%d" % number] for number in range(400)]


def test_of_numbered_values_the_highest_stays_whoever_comes_last(cache: Cache, key: MakeKey) -> None:
    def read(name: str) -> bytes:
        (stored,) = cache.get_many([key(name)])
        assert stored is not None
        return read_value(stored)

    cache.set_newest_many({key("a"): (2, b"two"), key("b"): (2**52, b"\0 large")}, 60)
    cache.set_newest_many({key("a"): (1, b"one"), key("b"): (2**52 - 1, b"")}, 60)
    assert (read("a"), read("b")) == (b"two", b"\0 large")
    cache.set_newest_many({key("a"): (2, b"again"), key("b"): (2**52 + 1, b"larger")}, 60)
    assert (read("a"), read("b")) == (b"again", b"larger")


def test_a_value_without_a_number_gives_way(cache: Cache, key: MakeKey) -> None:
    cache.set_many({key("a"): b"text 9", key("b"): b""}, 60)
    cache.set_newest_many({key("a"): (0, b"a"), key("b"): (0, b"b")}, 60)
    assert cache.get_many([key("a"), key("b")]) == [b"0 a", b"0 b"]


def test_numbered_values_live_as_long_as_they_are_told(cache: Cache, key: MakeKey) -> None:
    cache.set_newest_many({key("a"): (1, b"a")}, 1)
    cache.set_newest_many({}, 1)
    time.sleep(1.2)
    assert cache.get_many([key("a")]) == [None]
