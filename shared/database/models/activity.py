"""What people asked for and did: prompts, and the append-only record of actions."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.models.base import (
    Base,
    ByteCount,
    CreatedAt,
    UuidKey,
    hex_digest,
    not_negative,
    one_of,
    text_enum,
)
from shared.database.models.users import User
from shared.json_values import JsonObject


class PromptStatus(StrEnum):
    """How far the answer to a question is."""

    PENDING = "pending"
    ANSWERED = "answered"
    FAILED = "failed"


class Prompt(Base):
    """A question in plain words and the dashboard YAML drafted for it."""

    __tablename__ = "prompts"

    id: Mapped[UuidKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    slug: Mapped[str | None]
    question: Mapped[str]
    answer_yaml: Mapped[str | None]
    status: Mapped[PromptStatus] = mapped_column(text_enum(PromptStatus), default=PromptStatus.PENDING)
    error_code: Mapped[str | None]
    diagnostics: Mapped[list[JsonObject]] = mapped_column(JSONB, default=list, server_default="[]")
    trace_id: Mapped[str | None] = mapped_column(CHAR(32))
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("status", PromptStatus),
        hex_digest("trace_id", 32),
        Index("ix_prompts_user_id_created_at", "user_id", "created_at"),
    )


class ActionOutcome(StrEnum):
    """How an action ended; refused means that a rule said no."""

    SUCCESS = "success"
    REFUSED = "refused"
    FAILED = "failed"


class Action(Base):
    """Who did what to what, and how it ended. Rows are never changed nor deleted (a trigger refuses)."""

    __tablename__ = "actions"

    id: Mapped[UuidKey]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="RESTRICT"))
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str] = mapped_column(default="", server_default="")
    outcome: Mapped[ActionOutcome] = mapped_column(text_enum(ActionOutcome))
    error_code: Mapped[str | None]
    detail: Mapped[JsonObject] = mapped_column(default=dict, server_default="{}")
    bytes_billed: Mapped[ByteCount] = mapped_column(default=0, server_default="0")
    trace_id: Mapped[str | None] = mapped_column(CHAR(32))
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        one_of("outcome", ActionOutcome),
        not_negative("bytes_billed"),
        hex_digest("trace_id", 32),
        Index("ix_actions_created_at", "created_at"),
        Index("ix_actions_user_id_created_at", "user_id", "created_at"),
        Index("ix_actions_target_created_at", "target", "created_at"),
    )
