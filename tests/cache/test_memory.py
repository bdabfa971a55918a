"""The bounds of the cache in memory."""

import tracemalloc

import pytest

from shared.cache.memory import ENTRY_OVERHEAD_BYTES, MemoryCache


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_used_least_recently_goes_first() -> None:
    cache = MemoryCache(3 * (ENTRY_OVERHEAD_BYTES + 101))
    for key in "abc":
        cache.set_many({key: b"x" * 100}, 60)
    cache.get_many(["a"])
    cache.set_many({"d": b"x" * 100}, 60)
    assert [value is not None for value in cache.get_many(["a", "b", "c", "d"])] == [True, False, True, True]


def test_keys_count_towards_the_bound() -> None:
    cache = MemoryCache(10_000)
    for number in range(100):
        cache.set_many({f"{number:03}" + "k" * 1000: b""}, 60)
    assert cache._used_bytes <= 10_000
    assert (
        sum(value is not None for value in cache.get_many([f"{n:03}" + "k" * 1000 for n in range(100)])) == 7
    )


def test_an_item_larger_than_the_cache_is_not_kept_and_evicts_nothing() -> None:
    cache = MemoryCache(2000)
    cache.set_many({"small": b"1", "large": b"old"}, 60)
    cache.set_many({"large": b"x" * 3000}, 60)
    assert cache.get_many(["small", "large"]) == [b"1", None]


def test_the_time_to_live_follows_the_clock_and_frees_the_bytes() -> None:
    clock = Clock()
    cache = MemoryCache(10_000, clock)
    cache.set_many({"a": b"1"}, 10)
    clock.now += 9.99
    assert cache.get_many(["a"]) == [b"1"]
    clock.now += 0.01
    assert cache.get_many(["a"]) == [None]
    assert cache._used_bytes == 0


def test_the_account_is_exact_after_every_kind_of_change() -> None:
    cache = MemoryCache(100_000)
    cache.set_many({"a": b"1", "b": b"2"}, 60)
    cache.set_many({"a": b"longer than before"}, 60)
    cache.increment("n", 60)
    cache.increment("n", 60)
    cache.add("b", b"ignored", 60)
    assert cache.compare_and_delete("a", b"longer than before")
    cache.compare_and_delete("b", b"2")
    assert cache._used_bytes == ENTRY_OVERHEAD_BYTES + 2
    assert cache.compare_and_delete("n", b"2")
    assert cache._used_bytes == 0


@pytest.mark.parametrize("size", [0, 100, 20_000])
def test_the_memory_really_used_stays_within_the_bound(size: int) -> None:
    bound = 4_000_000
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        cache = MemoryCache(bound)
        for number in range(bound // (size + 100)):
            cache.set_many({f"dash:some-slug:q:{number}": bytes(size)}, 60)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cache._used_bytes <= bound
    assert after - before <= bound * 1.1
