"""The graph as rows of `lineage_nodes` and `lineage_edges`, and back."""

from collections.abc import Iterable

from shared.database.models import lineage as models
from shared.database.repositories.lineage import LineageGraph as GraphRows
from shared.lineage.model import (
    Confidence,
    EdgeType,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeType,
    Origin,
)


def make_node_rows(nodes: Iterable[LineageNode]) -> list[models.LineageNode]:
    """Unsaved rows of nodes, in the same order."""
    return [
        models.LineageNode(
            id=node.id, type=models.NodeType(node.type), name=node.name, attributes=dict(node.attributes)
        )
        for node in nodes
    ]


def make_edge_rows(edges: Iterable[LineageEdge]) -> list[models.LineageEdge]:
    """Unsaved rows of edges, in the same order; the repository sets dashboard and version."""
    return [
        models.LineageEdge(
            source=edge.source,
            target=edge.target,
            type=edge.type.value,
            origin=models.EdgeOrigin(edge.origin),
            confidence=models.EdgeConfidence(edge.confidence),
        )
        for edge in edges
    ]


def make_origins(origins: Iterable[Origin]) -> list[models.EdgeOrigin]:
    """The stored form of origins."""
    return [models.EdgeOrigin(origin) for origin in origins]


def read_graph(found: GraphRows) -> LineageGraph:
    """The graph of stored rows; edges that several dashboards share come once."""
    return LineageGraph.build(
        (LineageNode(row.id, NodeType(row.type.value), row.name, row.attributes) for row in found.nodes),
        (
            LineageEdge(
                row.source,
                row.target,
                EdgeType(row.type),
                Origin(row.origin.value),
                Confidence(row.confidence.value),
            )
            for row in found.edges
        ),
    )
