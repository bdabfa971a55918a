"""What a table feeds is asked across all dashboards: indexes of the edges between sources, and of untraced nodes.

An expansion: nothing but the time of queries changes.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_UNTRACED = "attributes ?| ARRAY['columns_unresolved', 'clauses_unresolved', 'unresolved']"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index(
        "ix_lineage_edges_between_sources",
        "lineage_edges",
        ["source", "type"],
        postgresql_where=sa.text("target LIKE 'bq:%'"),
    )
    op.create_index("ix_lineage_nodes_untraced", "lineage_nodes", ["id"], postgresql_where=sa.text(_UNTRACED))


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_lineage_nodes_untraced", table_name="lineage_nodes")
    op.drop_index("ix_lineage_edges_between_sources", table_name="lineage_edges")
