"""How often somebody may call, and how much at once.

Counted in the cache: counts are of a minute, may be lost, and are made at the wish of people nobody knows, who shall
not make PostgreSQL write. When the cache cannot be reached nobody is refused: budgets, which are about money, do not
stand on this.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Generator
from secrets import token_bytes

from shared.cache.cache import Cache
from shared.errors import DependencyUnavailableError, RateLimitedError
from shared.settings import Settings

_MINUTE = 60
# The longest a function may run: a slot of a process that died is free again after it.
_SLOT_SECONDS = 300
_RETRY_COMPILE_SECONDS = 5
_LOGGER = logging.getLogger(__name__)


class CallLimits:
    """The limits of one environment, over all its processes when they share a cache."""

    def __init__(
        self, settings: Settings, get_cache: Callable[[], Cache], now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._get_cache = get_cache
        self._now = now

    def count_login(self, address: str | None) -> None:
        """Count a sign-in that begins at an address. Raises RateLimitedError above LOGINS_PER_MINUTE."""
        limit = self._settings.logins_per_minute
        minute, second = divmod(int(self._now()), _MINUTE)
        key = f"limit:login:{_digest(address or '-')}:{minute}"
        count = self._ask(lambda cache: cache.increment(key, _MINUTE), 0)
        if count > limit:
            raise RateLimitedError(
                f"More than {limit} sign-ins in a minute from one address.",
                retry_after_seconds=_MINUTE - second,
            )

    def hold_compile[T](self, caller: str, plans: Generator[T]) -> Generator[T]:
        """`plans`, which are one compile of the caller's in flight until they are closed or at their end.

        Raises RateLimitedError at once above COMPILES_IN_FLIGHT.
        """
        limit = self._settings.compiles_in_flight
        token = token_bytes(16)
        keys = [f"limit:compile:{_digest(caller)}:{slot}" for slot in range(limit)]
        free: str | None = ""
        taken = self._ask(lambda cache: _take_first(cache, keys, token), free)
        if taken is None:
            raise RateLimitedError(
                f"{caller} has {limit} compiles in flight already.",
                retry_after_seconds=_RETRY_COMPILE_SECONDS,
            )
        return self._release_after(plans, taken, token)

    def _release_after[T](self, plans: Generator[T], key: str, token: bytes) -> Generator[T]:
        try:
            yield from plans
        finally:
            if key:
                self._ask(lambda cache: cache.compare_and_delete(key, token), False)

    def _ask[T](self, question: Callable[[Cache], T], otherwise: T) -> T:
        try:
            return question(self._get_cache())
        except DependencyUnavailableError as error:
            _LOGGER.warning("Calls are not counted: %s", error.message)
            return otherwise


def _take_first(cache: Cache, keys: list[str], token: bytes) -> str | None:
    return next((key for key in keys if cache.add(key, token, _SLOT_SECONDS)), None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
