"""Who is calling, and with what role; callers verified a moment ago are kept for seconds.

So a burst of requests asks the database once.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.errors import AlmanacError, DependencyUnavailableError

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


_LOGGER = logging.getLogger(__name__)
MAX_ENTRIES = 10_000
ASKED_AGAIN_AFTER = timedelta(seconds=1)
"""How often PostgreSQL is asked about a caller while it does not answer."""


@dataclass(slots=True)
class _Known:
    principal: Principal
    asked_at: datetime
    valid_until: datetime
    ends_at: datetime


class RecentPrincipals:
    """A bounded map from a credential's SHA-256 to the caller it proved, each entry with its end.

    The end bounds how long a revoked session, a disabled user or a changed allowlist goes unnoticed: `believed_for`,
    and, while PostgreSQL does not answer, `believed_without_answer`. Neither goes beyond the end of the credential.
    """

    def __init__(
        self,
        believed_for: timedelta = timedelta(),
        believed_without_answer: timedelta = timedelta(),
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._believed_for = believed_for
        self._believed_without_answer = believed_without_answer
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, _Known] = OrderedDict()

    def get(self, digest: bytes, now: datetime) -> Principal | None:
        """The caller, if still good at `now`."""
        entry = self._entries.get(digest)
        return entry.principal if entry is not None and now < entry.valid_until else None

    def resolve(
        self, digest: bytes, now: datetime, ask: Callable[[], tuple[Principal, datetime]]
    ) -> Principal:
        """The caller: known a moment ago, or as `ask` says, with the end of the credential.

        While one thread asks about a caller that was known, others go on with what was known. When it cannot be asked
        (DependencyUnavailableError) what was known is believed; what else it raises ends the belief.
        """
        if principal := self.get(digest, now):
            return principal
        self._postpone(digest, now)
        try:
            principal, ends_at = ask()
        except DependencyUnavailableError as error:
            believed = self._believe(digest, now)
            if believed is None:
                raise
            # Counted: deploy/monitoring/log-metrics.json.
            _LOGGER.warning("A known caller is believed: %s", error.message, extra={"believed": "caller"})
            return believed
        except AlmanacError:
            self._drop(digest)
            raise
        self.put(digest, principal, min(now + self._believed_for, ends_at), now, ends_at)
        return principal

    def put(
        self,
        digest: bytes,
        principal: Principal,
        valid_until: datetime,
        now: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> None:
        """Remember a caller until `valid_until`; the oldest entry makes room."""
        known = _Known(principal, now or valid_until, valid_until, ends_at or valid_until)
        with self._lock:
            self._entries[digest] = known
            self._entries.move_to_end(digest)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def _postpone(self, digest: bytes, now: datetime) -> None:
        """Let others go on with what was good until a moment ago while this thread asks."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is not None and self._believed_for and now < entry.valid_until + ASKED_AGAIN_AFTER:
                entry.valid_until = min(now + ASKED_AGAIN_AFTER, self._end_of_belief(entry))

    def _believe(self, digest: bytes, now: datetime) -> Principal | None:
        """What was known of the caller, good for another moment; None when that is too long ago."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None or now >= self._end_of_belief(entry):
                return None
            entry.valid_until = min(now + ASKED_AGAIN_AFTER, self._end_of_belief(entry))
            return entry.principal

    def _end_of_belief(self, entry: _Known) -> datetime:
        return min(entry.asked_at + self._believed_without_answer, entry.ends_at)

    def _drop(self, digest: bytes) -> None:
        with self._lock:
            self._entries.pop(digest, None)

    def forget(self, matches: Callable[[Principal], bool]) -> None:
        """Drop the callers that match."""
        with self._lock:
            for digest in [digest for digest, entry in self._entries.items() if matches(entry.principal)]:
                del self._entries[digest]

    def __len__(self) -> int:
        return len(self._entries)
