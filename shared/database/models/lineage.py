"""Lineage: what feeds what."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.models.base import Base, UuidKey, one_of, text_enum
from shared.database.models.dashboards import Dashboard
from shared.json_values import JsonObject


class NodeType(StrEnum):
    """What a node stands for."""

    DASHBOARD = "dashboard"
    CHART = "chart"
    QUERY = "query"
    COLUMN = "column"
    TABLE = "table"


class EdgeOrigin(StrEnum):
    """Where an edge was learnt."""

    YAML = "yaml"
    PARSER = "parser"
    DRY_RUN = "dry_run"
    JOB = "job"


class EdgeConfidence(StrEnum):
    """How sure an edge is."""

    EXACT = "exact"
    INFERRED = "inferred"


UNTRACED = text("attributes ?| ARRAY['columns_unresolved', 'clauses_unresolved', 'unresolved']")
"""True of a query, a view or one of their columns about which the parser could not say what it reads."""


class LineageNode(Base):
    """A thing in the graph; `id` is stable, for example `bq:project.dataset.table#column`."""

    __tablename__ = "lineage_nodes"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[NodeType] = mapped_column(text_enum(NodeType))
    name: Mapped[str]
    attributes: Mapped[JsonObject] = mapped_column(default=dict, server_default="{}")

    __table_args__ = (
        one_of("type", NodeType),
        CheckConstraint("id <> ''", name="id_not_empty"),
        Index("ix_lineage_nodes_untraced", "id", postgresql_where=UNTRACED),
    )


class LineageEdge(Base):
    """`source` feeds `target`, as one version of a dashboard says."""

    __tablename__ = "lineage_edges"

    id: Mapped[UuidKey]
    dashboard_id: Mapped[UUID] = mapped_column(ForeignKey(Dashboard.id, ondelete="CASCADE"))
    version: Mapped[int]
    source: Mapped[str] = mapped_column(ForeignKey(LineageNode.id), index=True)
    target: Mapped[str] = mapped_column(ForeignKey(LineageNode.id), index=True)
    type: Mapped[str]
    origin: Mapped[EdgeOrigin] = mapped_column(text_enum(EdgeOrigin))
    confidence: Mapped[EdgeConfidence] = mapped_column(text_enum(EdgeConfidence))

    __table_args__ = (
        UniqueConstraint(
            "dashboard_id", "version", "source", "target", "type", "origin", name="uq_lineage_edges_edge"
        ),
        one_of("origin", EdgeOrigin),
        one_of("confidence", EdgeConfidence),
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("type <> ''", name="type_not_empty"),
        Index(
            "ix_lineage_edges_between_sources",
            "source",
            "type",
            postgresql_where=text("target LIKE 'bq:%'"),
        ),
    )
