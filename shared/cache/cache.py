"""What a cache is."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.cache.stamps import StampedItems


class Cache(Protocol):
    """Bytes under keys, each with a time to live. Anything in it may vanish at any time.

    A cache that cannot be reached within its timeout raises DependencyUnavailableError. Safe to share between
    threads; a forked process makes its own connections. Times to live are whole seconds, at least 1.
    """

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values in input order, None where there is none."""
        ...

    def set_many(self, items: Mapping[str, bytes], ttl_seconds: int) -> None:
        """Store all items; each replaces what was there, time to live included."""
        ...

    def set_newest_many(self, items: StampedItems, ttl_seconds: int) -> None:
        """Store each value under its number, unless the key holds one with a higher number.

        `get_many` gives stored values with the number in front (`shared.cache.stamps`).
        """
        ...

    def add(self, key: str, value: bytes, ttl_seconds: int) -> bool:
        """Store `value` unless the key exists; True when this call stored it. One of many callers wins."""
        ...

    def increment(self, key: str, ttl_seconds: int) -> int:
        """Add 1 to a counter and return it; a new counter begins at 1 and lives `ttl_seconds` from then on.

        What is no counter gives way to a new one.
        """
        ...

    def compare_and_delete(self, key: str, value: bytes) -> bool:
        """Remove the key if it holds exactly `value`, in one step; True when it did."""
        ...

    def ping(self) -> None:
        """Return when the cache answers."""
        ...
