"""Sessions of signed-in browsers: a random token outside, its SHA-256 in PostgreSQL."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from shared.auth.allowlist import Allowlist
from shared.auth.principals import IdTokenClaims, Principal, RecentPrincipals
from shared.auth.session_tokens import create_session_token, hash_session_token
from shared.database.unit_of_work import Database
from shared.errors import UnauthenticatedError
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.database.quick_reads import OpenSession

MAX_TOUCH_INTERVAL = timedelta(minutes=1)
MAX_USER_AGENT_LENGTH = 400
_BEFORE_EVERY_SESSION = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class NewSession:
    """A session just made. `token` goes into the cookie and is shown nowhere else."""

    token: str
    principal: Principal
    expires_at: datetime
    absolute_expires_at: datetime
    max_age_seconds: int


@dataclass(frozen=True)
class SessionSummary:
    """A session as its owner sees it in a list."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class SessionService:
    """Makes, resolves and ends sessions.

    A resolved session is believed for SESSION_CACHE_SECONDS without asking again: the longest time a session
    revoked in another process, a disabled user or a changed role goes unnoticed. While PostgreSQL does not answer it is
    believed for DATABASE_OUTAGE_SECONDS.
    """

    def __init__(
        self, settings: Settings, database: Database, allowlist: Allowlist, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._allowlist = allowlist
        self._now = now
        self._idle = timedelta(seconds=settings.session_idle_seconds)
        self._absolute = timedelta(seconds=settings.session_absolute_seconds)
        self._touch_interval = min(MAX_TOUCH_INTERVAL, self._idle / 4)
        self._recent = RecentPrincipals(
            timedelta(seconds=settings.session_cache_seconds),
            timedelta(seconds=settings.database_outage_seconds),
        )

    def create(self, claims: IdTokenClaims, user_agent: str | None, ip: str | None) -> NewSession:
        """Start a session for the holder of a verified ID token; the user is created or brought up to date.

        Raises ForbiddenError for an address that is not allowed or a disabled account.
        """
        from shared.auth.admission import admit_user
        from shared.database.models.users import UserSession

        token, now = create_session_token(), self._now()
        absolute = now + self._absolute
        row = UserSession(
            token_sha256=hash_session_token(token),
            created_at=now,
            last_used_at=now,
            expires_at=min(now + self._idle, absolute),
            absolute_expires_at=absolute,
            user_agent=_clean_user_agent(user_agent),
            ip=_clean_ip(ip),
        )
        with self._database.begin() as work:
            user = admit_user(work, self._allowlist, claims, now)
            row.user_id = user.id
            work.sessions.create_many([row])
        principal = self._describe(row.id, user.id, user.email, user.display_name)
        return NewSession(token, principal, row.expires_at, absolute, int(self._absolute.total_seconds()))

    def resolve(self, token: str) -> Principal:
        """The caller behind a session token; its idle time starts anew (written at most once a minute).

        Raises UnauthenticatedError when it is malformed, unknown, expired or revoked, ForbiddenError when the
        address is no longer allowed.
        """
        digest, now = hash_session_token(token), self._now()
        return self._recent.resolve(digest, now, lambda: self._find(digest, now))

    def _find(self, digest: bytes, now: datetime) -> tuple[Principal, datetime]:
        found = self._database.quick.find_session(digest, now)
        if found is None:
            raise self._explain_end(digest)
        self._allowlist.require_allowed(found.email)
        expires_at = self._slide(found, now)
        return self._describe(found.id, found.user_id, found.email, found.display_name), expires_at

    def revoke(self, session_ids: Sequence[UUID]) -> list[UUID]:
        """End sessions; the ids of those that were still open.

        Takes effect here at once, in other processes within SESSION_CACHE_SECONDS.
        """
        with self._database.begin() as work:
            revoked = work.sessions.revoke_many(session_ids, self._now())
        ended = frozenset(session_ids)
        self._recent.forget(lambda principal: principal.session_id in ended)
        return revoked

    def revoke_for_users(self, user_ids: Sequence[UUID]) -> list[UUID]:
        """End every session of users ("sign out everywhere"); the ids that were still open."""
        with self._database.begin() as work:
            revoked = work.sessions.revoke_for_users(user_ids, self._now())
        ended = frozenset(user_ids)
        self._recent.forget(lambda principal: principal.user_id in ended)
        return revoked

    def list_sessions(self, user_id: UUID) -> list[SessionSummary]:
        """The open sessions of a user, the last used first."""
        with self._database.begin() as work:
            rows = work.sessions.list_for_user(user_id, self._now())
        return [
            SessionSummary(row.id, row.created_at, row.last_used_at, row.expires_at, row.user_agent, row.ip)
            for row in rows
        ]

    def _slide(self, session: "OpenSession", now: datetime) -> datetime:
        if now - session.last_used_at < self._touch_interval:
            return session.expires_at
        expires_at = min(now + self._idle, session.absolute_expires_at)
        self._database.quick.touch_session(session.id, now, expires_at)
        return expires_at

    def _explain_end(self, digest: bytes) -> UnauthenticatedError:
        expired = self._database.quick.find_session(digest, _BEFORE_EVERY_SESSION)
        if expired is None:
            return UnauthenticatedError("The session is unknown, was signed out, or its account is disabled.")
        ended_at = expired.expires_at.isoformat(timespec="seconds")
        return UnauthenticatedError(f"The session expired at {ended_at}.")

    def _describe(self, session_id: UUID, user_id: UUID, email: str, display_name: str) -> Principal:
        return Principal(
            user_id=user_id,
            email=email,
            role=self._allowlist.role_of(email),
            kind="user",
            session_id=session_id,
            via="session",
            display_name=display_name,
        )


def _clean_user_agent(text: str | None) -> str | None:
    return "".join(filter(str.isprintable, text or ""))[:MAX_USER_AGENT_LENGTH] or None


def _clean_ip(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text or ""))
    except ValueError:
        return None
