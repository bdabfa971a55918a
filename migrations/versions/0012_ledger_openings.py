"""Which database knows what was spent: one that was lost, or put back from a backup, does not.

An expansion: code that does not know the table admits jobs as before. What is there now is taken to be right: this
database is the one that wrote it.

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OPEN = """
INSERT INTO cost_ledger_openings (database, opened_at, opened_by)
SELECT (SELECT system_identifier FROM pg_control_system()) || '.' ||
       (SELECT timeline_id FROM pg_control_checkpoint()) || '.' ||
       (SELECT oid FROM pg_database WHERE datname = current_database()),
       now(), 'migration'
WHERE EXISTS (SELECT 1 FROM cost_reservations)
"""


def upgrade() -> None:
    """Add the table; a database that has reserved before is open."""
    op.create_table(
        "cost_ledger_openings",
        sa.Column("database", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("unknown_users", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint("database <> ''", name=op.f("ck_cost_ledger_openings_database_not_empty")),
        sa.PrimaryKeyConstraint("database", name=op.f("pk_cost_ledger_openings")),
    )
    op.execute(_OPEN)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("cost_ledger_openings")
