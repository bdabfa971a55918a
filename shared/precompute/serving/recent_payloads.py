"""Payloads served a moment ago, kept in this process so that a burst of requests asks the cache once."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.precompute.payload.payload import ServedPayload


@dataclass(slots=True)
class _Entry:
    served: ServedPayload
    found_at: datetime
    valid_until: datetime


class RecentPayloads:
    """A map from a request to its payload, bounded in bytes; an entry is believed for `seconds`.

    That time bounds how long a process goes on serving what a save or a refresh has replaced; 0 keeps nothing. While
    nobody can say what is current, it is `seconds_without_answer`.
    """

    def __init__(self, seconds: float, max_bytes: int, seconds_without_answer: float = 0) -> None:
        self._believed_for = timedelta(seconds=seconds)
        self._believed_without_answer = timedelta(seconds=seconds_without_answer)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0

    def get(self, slug: str, query: str, now: datetime) -> ServedPayload | None:
        """The payload of a request, if still good at `now`."""
        entry = self._entries.get((slug, query))
        return entry.served if entry is not None and now < entry.valid_until else None

    def believe(self, slug: str, query: str, now: datetime) -> ServedPayload | None:
        """What was found for a request before, good for as long again; None when that is too long ago."""
        entry = self._entries.get((slug, query))
        if entry is None or now >= entry.found_at + self._believed_without_answer:
            return None
        entry.valid_until = now + self._believed_for
        return entry.served

    def put(self, slug: str, query: str, served: ServedPayload, now: datetime) -> None:
        """Remember a payload; the oldest entries make room, and one that is too large is not kept."""
        key, size = (slug, query), served.payload.stored_size
        with self._lock:
            self._drop(key)
            if not self._believed_for or size > self._max_bytes:
                return
            while self._bytes + size > self._max_bytes:
                self._drop(next(iter(self._entries)))
            self._entries[key] = _Entry(served, now, now + self._believed_for)
            self._bytes += size

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: tuple[str, str]) -> None:
        if entry := self._entries.pop(key, None):
            self._bytes -= entry.served.payload.stored_size
