"""Dashboards and their immutable versions."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.models.base import (
    Base,
    CreatedAt,
    Sha256Hex,
    UuidKey,
    hex_digest,
    one_of,
    text_enum,
)
from shared.json_values import JsonObject


class LastRefresh(StrEnum):
    """How the last refresh went; failed when at least one query did."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Dashboard(Base):
    """The index entry of a dashboard: what lists and searches show, and which version is current.

    A deleted dashboard keeps its row (`deleted_at`), its slug and its versions. `last_refresh_status` is None
    until the current version is refreshed; `last_refresh_error` is the first thing that went wrong then.
    """

    __tablename__ = "dashboards_index"

    id: Mapped[UuidKey]
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    owner: Mapped[str] = mapped_column(default="", server_default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    current_version: Mapped[int] = mapped_column(default=1, server_default="1")
    schedule: Mapped[str | None]
    time_zone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    deleted_at: Mapped[datetime | None]
    last_refresh_status: Mapped[LastRefresh | None] = mapped_column(text_enum(LastRefresh))
    last_refresh_error: Mapped[JsonObject | None]

    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z][a-z0-9-]{1,62}$'", name="slug_pattern"),
        CheckConstraint("current_version >= 1", name="current_version_positive"),
        one_of("last_refresh_status", LastRefresh),
        Index("ix_dashboards_index_tags", "tags", postgresql_using="gin"),
        Index("ix_dashboards_index_owner", "owner"),
        Index(
            "ix_dashboards_index_scheduled",
            "slug",
            postgresql_where=text("schedule IS NOT NULL AND deleted_at IS NULL"),
        ),
    )


class DashboardVersion(Base):
    """One accepted save. A trigger refuses changes of its content and any DELETE but its dashboard's.

    `files` maps the paths of SQL files to their text; `definition` is the parsed dashboard, `plan_totals`
    what compile said at save; `blob_revision` is the store's own name of the revision (commit, generation).
    """

    __tablename__ = "dashboard_versions"

    id: Mapped[UuidKey]
    dashboard_id: Mapped[UUID] = mapped_column(ForeignKey(Dashboard.id, ondelete="CASCADE"))
    version: Mapped[int]
    yaml_text: Mapped[str]
    files: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict, server_default="{}")
    content_sha256: Mapped[Sha256Hex]
    blob_path: Mapped[str]
    blob_revision: Mapped[str | None]
    author: Mapped[str]
    message: Mapped[str] = mapped_column(default="", server_default="")
    plan_totals: Mapped[JsonObject] = mapped_column(default=dict, server_default="{}")
    definition: Mapped[JsonObject | None]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        UniqueConstraint("dashboard_id", "version"),
        CheckConstraint("version >= 1", name="version_positive"),
        hex_digest("content_sha256"),
    )
