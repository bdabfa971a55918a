"""Signed-in browsers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update

from shared.database.models.users import User, UserSession
from shared.database.repositories.base import Repository, json_rows, record_set, table_of


@dataclass(frozen=True)
class ActiveSession:
    """A session that is good now, with its user."""

    session: UserSession
    user: User


@dataclass(frozen=True)
class SessionTouch:
    """A use of a session; `expires_at` is cut at the absolute expiry."""

    id: UUID
    last_used_at: datetime
    expires_at: datetime


class SessionRepository(Repository):
    """Reads and writes `sessions`."""

    def create_many(self, sessions: Sequence[UserSession]) -> list[UserSession]:
        """Insert and return the sessions. Raises ConflictError when a token exists already."""
        self._add_all(sessions, {"uq_sessions_token_sha256": "A session with this token exists already."})
        return list(sessions)

    def get_active_by_hash(self, token_sha256: bytes, now: datetime) -> ActiveSession | None:
        """The session of a token, unless it is expired or revoked or its user is disabled."""
        row = self._session.execute(
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(
                UserSession.token_sha256 == token_sha256,
                UserSession.revoked_at.is_(None),
                UserSession.expires_at > now,
                UserSession.absolute_expires_at > now,
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        return None if row is None else ActiveSession(*row)

    def touch_many(self, touches: Sequence[SessionTouch]) -> None:
        """Slide the expiry of sessions; a touch never moves it back, so that late ones do no harm."""
        if not touches:
            return
        table = table_of(UserSession)
        given = record_set(table, ["id", "last_used_at", "expires_at"])
        self._session.execute(
            update(table)
            .where(table.c.id == given.c.id)
            .values(
                last_used_at=func.greatest(table.c.last_used_at, given.c.last_used_at),
                expires_at=func.least(
                    func.greatest(table.c.expires_at, given.c.expires_at), table.c.absolute_expires_at
                ),
            ),
            {"rows": json_rows(asdict(touch) for touch in touches)},
        )

    def revoke_many(self, ids: Sequence[UUID], now: datetime) -> list[UUID]:
        """Revoke sessions; the ids of those that were not revoked before."""
        return self._revoke(UserSession.id.in_(ids), now) if ids else []

    def revoke_for_users(self, user_ids: Sequence[UUID], now: datetime) -> list[UUID]:
        """Revoke every session of users; the ids of those that were not revoked before."""
        return self._revoke(UserSession.user_id.in_(user_ids), now) if user_ids else []

    def list_for_user(self, user_id: UUID, now: datetime) -> list[UserSession]:
        """The sessions of a user that are good now, the last used first."""
        return list(
            self._session.scalars(
                select(UserSession)
                .where(
                    UserSession.user_id == user_id,
                    UserSession.revoked_at.is_(None),
                    UserSession.expires_at > now,
                )
                .order_by(UserSession.last_used_at.desc(), UserSession.id)
            )
        )

    def delete_expired(self, before: datetime) -> int:
        """Delete sessions whose absolute expiry lies before a time; how many."""
        table = table_of(UserSession)
        statement = delete(table).where(table.c.absolute_expires_at < before).returning(table.c.id)
        return len(self._session.execute(statement).all())

    def _revoke(self, condition: ColumnElement[bool], now: datetime) -> list[UUID]:
        statement = (
            update(UserSession).where(condition, UserSession.revoked_at.is_(None)).values(revoked_at=now)
        )
        return list(self._session.scalars(statement.returning(UserSession.id)))
