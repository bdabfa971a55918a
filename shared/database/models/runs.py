"""Jobs that were run, what became of each query last, and the payloads assembled from the results."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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
from shared.database.models.dashboards import Dashboard
from shared.database.models.users import User
from shared.json_values import JsonObject


class RunStatus(StrEnum):
    """How far a job is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunPurpose(StrEnum):
    """Which call started a job."""

    SQL_RUN = "sql_run"
    PRECOMPUTE = "precompute"
    COMPILE = "compile"


class QueryRun(Base):
    """One BigQuery job, from its start to its end; byte counts as BigQuery reported them.

    `bytes_saved` is the receipt's: what it would have billed without BigQuery's cache or another worker's job.
    """

    __tablename__ = "query_runs"

    id: Mapped[UuidKey]
    slug: Mapped[str | None]
    query_name: Mapped[str | None]
    version: Mapped[int | None]
    fingerprint: Mapped[Sha256Hex]
    job_id: Mapped[str | None]
    job_project: Mapped[str | None]
    location: Mapped[str | None]
    status: Mapped[RunStatus] = mapped_column(text_enum(RunStatus), default=RunStatus.RUNNING)
    purpose: Mapped[RunPurpose] = mapped_column(text_enum(RunPurpose))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"), index=True)
    actor: Mapped[str]
    bytes_estimated: Mapped[ByteCount | None]
    bytes_billed: Mapped[ByteCount | None]
    bytes_processed: Mapped[ByteCount | None]
    bytes_saved: Mapped[ByteCount | None]
    cache_hit: Mapped[bool | None]
    cap_bytes: Mapped[ByteCount | None]
    referenced_tables: Mapped[list[JsonObject] | None] = mapped_column(JSONB(none_as_null=True))
    error_code: Mapped[str | None]
    trace_id: Mapped[str | None] = mapped_column(CHAR(32))
    started_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("status", RunStatus),
        one_of("purpose", RunPurpose),
        hex_digest("fingerprint"),
        hex_digest("trace_id", 32),
        not_negative("bytes_estimated", "bytes_billed", "bytes_processed", "cap_bytes"),
        not_negative("bytes_saved"),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="finished_when_not_running"),
        Index("ix_query_runs_started_at", "started_at"),
        Index("ix_query_runs_fingerprint_started_at", "fingerprint", "started_at"),
        Index(
            "ix_query_runs_latest",
            "slug",
            "query_name",
            text("finished_at DESC"),
            postgresql_where=text("status = 'succeeded' AND referenced_tables IS NOT NULL"),
        ),
    )


class QueryResult(Base):
    """The last good result of a query. A failure writes `refresh_error` and touches nothing else.

    `source_state` is what the base tables were (last-modified times); `fence` is the token of the writer's
    lease: a writer with a lower one is refused.
    """

    __tablename__ = "query_results"

    fingerprint: Mapped[Sha256Hex] = mapped_column(primary_key=True)
    source_state: Mapped[JsonObject] = mapped_column(default=dict, server_default="{}")
    as_of: Mapped[datetime]
    checked_at: Mapped[datetime]
    row_count: Mapped[ByteCount]
    byte_count: Mapped[ByteCount]
    truncated: Mapped[bool] = mapped_column(default=False, server_default="false")
    columns: Mapped[list[JsonObject]] = mapped_column(JSONB)
    blob_path: Mapped[str]
    content_sha256: Mapped[Sha256Hex]
    bytes_billed: Mapped[ByteCount] = mapped_column(default=0, server_default="0")
    last_job_id: Mapped[str | None]
    fence: Mapped[ByteCount] = mapped_column(default=0, server_default="0")
    refresh_error: Mapped[JsonObject | None]
    updated_at: Mapped[CreatedAt]

    __table_args__ = (
        hex_digest("fingerprint"),
        hex_digest("content_sha256"),
        not_negative("row_count", "byte_count", "bytes_billed", "fence"),
        CheckConstraint("checked_at >= as_of", name="checked_after_as_of"),
    )


class QueryFailure(Base):
    """Why the newest refresh of a query failed; gone with the next one that succeeds.

    `fence` is the token of the lease under which it failed. Kept apart from `query_results`, because a query
    that never succeeded has no result.
    """

    __tablename__ = "query_failures"

    fingerprint: Mapped[Sha256Hex] = mapped_column(primary_key=True)
    fence: Mapped[ByteCount]
    error: Mapped[JsonObject]
    failed_at: Mapped[CreatedAt]

    __table_args__ = (hex_digest("fingerprint"), not_negative("fence"))


class KeptDryRun(Base):
    """What BigQuery's dry run said of a query at `asked_at`, under which conditions and of which state of its tables.

    `answer` is for the release that wrote it to read: `conditions_sha256` names that one, too.
    """

    __tablename__ = "kept_dry_runs"

    fingerprint: Mapped[Sha256Hex] = mapped_column(primary_key=True)
    conditions_sha256: Mapped[Sha256Hex]
    source_sha256: Mapped[Sha256Hex]
    answer: Mapped[JsonObject]
    asked_at: Mapped[datetime]

    __table_args__ = (
        hex_digest("fingerprint"),
        hex_digest("conditions_sha256"),
        hex_digest("source_sha256"),
        Index("ix_kept_dry_runs_asked_at", "asked_at"),
    )


class Payload(Base):
    """The assembled answer of `/data` for one variant of one version; the bytes are in the blob store.

    Every new content has a blob of its own, and `blob_path` says which one is served. `etag` names the content,
    so that it is known without being built whether it changed. `on_demand` marks a
    variant with values that are not listed; `read_at` is when somebody last asked for it, to the minute;
    `fingerprints` are the queries it is made of.
    """

    __tablename__ = "payloads"

    id: Mapped[UuidKey]
    dashboard_id: Mapped[UUID] = mapped_column(ForeignKey(Dashboard.id, ondelete="CASCADE"))
    version: Mapped[int]
    variant_hash: Mapped[Sha256Hex]
    parameters: Mapped[JsonObject] = mapped_column(default=dict, server_default="{}")
    etag: Mapped[str]
    blob_path: Mapped[str]
    as_of: Mapped[datetime]
    checked_at: Mapped[datetime]
    byte_count: Mapped[ByteCount]
    on_demand: Mapped[bool] = mapped_column(default=False, server_default="false")
    read_at: Mapped[CreatedAt]
    fingerprints: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    updated_at: Mapped[CreatedAt]

    __table_args__ = (
        UniqueConstraint("dashboard_id", "version", "variant_hash"),
        hex_digest("variant_hash"),
        not_negative("byte_count"),
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("checked_at >= as_of", name="checked_after_as_of"),
        Index("ix_payloads_fingerprints", "fingerprints", postgresql_using="gin"),
    )


class ExpiredBlob(Base):
    """A blob of the payload store that no row points to any more; deleted once its last readers are done."""

    __tablename__ = "expired_blobs"

    path: Mapped[str] = mapped_column(primary_key=True)
    delete_after: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("path <> ''", name="path_not_empty"),
        Index("ix_expired_blobs_delete_after", "delete_after"),
    )
