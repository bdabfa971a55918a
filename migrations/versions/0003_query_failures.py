"""Why the last refresh of a query failed, also of a query that never had a result.

An expansion: code that does not know the table runs on unharmed.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "query_failures",
        sa.Column("fingerprint", sa.CHAR(64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("error", JSONB(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("fingerprint ~ '^[0-9a-f]{64}$'", name=op.f("ck_query_failures_fingerprint_hex")),
        sa.CheckConstraint("fence >= 0", name=op.f("ck_query_failures_fence_not_negative")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_query_failures")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("query_failures")
