"""A cache in this process, bounded by bytes."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.cache.stamps import StampedItems, read_number, stamp_value

MAX_COUNT_DIGITS = 15
ENTRY_OVERHEAD_BYTES = 300
"""What an entry costs beside key and value: dictionary slot, entry object, headers of str and bytes."""


@dataclass(slots=True)
class _Entry:
    value: bytes
    expires_at: float
    size: int


class MemoryCache:
    """Keeps at most `max_bytes` (keys, values and overhead), dropping what was used least recently.

    An item larger than the whole cache is not kept. `clock` gives seconds that never go back.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._used_bytes = 0

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Cache.get_many`."""
        with self._lock:
            entries = [self._find(key) for key in keys]
        return [entry.value if entry else None for entry in entries]

    def set_many(self, items: Mapping[str, bytes], ttl_seconds: int) -> None:
        """See `Cache.set_many`."""
        with self._lock:
            for key, value in items.items():
                self._put(key, value, self._clock() + ttl_seconds)

    def set_newest_many(self, items: StampedItems, ttl_seconds: int) -> None:
        """See `Cache.set_newest_many`."""
        with self._lock:
            for key, (number, value) in items.items():
                entry = self._find(key)
                if entry is None or read_number(entry.value) <= number:
                    self._put(key, stamp_value(number, value), self._clock() + ttl_seconds)

    def add(self, key: str, value: bytes, ttl_seconds: int) -> bool:
        """See `Cache.add`."""
        with self._lock:
            if self._find(key):
                return False
            self._put(key, value, self._clock() + ttl_seconds)
            return True

    def increment(self, key: str, ttl_seconds: int) -> int:
        """See `Cache.increment`."""
        with self._lock:
            entry = self._find(key)
            before = _read_count(entry.value) if entry else None
            if entry is None or before is None:
                self._put(key, b"1", self._clock() + ttl_seconds)
                return 1
            self._put(key, b"%d" % (before + 1), entry.expires_at)
            return before + 1

    def compare_and_delete(self, key: str, value: bytes) -> bool:
        """See `Cache.compare_and_delete`."""
        with self._lock:
            entry = self._find(key)
            if entry is None or entry.value != value:
                return False
            self._drop(key)
            return True

    def ping(self) -> None:
        """See `Cache.ping`: memory always answers."""

    def _find(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def _put(self, key: str, value: bytes, expires_at: float) -> None:
        self._drop(key)
        size = len(key.encode()) + len(value) + ENTRY_OVERHEAD_BYTES
        if size > self._max_bytes:
            return
        self._entries[key] = _Entry(value, expires_at, size)
        self._used_bytes += size
        while self._used_bytes > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._used_bytes -= oldest.size

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry:
            self._used_bytes -= entry.size


def _read_count(value: bytes) -> int | None:
    return int(value) if len(value) <= MAX_COUNT_DIGITS and value.isdigit() else None
