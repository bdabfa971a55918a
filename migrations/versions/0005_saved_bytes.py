"""What a job that was answered for nothing would have billed, kept beside what the others billed.

An expansion: code that does not know the column leaves it empty, and is read as before.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_CONSTRAINT = "ck_query_runs_bytes_saved_not_negative"


def upgrade() -> None:
    """Add the column. Rows that are there have none, so the constraint holds without looking at them."""
    op.add_column("query_runs", sa.Column("bytes_saved", sa.BigInteger()))
    op.execute(f"ALTER TABLE query_runs ADD CONSTRAINT {_CONSTRAINT} CHECK (bytes_saved >= 0) NOT VALID")
    op.execute(f"ALTER TABLE query_runs VALIDATE CONSTRAINT {_CONSTRAINT}")


def downgrade() -> None:
    """Drop it."""
    op.drop_column("query_runs", "bytes_saved")
