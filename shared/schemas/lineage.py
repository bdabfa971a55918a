"""/lineage."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.lineage.model import LineageGraph
from shared.lineage.service import LineageImpact
from shared.lineage.traversal import Direction, Level
from shared.schemas.base import PageMetadata, ResponseModel
from shared.schemas.paging import PageQuery


class LineageQuery(BaseModel):
    """The query string."""

    model_config = ConfigDict(extra="forbid")

    level: Level = Level.TABLE
    direction: Direction = Direction.BOTH
    depth: int | None = Field(None, ge=1, le=20)
    node: str | None = None


class LineageImpactQuery(PageQuery):
    """The query string of `/lineage`: what reads a table, or one of its columns, a page of dashboards at a time."""

    page_size: int = Field(50, ge=1, le=100)
    table: str = Field(
        max_length=1300,
        description="`project.dataset.table`.",
        examples=["local.nyc.flights"],
        # For who reads the schema; `shared.lineage.model` takes names apart, and says better what is wrong.
        json_schema_extra={"pattern": r"^[^\x00\n]+\.[^.\x00]+\.[^.\x00]+$"},
    )
    column: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        examples=["dep_delay"],
        json_schema_extra={"pattern": r"^[^\x00]+$"},
    )


class NodeModel(ResponseModel):
    """A thing data flows through."""

    id: str
    type: str
    name: str
    attributes: dict[str, Any]


class EdgeModel(ResponseModel):
    """Data flows from `source` to `target`."""

    source: str
    target: str
    type: str
    origin: str
    confidence: str


class LineageResponse(ResponseModel):
    """The graph, in stable order."""

    nodes: list[NodeModel]
    edges: list[EdgeModel]

    @classmethod
    def from_graph(cls, graph: LineageGraph) -> Self:
        """The answer of the service."""
        return cls.model_validate(graph)


class LineageImpactResponse(PageMetadata, LineageResponse):
    """The graph of a page of the dashboards that read the table or column, by slug; `total` counts all of them.

    What several of them share, the table and its views, is on each of their pages.
    """

    @classmethod
    def from_impact(cls, impact: LineageImpact) -> Self:
        """The answer of the service."""
        return cls(
            page=impact.page,
            page_size=impact.page_size,
            total=impact.total,
            **dict(LineageResponse.from_graph(impact.graph)),
        )
