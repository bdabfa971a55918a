"""Leases, so that one worker refreshes a query while the others wait.

An expansion: code that does not know the table runs on unharmed.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "query_leases",
        sa.Column("fingerprint", sa.CHAR(64), nullable=False),
        sa.Column("owner", UUID()),
        sa.Column("fence", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fingerprint ~ '^[0-9a-f]{64}$'", name=op.f("ck_query_leases_fingerprint_hex")),
        sa.CheckConstraint("fence >= 0", name=op.f("ck_query_leases_fence_not_negative")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_query_leases")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("query_leases")
