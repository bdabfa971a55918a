"""Which account of the identity provider a user is: an address can be given to somebody else, an account cannot.

An expansion: code that does not know the column leaves it empty, and an account without one is bound when it next
signs in.

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("users", sa.Column("subject", sa.Text()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("users", "subject")
