"""Money: what was billed and is reserved per scope and day, and the open reservations."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.models.base import (
    Base,
    ByteCount,
    CreatedAt,
    Sha256Hex,
    UuidKey,
    hex_digest,
    not_negative,
    one_of,
    text_enum,
)


class CostScope(StrEnum):
    """Whose budget a ledger row belongs to."""

    USER = "user"
    DASHBOARD = "dashboard"
    ENVIRONMENT = "environment"


class CostLedgerRow(Base):
    """Bytes of one user, dashboard or environment on one day (a day of the budget's time zone).

    `bytes_billed` is what was charged: what jobs billed, and all that was reserved for those that do not tell.
    """

    __tablename__ = "cost_ledger"

    id: Mapped[UuidKey]
    scope: Mapped[CostScope] = mapped_column(text_enum(CostScope))
    key: Mapped[str]
    day: Mapped[date]
    bytes_reserved: Mapped[ByteCount] = mapped_column(default=0, server_default="0")
    bytes_billed: Mapped[ByteCount] = mapped_column(default=0, server_default="0")

    __table_args__ = (
        UniqueConstraint("scope", "key", "day"),
        one_of("scope", CostScope),
        not_negative("bytes_reserved", "bytes_billed"),
        CheckConstraint("key <> ''", name="key_not_empty"),
        Index("ix_cost_ledger_day", "day"),
    )


class LedgerOpening(Base):
    """That a database knows what was spent on the day it was opened; jobs are admitted by one with such a row alone.

    `database` names the very database: a backup that is put back elsewhere, or continues another past, brings the row
    of another. `unknown_users` are hashes from the labels of jobs whose users have not come again yet.
    """

    __tablename__ = "cost_ledger_openings"

    database: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    unknown_users: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")

    __table_args__ = (CheckConstraint("database <> ''", name="database_not_empty"),)


class CostReservation(Base):
    """Bytes held for a job that may still run; returned when it settles or when `expires_at` passes.

    `bytes_billed` is BigQuery's word, None where it does not tell; the budgets were charged `bytes_settled`. Rows
    that were settled before there was such a column have `bytes_billed` alone, which was the same then.
    """

    __tablename__ = "cost_reservations"

    id: Mapped[UuidKey]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    bytes_reserved: Mapped[ByteCount]
    bytes_billed: Mapped[ByteCount | None]
    bytes_settled: Mapped[ByteCount | None]
    actor: Mapped[str]
    slug: Mapped[str | None]
    query_name: Mapped[str | None]
    fingerprint: Mapped[Sha256Hex | None]
    job_id: Mapped[str | None]
    day: Mapped[date]

    __table_args__ = (
        hex_digest("fingerprint"),
        not_negative("bytes_reserved", "bytes_billed"),
        not_negative("bytes_settled"),
        CheckConstraint("expires_at > created_at", name="expires_after_created"),
        CheckConstraint("settled_at IS NOT NULL OR bytes_billed IS NULL", name="billed_when_settled"),
        Index("ix_cost_reservations_open", "expires_at", postgresql_where=text("settled_at IS NULL")),
        Index("ix_cost_reservations_day", "day"),
    )
