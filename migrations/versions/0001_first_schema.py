"""The first schema: users, activity, dashboards, lineage, runs and costs.

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NOW = sa.text("now()")
TIMESTAMPTZ = sa.DateTime(timezone=True)

TABLES = (
    "cost_reservations", "cost_ledger",
    "payloads", "query_results", "query_runs",
    "lineage_edges", "lineage_nodes",
    "dashboard_versions", "dashboards_index",
    "actions", "prompts",
    "sessions", "users",
)  # fmt: skip

REFUSE_ACTION_CHANGE = """
CREATE FUNCTION refuse_action_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'actions are append-only' USING ERRCODE = 'restrict_violation';
END
$$
"""
ACTIONS_APPEND_ONLY = """
CREATE TRIGGER actions_append_only BEFORE UPDATE OR DELETE ON actions
FOR EACH ROW EXECUTE FUNCTION refuse_action_change()
"""

# What was learnt about a version may be added later: definition, plan_totals, blob_path, blob_revision.
REFUSE_VERSION_CHANGE = """
CREATE FUNCTION refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the content of a dashboard version is immutable' USING ERRCODE = 'restrict_violation';
END
$$
"""
VERSION_CONTENT_IMMUTABLE = """
CREATE TRIGGER dashboard_versions_immutable BEFORE UPDATE ON dashboard_versions
FOR EACH ROW WHEN (
    (OLD.id, OLD.dashboard_id, OLD.version, OLD.yaml_text, OLD.files, OLD.content_sha256, OLD.author,
     OLD.message, OLD.created_at)
    IS DISTINCT FROM
    (NEW.id, NEW.dashboard_id, NEW.version, NEW.yaml_text, NEW.files, NEW.content_sha256, NEW.author,
     NEW.message, NEW.created_at)
) EXECUTE FUNCTION refuse_version_change()
"""

# A cascade deletes the dashboard first, so that its row is gone when this runs.
REFUSE_VERSION_DELETE = """
CREATE FUNCTION refuse_version_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM dashboards_index WHERE id = OLD.dashboard_id) THEN
        RAISE EXCEPTION 'dashboard versions are deleted with their dashboard only'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$
"""
VERSION_DELETE_BY_CASCADE = """
CREATE TRIGGER dashboard_versions_kept BEFORE DELETE ON dashboard_versions
FOR EACH ROW EXECUTE FUNCTION refuse_version_delete()
"""


def upgrade() -> None:
    """Create everything."""
    create_users()
    create_activity()
    create_dashboards()
    create_lineage()
    create_runs()
    create_costs()


def downgrade() -> None:
    """Drop everything; indexes and triggers go with their tables."""
    for table in TABLES:
        op.drop_table(table)
    for function in ("refuse_action_change", "refuse_version_change", "refuse_version_delete"):
        op.execute(f"DROP FUNCTION {function}()")


def create_users() -> None:
    """Users and their sessions."""
    op.create_table(
        "users",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("last_seen_at", TIMESTAMPTZ),
        sa.Column("disabled_at", TIMESTAMPTZ),
        sa.CheckConstraint("email <> ''", name=op.f("ck_users_email_not_empty")),
        sa.CheckConstraint("kind IN ('user', 'service_account')", name=op.f("ck_users_kind")),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'admin')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email_lower", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "sessions",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("user_id", UUID(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("last_used_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("expires_at", TIMESTAMPTZ, nullable=False),
        sa.Column("absolute_expires_at", TIMESTAMPTZ, nullable=False),
        sa.Column("revoked_at", TIMESTAMPTZ),
        sa.Column("user_agent", sa.Text()),
        sa.Column("ip", sa.Text()),
        sa.CheckConstraint(
            "expires_at <= absolute_expires_at", name=op.f("ck_sessions_expires_within_absolute")
        ),
        sa.CheckConstraint("octet_length(token_sha256) = 32", name=op.f("ck_sessions_token_sha256_length")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sessions_token_sha256")),
    )
    op.create_index("ix_sessions_absolute_expires_at", "sessions", ["absolute_expires_at"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def create_activity() -> None:
    """Prompts and the append-only record of actions."""
    op.create_table(
        "prompts",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("user_id", UUID(), nullable=False),
        sa.Column("slug", sa.Text()),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer_yaml", sa.Text()),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("diagnostics", JSONB(), server_default="[]", nullable=False),
        sa.Column("trace_id", sa.CHAR(length=32)),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("finished_at", TIMESTAMPTZ),
        sa.CheckConstraint("status IN ('pending', 'answered', 'failed')", name=op.f("ck_prompts_status")),
        sa.CheckConstraint("trace_id ~ '^[0-9a-f]{32}$'", name=op.f("ck_prompts_trace_id_hex")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_prompts_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
    )
    op.create_index("ix_prompts_user_id_created_at", "prompts", ["user_id", "created_at"])
    op.create_table(
        "actions",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("user_id", UUID()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("detail", JSONB(), server_default="{}", nullable=False),
        sa.Column("bytes_billed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("trace_id", sa.CHAR(length=32)),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.CheckConstraint("outcome IN ('success', 'refused', 'failed')", name=op.f("ck_actions_outcome")),
        sa.CheckConstraint("trace_id ~ '^[0-9a-f]{32}$'", name=op.f("ck_actions_trace_id_hex")),
        sa.CheckConstraint("bytes_billed >= 0", name=op.f("ck_actions_bytes_billed_not_negative")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_actions_user_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index("ix_actions_created_at", "actions", ["created_at"])
    op.create_index("ix_actions_target_created_at", "actions", ["target", "created_at"])
    op.create_index("ix_actions_user_id_created_at", "actions", ["user_id", "created_at"])
    op.execute(REFUSE_ACTION_CHANGE)
    op.execute(ACTIONS_APPEND_ONLY)


def create_dashboards() -> None:
    """The index of dashboards and their immutable versions."""
    op.create_table(
        "dashboards_index",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("current_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("schedule", sa.Text()),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("updated_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("deleted_at", TIMESTAMPTZ),
        sa.CheckConstraint("slug ~ '^[a-z][a-z0-9-]{1,62}$'", name=op.f("ck_dashboards_index_slug_pattern")),
        sa.CheckConstraint("current_version >= 1", name=op.f("ck_dashboards_index_current_version_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboards_index")),
        sa.UniqueConstraint("slug", name=op.f("uq_dashboards_index_slug")),
    )
    op.create_index("ix_dashboards_index_owner", "dashboards_index", ["owner"])
    op.create_index(
        "ix_dashboards_index_scheduled",
        "dashboards_index",
        ["slug"],
        postgresql_where=sa.text("schedule IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index("ix_dashboards_index_tags", "dashboards_index", ["tags"], postgresql_using="gin")
    op.create_table(
        "dashboard_versions",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("dashboard_id", UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("yaml_text", sa.Text(), nullable=False),
        sa.Column("files", JSONB(), server_default="{}", nullable=False),
        sa.Column("content_sha256", sa.CHAR(length=64), nullable=False),
        sa.Column("blob_path", sa.Text(), nullable=False),
        sa.Column("blob_revision", sa.Text()),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("plan_totals", JSONB(), server_default="{}", nullable=False),
        sa.Column("definition", JSONB()),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "content_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_dashboard_versions_content_sha256_hex")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_dashboard_versions_version_positive")),
        sa.ForeignKeyConstraint(
            ["dashboard_id"],
            ["dashboards_index.id"],
            name=op.f("fk_dashboard_versions_dashboard_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboard_versions")),
        sa.UniqueConstraint(
            "dashboard_id", "version", name=op.f("uq_dashboard_versions_dashboard_id_version")
        ),
    )
    op.execute(REFUSE_VERSION_CHANGE)
    op.execute(VERSION_CONTENT_IMMUTABLE)
    op.execute(REFUSE_VERSION_DELETE)
    op.execute(VERSION_DELETE_BY_CASCADE)


def create_lineage() -> None:
    """Lineage nodes and edges."""
    op.create_table(
        "lineage_nodes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("attributes", JSONB(), server_default="{}", nullable=False),
        sa.CheckConstraint("id <> ''", name=op.f("ck_lineage_nodes_id_not_empty")),
        sa.CheckConstraint(
            "type IN ('dashboard', 'chart', 'query', 'column', 'table')", name=op.f("ck_lineage_nodes_type")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage_nodes")),
    )
    op.create_table(
        "lineage_edges",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("dashboard_id", UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("confidence", sa.String(32), nullable=False),
        sa.CheckConstraint("confidence IN ('exact', 'inferred')", name=op.f("ck_lineage_edges_confidence")),
        sa.CheckConstraint(
            "origin IN ('yaml', 'parser', 'dry_run', 'job')", name=op.f("ck_lineage_edges_origin")
        ),
        sa.CheckConstraint("type <> ''", name=op.f("ck_lineage_edges_type_not_empty")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_lineage_edges_version_positive")),
        sa.ForeignKeyConstraint(
            ["dashboard_id"],
            ["dashboards_index.id"],
            name=op.f("fk_lineage_edges_dashboard_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["source"], ["lineage_nodes.id"], name=op.f("fk_lineage_edges_source")),
        sa.ForeignKeyConstraint(["target"], ["lineage_nodes.id"], name=op.f("fk_lineage_edges_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage_edges")),
        sa.UniqueConstraint(
            "dashboard_id", "version", "source", "target", "type", "origin", name="uq_lineage_edges_edge"
        ),
    )
    op.create_index("ix_lineage_edges_source", "lineage_edges", ["source"])
    op.create_index("ix_lineage_edges_target", "lineage_edges", ["target"])


def create_runs() -> None:
    """Jobs, last good results and payloads."""
    op.create_table(
        "query_runs",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("slug", sa.Text()),
        sa.Column("query_name", sa.Text()),
        sa.Column("version", sa.Integer()),
        sa.Column("fingerprint", sa.CHAR(length=64), nullable=False),
        sa.Column("job_id", sa.Text()),
        sa.Column("job_project", sa.Text()),
        sa.Column("location", sa.Text()),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("user_id", UUID()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("bytes_estimated", sa.BigInteger()),
        sa.Column("bytes_billed", sa.BigInteger()),
        sa.Column("bytes_processed", sa.BigInteger()),
        sa.Column("cache_hit", sa.Boolean()),
        sa.Column("cap_bytes", sa.BigInteger()),
        sa.Column("referenced_tables", JSONB()),
        sa.Column("error_code", sa.Text()),
        sa.Column("trace_id", sa.CHAR(length=32)),
        sa.Column("started_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("finished_at", TIMESTAMPTZ),
        sa.CheckConstraint(
            "(status = 'running') = (finished_at IS NULL)",
            name=op.f("ck_query_runs_finished_when_not_running"),
        ),
        sa.CheckConstraint("fingerprint ~ '^[0-9a-f]{64}$'", name=op.f("ck_query_runs_fingerprint_hex")),
        sa.CheckConstraint(
            "purpose IN ('sql_run', 'precompute', 'compile')", name=op.f("ck_query_runs_purpose")
        ),
        sa.CheckConstraint(
            "status IN ('running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_query_runs_status")
        ),
        sa.CheckConstraint("trace_id ~ '^[0-9a-f]{32}$'", name=op.f("ck_query_runs_trace_id_hex")),
        sa.CheckConstraint(
            "bytes_estimated >= 0 AND bytes_billed >= 0 AND bytes_processed >= 0 AND cap_bytes >= 0",
            name=op.f("ck_query_runs_bytes_estimated_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_query_runs_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_query_runs")),
    )
    op.create_index("ix_query_runs_fingerprint_started_at", "query_runs", ["fingerprint", "started_at"])
    op.create_index(
        "ix_query_runs_latest",
        "query_runs",
        ["slug", "query_name", sa.literal_column("finished_at DESC")],
        postgresql_where=sa.text("status = 'succeeded' AND referenced_tables IS NOT NULL"),
    )
    op.create_index("ix_query_runs_started_at", "query_runs", ["started_at"])
    op.create_index("ix_query_runs_user_id", "query_runs", ["user_id"])
    op.create_table(
        "query_results",
        sa.Column("fingerprint", sa.CHAR(length=64), nullable=False),
        sa.Column("source_state", JSONB(), server_default="{}", nullable=False),
        sa.Column("as_of", TIMESTAMPTZ, nullable=False),
        sa.Column("checked_at", TIMESTAMPTZ, nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("truncated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("columns", JSONB(), nullable=False),
        sa.Column("blob_path", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.CHAR(length=64), nullable=False),
        sa.Column("bytes_billed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_job_id", sa.Text()),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refresh_error", JSONB()),
        sa.Column("updated_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "content_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_query_results_content_sha256_hex")
        ),
        sa.CheckConstraint("fingerprint ~ '^[0-9a-f]{64}$'", name=op.f("ck_query_results_fingerprint_hex")),
        sa.CheckConstraint("checked_at >= as_of", name=op.f("ck_query_results_checked_after_as_of")),
        sa.CheckConstraint(
            "row_count >= 0 AND byte_count >= 0 AND bytes_billed >= 0 AND fence >= 0",
            name=op.f("ck_query_results_row_count_not_negative"),
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_query_results")),
    )
    op.create_table(
        "payloads",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("dashboard_id", UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("variant_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("parameters", JSONB(), server_default="{}", nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("blob_path", sa.Text(), nullable=False),
        sa.Column("as_of", TIMESTAMPTZ, nullable=False),
        sa.Column("checked_at", TIMESTAMPTZ, nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.CheckConstraint("variant_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_payloads_variant_hash_hex")),
        sa.CheckConstraint("byte_count >= 0", name=op.f("ck_payloads_byte_count_not_negative")),
        sa.CheckConstraint("checked_at >= as_of", name=op.f("ck_payloads_checked_after_as_of")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_payloads_version_positive")),
        sa.ForeignKeyConstraint(
            ["dashboard_id"],
            ["dashboards_index.id"],
            name=op.f("fk_payloads_dashboard_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payloads")),
        sa.UniqueConstraint(
            "dashboard_id",
            "version",
            "variant_hash",
            name=op.f("uq_payloads_dashboard_id_version_variant_hash"),
        ),
    )


def create_costs() -> None:
    """The cost ledger and its reservations."""
    op.create_table(
        "cost_ledger",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bytes_reserved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_billed", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("key <> ''", name=op.f("ck_cost_ledger_key_not_empty")),
        sa.CheckConstraint(
            "scope IN ('user', 'dashboard', 'environment')", name=op.f("ck_cost_ledger_scope")
        ),
        sa.CheckConstraint(
            "bytes_reserved >= 0 AND bytes_billed >= 0",
            name=op.f("ck_cost_ledger_bytes_reserved_not_negative"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_ledger")),
        sa.UniqueConstraint("scope", "key", "day", name=op.f("uq_cost_ledger_scope_key_day")),
    )
    op.create_index("ix_cost_ledger_day", "cost_ledger", ["day"])
    op.create_table(
        "cost_reservations",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, server_default=NOW, nullable=False),
        sa.Column("expires_at", TIMESTAMPTZ, nullable=False),
        sa.Column("settled_at", TIMESTAMPTZ),
        sa.Column("bytes_reserved", sa.BigInteger(), nullable=False),
        sa.Column("bytes_billed", sa.BigInteger()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text()),
        sa.Column("query_name", sa.Text()),
        sa.Column("fingerprint", sa.CHAR(length=64)),
        sa.Column("job_id", sa.Text()),
        sa.Column("day", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "fingerprint ~ '^[0-9a-f]{64}$'", name=op.f("ck_cost_reservations_fingerprint_hex")
        ),
        sa.CheckConstraint(
            "bytes_reserved >= 0 AND bytes_billed >= 0",
            name=op.f("ck_cost_reservations_bytes_reserved_not_negative"),
        ),
        sa.CheckConstraint(
            "expires_at > created_at", name=op.f("ck_cost_reservations_expires_after_created")
        ),
        sa.CheckConstraint(
            "settled_at IS NOT NULL OR bytes_billed IS NULL",
            name=op.f("ck_cost_reservations_billed_when_settled"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_reservations")),
    )
    op.create_index("ix_cost_reservations_day", "cost_reservations", ["day"])
    op.create_index(
        "ix_cost_reservations_open",
        "cost_reservations",
        ["expires_at"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
