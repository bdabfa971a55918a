"""What dry runs said of queries, kept while their tables stay as they are: plans of many dashboards ask for less.

An expansion: code that does not know the table asks BigQuery every time.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_DIGESTS = ("fingerprint", "conditions_sha256", "source_sha256")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "kept_dry_runs",
        *(sa.Column(name, sa.CHAR(64), nullable=False) for name in _DIGESTS),
        sa.Column("answer", JSONB(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.CheckConstraint(f"{name} ~ '^[0-9a-f]{{64}}$'", name=op.f(f"ck_kept_dry_runs_{name}_hex"))
            for name in _DIGESTS
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_kept_dry_runs")),
    )
    op.create_index("ix_kept_dry_runs_asked_at", "kept_dry_runs", ["asked_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("kept_dry_runs")
