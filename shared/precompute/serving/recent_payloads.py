"""Payloads served a moment ago, kept in this process so that a burst of requests asks the cache once."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from shared.precompute.payload.payload import ServedPayload


class RecentPayloads:
    """A map from a request to its payload, bounded in bytes; an entry is believed for `seconds`.

    That time bounds how long a process goes on serving what a save or a refresh has replaced; 0 keeps nothing.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._believed_for = timedelta(seconds=seconds)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, str], tuple[ServedPayload, datetime]] = OrderedDict()
        self._bytes = 0

    def get(self, slug: str, query: str, now: datetime) -> ServedPayload | None:
        """The payload of a request, if still good at `now`."""
        entry = self._entries.get((slug, query))
        return entry[0] if entry is not None and now < entry[1] else None

    def put(self, slug: str, query: str, served: ServedPayload, now: datetime) -> None:
        """Remember a payload; the oldest entries make room, and one that is too large is not kept."""
        key, size = (slug, query), served.payload.stored_size
        with self._lock:
            self._drop(key)
            if not self._believed_for or size > self._max_bytes:
                return
            while self._bytes + size > self._max_bytes:
                self._drop(next(iter(self._entries)))
            self._entries[key] = (served, now + self._believed_for)
            self._bytes += size

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: tuple[str, str]) -> None:
        if entry := self._entries.pop(key, None):
            self._bytes -= entry[0].payload.stored_size
