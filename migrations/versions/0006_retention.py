"""What retention needs to know: when a payload was read, what it is made of, and which blobs nothing points to.

An expansion: every column has a default, and code that does not know them runs on unharmed.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("payloads", sa.Column("on_demand", sa.Boolean(), server_default="false", nullable=False))
    op.add_column(
        "payloads",
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column(
        "payloads", sa.Column("fingerprints", ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.create_index("ix_payloads_fingerprints", "payloads", ["fingerprints"], postgresql_using="gin")
    op.create_table(
        "expired_blobs",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("path <> ''", name=op.f("ck_expired_blobs_path_not_empty")),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_expired_blobs")),
    )
    op.create_index("ix_expired_blobs_delete_after", "expired_blobs", ["delete_after"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("expired_blobs")
    op.drop_index("ix_payloads_fingerprints", table_name="payloads")
    for name in ("fingerprints", "read_at", "on_demand"):
        op.drop_column("payloads", name)
