"""What a budget was charged for a job, beside what BigQuery says the job billed: it does not always tell.

An expansion: code that does not know the column leaves it empty, and is read as before.

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_CONSTRAINT = "ck_cost_reservations_bytes_settled_not_negative"


def upgrade() -> None:
    """Add the column. Rows that are there have none, so the constraint holds without looking at them."""
    op.add_column("cost_reservations", sa.Column("bytes_settled", sa.BigInteger()))
    op.execute(
        f"ALTER TABLE cost_reservations ADD CONSTRAINT {_CONSTRAINT} CHECK (bytes_settled >= 0) NOT VALID"
    )
    op.execute(f"ALTER TABLE cost_reservations VALIDATE CONSTRAINT {_CONSTRAINT}")


def downgrade() -> None:
    """Drop it."""
    op.drop_column("cost_reservations", "bytes_settled")
