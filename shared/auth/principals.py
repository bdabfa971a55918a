"""Who is calling, and with what role; callers verified a moment ago are kept for seconds.

So a burst of requests asks the database once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

MAX_TOKEN_LENGTH = 16 * 1024
"""Characters of the longest ID token that is looked at."""


class Role(StrEnum):
    """What a caller may do, ordered: a viewer reads, an editor changes and spends, an admin does all."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    # A StrEnum compares as text, by which a viewer would outrank an admin.

    def __lt__(self, other: object) -> bool:
        return _RANKS[self] < _rank_of(other)

    def __le__(self, other: object) -> bool:
        return _RANKS[self] <= _rank_of(other)

    def __gt__(self, other: object) -> bool:
        return _RANKS[self] > _rank_of(other)

    def __ge__(self, other: object) -> bool:
        return _RANKS[self] >= _rank_of(other)


# By name, not by asking the enum: every call compares two.
_RANKS = {role: rank for rank, role in enumerate(Role)}


def _rank_of(role: object) -> int:
    if not isinstance(role, Role):
        raise TypeError(f"a Role compares with a Role only, not with {role!r}")
    return _RANKS[role]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `user_id` is None for a service account, `session_id` unless the caller came with a session cookie.
    """

    user_id: UUID | None
    email: str
    role: Role
    kind: Literal["user", "service_account"]
    session_id: UUID | None
    via: Literal["session", "bearer"]
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class IdTokenClaims:
    """What a verified ID token says.

    `email` and `hosted_domain` (Google Workspace) are normalised; `expires_at_epoch` counts seconds.
    """

    issuer: str
    subject: str
    email: str
    name: str
    hosted_domain: str | None
    expires_at_epoch: int


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
