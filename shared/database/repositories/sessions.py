"""Signed-in browsers."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update

from shared.database.models.users import UserSession
from shared.database.repositories.base import RowRepository, take_once


class SessionRepository(RowRepository[UserSession]):
    """Reads and writes `sessions`."""

    _CONFLICTS: ClassVar = {"uq_sessions_token_sha256": "A session with this token exists already."}

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

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Delete sessions whose absolute expiry lies before a time; how many."""
        expired = select(UserSession.id).where(UserSession.absolute_expires_at < before).limit(limit)
        locked = expired.with_for_update(skip_locked=True)
        statement = delete(UserSession).where(UserSession.id.in_(take_once(locked)))
        return len(self._session.execute(statement.returning(UserSession.id)).all())

    def _revoke(self, condition: ColumnElement[bool], now: datetime) -> list[UUID]:
        statement = (
            update(UserSession).where(condition, UserSession.revoked_at.is_(None)).values(revoked_at=now)
        )
        return list(self._session.scalars(statement.returning(UserSession.id)))
