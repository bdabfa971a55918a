"""How often somebody may call; counted in a cache, and not at all without one."""

from collections.abc import Generator

import pytest

from shared.auth.call_limits import CallLimits
from shared.cache.cache import Cache
from shared.cache.memory import MemoryCache
from shared.cache.redis import RedisCache
from shared.errors import RateLimitedError
from shared.settings import Settings

NOON = 1_700_000_040.0  # a full minute


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache:
    return MemoryCache(10**6, clock)


@pytest.fixture
def limits(cache: Cache, clock: Clock) -> CallLimits:
    return CallLimits(Settings(logins_per_minute=3, compiles_in_flight=2), lambda: cache, clock)


def plan(*values: int) -> Generator[int]:
    yield from values


class TestLogins:
    def test_the_one_too_many_of_a_minute_is_refused_with_when_to_come_back(
        self, limits: CallLimits, clock: Clock
    ) -> None:
        clock.now += 20
        for _ in range(3):
            limits.count_login("192.0.2.7")
        with pytest.raises(RateLimitedError, match="More than 3 sign-ins in a minute") as caught:
            limits.count_login("192.0.2.7")
        assert caught.value.retry_after_seconds == 40
        limits.count_login("192.0.2.8")
        clock.now += 40
        limits.count_login("192.0.2.7")

    def test_who_has_no_address_is_one_of_those_without(self, limits: CallLimits) -> None:
        for _ in range(3):
            limits.count_login(None)
        with pytest.raises(RateLimitedError):
            limits.count_login(None)


class TestCompiles:
    def test_the_one_too_many_is_refused_before_it_begins(self, limits: CallLimits) -> None:
        held = [limits.hold_compile("ana@example.com", plan(1, 2)) for _ in range(2)]
        with pytest.raises(RateLimitedError, match=r"ana@example\.com has 2 compiles in flight") as caught:
            limits.hold_compile("ana@example.com", plan(1))
        assert caught.value.retry_after_seconds == 5
        assert list(limits.hold_compile("bob@example.com", plan(1))) == [1]
        assert list(held[0]) == [1, 2]
        assert list(limits.hold_compile("ana@example.com", plan(3))) == [3]

    def test_one_that_is_closed_or_fails_makes_room(self, limits: CallLimits) -> None:
        def fail() -> Generator[int]:
            yield 1
            raise ValueError("no")

        for _ in range(5):
            closed = limits.hold_compile("ana@example.com", plan(1, 2))
            assert next(closed) == 1
            closed.close()
            with pytest.raises(ValueError, match="no"):
                list(limits.hold_compile("ana@example.com", fail()))

    def test_one_whose_process_died_makes_room_in_time(self, limits: CallLimits, clock: Clock) -> None:
        lost = [limits.hold_compile("ana@example.com", plan(1)) for _ in range(2)]
        clock.now += 301
        assert list(limits.hold_compile("ana@example.com", plan(1))) == [1]
        later = limits.hold_compile("ana@example.com", plan(1))
        # What comes late takes no other's place away.
        assert [list(one) for one in lost] == [[1], [1]]
        assert len([limits.hold_compile("ana@example.com", plan(1))]) == 1
        with pytest.raises(RateLimitedError):
            limits.hold_compile("ana@example.com", plan(1))
        assert list(later) == [1]


def test_without_the_cache_nobody_is_refused() -> None:
    away = RedisCache("redis://127.0.0.1:1/0", timeout_seconds=0.2)
    limits = CallLimits(Settings(logins_per_minute=1, compiles_in_flight=1), lambda: away)
    for _ in range(3):
        limits.count_login("192.0.2.7")
    plans = [limits.hold_compile("ana@example.com", plan(1)) for _ in range(3)]
    assert [list(one) for one in plans] == [[1]] * 3
