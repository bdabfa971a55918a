"""How the last refresh of a dashboard went, for lists and for who opens one that was never computed.

An expansion: code that does not know the columns runs on unharmed, and what it writes says nothing of them.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns; neither rewrites the table."""
    op.add_column("dashboards_index", sa.Column("last_refresh_status", sa.String(32)))
    op.add_column("dashboards_index", sa.Column("last_refresh_error", JSONB()))
    op.create_check_constraint(
        op.f("ck_dashboards_index_last_refresh_status"),
        "dashboards_index",
        "last_refresh_status IN ('succeeded', 'failed')",
    )


def downgrade() -> None:
    """Drop the columns, and the constraint with them."""
    op.drop_column("dashboards_index", "last_refresh_error")
    op.drop_column("dashboards_index", "last_refresh_status")
