"""How many refreshes of a query in a row began and never ended: their processes were killed.

An expansion: code that does not know the column neither counts nor looks.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_CONSTRAINT = "ck_query_leases_unfinished_not_negative"


def upgrade() -> None:
    """Add the column; its default is not written into the rows that are there."""
    op.add_column(
        "query_leases", sa.Column("unfinished", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.execute(f"ALTER TABLE query_leases ADD CONSTRAINT {_CONSTRAINT} CHECK (unfinished >= 0) NOT VALID")
    op.execute(f"ALTER TABLE query_leases VALIDATE CONSTRAINT {_CONSTRAINT}")


def downgrade() -> None:
    """Drop it."""
    op.drop_column("query_leases", "unfinished")
