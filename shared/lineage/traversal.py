"""Which part of a graph a reader asked for: a level, a direction and a depth."""

from collections.abc import Iterable, Iterator, Mapping, Set
from enum import StrEnum

from shared.lineage.model import EdgeType, LineageGraph, NodeType


class Level(StrEnum):
    """How fine the graph is."""

    TABLE = "table"
    COLUMN = "column"


TABLE_LEVEL = (EdgeType.READS, EdgeType.MATCHES, EdgeType.FEEDS, EdgeType.BELONGS_TO)
"""The types of the edges between what is no column."""


class Direction(StrEnum):
    """Which way to walk."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


def restrict_to_level(graph: LineageGraph, level: Level) -> LineageGraph:
    """The graph at `level`: at table level without columns, at column level whole."""
    if level is Level.COLUMN:
        return graph
    return keep_nodes(graph, {node.id for node in graph.nodes if node.type is not NodeType.COLUMN})


def walk_graph(
    graph: LineageGraph,
    *,
    upstream_from: Set[str],
    downstream_from: Set[str],
    direction: Direction,
    depth: int | None,
) -> LineageGraph:
    """The part of the graph within `depth` edges (None: any number) of where the walk starts.

    Upstream goes back from `upstream_from`, downstream goes forward from `downstream_from`, both does both.
    """
    kept: set[str] = set()
    if direction is not Direction.DOWNSTREAM:
        kept |= reach(upstream_from, index_edges(graph, Direction.UPSTREAM), depth)
    if direction is not Direction.UPSTREAM:
        kept |= reach(downstream_from, index_edges(graph, Direction.DOWNSTREAM), depth)
    return keep_nodes(graph, kept)


def find_sources(graph: LineageGraph) -> set[str]:
    """The ids of the nodes nothing flows into."""
    return {node.id for node in graph.nodes} - {edge.target for edge in graph.edges}


def index_edges(graph: LineageGraph, direction: Direction) -> Mapping[str, list[str]]:
    """Neighbours by node id: sources when walking upstream, targets when walking downstream."""
    neighbours: dict[str, list[str]] = {}
    for edge in graph.edges:
        here, there = edge.source, edge.target
        if direction is Direction.UPSTREAM:
            here, there = there, here
        neighbours.setdefault(here, []).append(there)
    return neighbours


def reach(starts: Iterable[str], neighbours: Mapping[str, list[str]], depth: int | None) -> set[str]:
    """The ids within `depth` steps of `starts`, themselves included."""
    seen = set(starts)
    frontier = seen
    while frontier and depth != 0:
        frontier = set(_step(frontier, neighbours)) - seen
        seen = seen | frontier
        depth = None if depth is None else depth - 1
    return seen


def _step(frontier: Set[str], neighbours: Mapping[str, list[str]]) -> Iterator[str]:
    for node in frontier:
        yield from neighbours.get(node, ())


def keep_nodes(graph: LineageGraph, ids: Set[str]) -> LineageGraph:
    """The graph of the nodes in `ids` and the edges between them."""
    return LineageGraph(
        nodes=tuple(node for node in graph.nodes if node.id in ids),
        edges=tuple(edge for edge in graph.edges if edge.source in ids and edge.target in ids),
    )
