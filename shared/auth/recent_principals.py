"""Callers verified a moment ago, kept for seconds so that a burst of requests asks the database once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from shared.auth.principals import Principal

MAX_ENTRIES = 10_000


class RecentPrincipals:
    """A bounded map from a credential's SHA-256 to the caller it proved, each entry with its end.

    The end bounds how long a revoked session, a disabled user or a changed allowlist goes unnoticed.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()

    def get(self, digest: bytes, now: datetime) -> Principal | None:
        """The caller, if still good at `now`."""
        entry = self._entries.get(digest)
        return entry[0] if entry is not None and now < entry[1] else None

    def put(self, digest: bytes, principal: Principal, valid_until: datetime) -> None:
        """Remember a caller until `valid_until`; the oldest entry makes room."""
        with self._lock:
            self._entries[digest] = (principal, valid_until)
            self._entries.move_to_end(digest)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def forget(self, matches: Callable[[Principal], bool]) -> None:
        """Drop the callers that match."""
        with self._lock:
            for digest in [digest for digest, entry in self._entries.items() if matches(entry[0])]:
                del self._entries[digest]

    def __len__(self) -> int:
        return len(self._entries)
