"""Who may sign in, and the sessions they hold."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.models.base import Base, CreatedAt, UuidKey, one_of, text_enum


class Role(StrEnum):
    """What a user may do; each includes the ones before it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class UserKind(StrEnum):
    """A person or a program."""

    USER = "user"
    SERVICE_ACCOUNT = "service_account"


class User(Base):
    """A person or service account that has signed in; `email` is unique without regard to case.

    `subject` is the account at the identity provider (`sub`) that it is; None before one signs in, and after a rebind.
    """

    __tablename__ = "users"

    id: Mapped[UuidKey]
    email: Mapped[str]
    subject: Mapped[str | None]
    display_name: Mapped[str] = mapped_column(default="", server_default="")
    role: Mapped[Role] = mapped_column(text_enum(Role))
    kind: Mapped[UserKind] = mapped_column(text_enum(UserKind))
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("role", Role),
        one_of("kind", UserKind),
        CheckConstraint("email <> ''", name="email_not_empty"),
    )


Index("uq_users_email_lower", func.lower(User.email), unique=True)


class UserSession(Base):
    """A signed-in browser: only the SHA-256 of its token is stored.

    `expires_at` slides with use and never passes `absolute_expires_at`.
    """

    __tablename__ = "sessions"

    id: Mapped[UuidKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    absolute_expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str | None]
    ip: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256_length"),
        CheckConstraint("expires_at <= absolute_expires_at", name="expires_within_absolute"),
        Index("ix_sessions_absolute_expires_at", "absolute_expires_at"),
    )
