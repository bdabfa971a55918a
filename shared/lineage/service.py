"""Lineage as it is stored, in rows of lineage_nodes and lineage_edges, and asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

from opentelemetry import trace

from shared.database.models import lineage as models
from shared.database.repositories.lineage import LineageGraph as GraphRows
from shared.database.unit_of_work import Database, UnitOfWork
from shared.errors import InvalidRequestError, NotFoundError
from shared.lineage.impact import list_column_ids, list_table_ids, select_downstream
from shared.lineage.model import (
    Confidence,
    EdgeType,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeType,
    Origin,
    is_source,
    make_table_node,
    query_id,
    split_table_name,
    table_id,
)
from shared.lineage.model import dashboard_id as make_dashboard_id
from shared.lineage.openlineage import EventSource, RunFacts, to_openlineage
from shared.lineage.traversal import (
    TABLE_LEVEL,
    Direction,
    Level,
    find_sources,
    restrict_to_level,
    walk_graph,
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
        (LineageNode(row.id, NodeType(row.type), row.name, row.attributes) for row in found.nodes),
        (
            LineageEdge(
                row.source,
                row.target,
                EdgeType(row.type),
                Origin(row.origin),
                Confidence(row.confidence),
            )
            for row in found.edges
        ),
    )


@dataclass(frozen=True)
class LineageImpact:
    """What a table or column feeds: the graph of page `page` of the `total` dashboards that read it."""

    graph: LineageGraph
    total: int
    page: int
    page_size: int


MAX_DEPTH = 20
# What a save knows; edges of executed jobs stay when a version's graph is written again.
_DECLARED = (Origin.YAML, Origin.PARSER, Origin.DRY_RUN)
_tracer = trace.get_tracer(__name__)


class LineageService:
    """Writes the graph of dashboard versions and answers what feeds what."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def save_graph(self, uow: UnitOfWork, dashboard_id: UUID, version: int, graph: LineageGraph) -> None:
        """Make `graph` the declared lineage of a version, within the caller's transaction."""
        uow.lineage.replace_edges(
            dashboard_id,
            version,
            make_node_rows(graph.nodes),
            make_edge_rows(graph.edges),
            origins=make_origins(_DECLARED),
        )

    def record_job_tables(
        self,
        uow: UnitOfWork,
        dashboard_id: UUID,
        version: int,
        slug: str,
        tables_by_query: Mapping[str, Sequence[str]],
    ) -> None:
        """Add what executed jobs read, within the caller's transaction.

        The tables are `project.dataset.table` by query; the queries are those of the saved version. Recording
        the same again changes nothing.
        """
        edges = [
            LineageEdge(table_id(table), query_id(slug, query), EdgeType.READS, Origin.JOB)
            for query, tables in tables_by_query.items()
            for table in tables
        ]
        tables = sorted({table for tables in tables_by_query.values() for table in tables})
        nodes = [make_table_node(table) for table in tables]
        known = uow.lineage.get_nodes([node.id for node in nodes])
        graph = LineageGraph.build((node for node in nodes if node.id not in known), edges)
        uow.lineage.add_edges(dashboard_id, version, make_node_rows(graph.nodes), make_edge_rows(graph.edges))

    def read_graph(
        self,
        slug: str,
        level: Level = Level.TABLE,
        direction: Direction = Direction.BOTH,
        depth: int | None = None,
        node: str | None = None,
    ) -> LineageGraph:
        """The lineage of a dashboard's current version, or its part within `depth` edges.

        Without `node`, upstream walks back from the dashboard and downstream walks forward from its sources;
        with it, both start at that node. Raises NotFoundError for an unknown slug or node and
        InvalidRequestError for a depth outside 1 to 20.
        """
        if depth is not None and not 1 <= depth <= MAX_DEPTH:
            raise InvalidRequestError(f"depth {depth} is out of range; accepted: 1 to {MAX_DEPTH}.")
        with _tracer.start_as_current_span("lineage.read", attributes={"dashboard.slug": slug}):
            graph = restrict_to_level(self._read_current(slug), level)
            if node is not None:
                _check_node(graph, slug, node)
            return walk_graph(
                graph,
                upstream_from={node or make_dashboard_id(slug)},
                downstream_from={node} if node else find_sources(graph),
                direction=direction,
                depth=depth,
            )

    def read_impact(
        self, table: str, column: str | None = None, page: int = 1, page_size: int = 50
    ) -> LineageImpact:
        """What is downstream of `project.dataset.table`, or of one of its columns: a page of dashboards, by slug.

        A table of a wildcard's prefix counts as read by it. With `column`, a query with columns that could
        not be traced stays in the answer, because it may read the column. Nothing reads it: an empty graph.
        Raises InvalidRequestError for a name without project and dataset.
        """
        try:
            name = split_table_name(table)
        except ValueError as error:
            raise InvalidRequestError(f"{error}.") from error
        tables = list_table_ids(name)
        types = None if column else TABLE_LEVEL
        span = _tracer.start_as_current_span("lineage.read", attributes={"bigquery.table": table})
        with span, self._database.begin() as uow:
            opaque = uow.lineage.find_opaque_readers(tables) if column else []
            starts = {reader for _, reader in opaque}
            starts |= list_column_ids(tables, column) if column else set(tables)
            sources = uow.lineage.find_fed_sources({one for one in starts if is_source(one)}, types)
            readers = uow.lineage.list_readers(sources, {one for one, _ in opaque}, page, page_size)
            graph = read_graph(uow.lineage.read_many(readers.items, types))
        found = select_downstream(graph, starts | sources, tables)
        return LineageImpact(found, readers.total, readers.page, readers.page_size)

    def export_events(
        self, graph: LineageGraph, producer: str, namespace: str, runs: Mapping[str, RunFacts] | None = None
    ) -> list[dict[str, object]]:
        """The graph as OpenLineage events of this moment; see `to_openlineage`."""
        return to_openlineage(graph, EventSource(self._clock(), producer, namespace), runs or {})

    def _read_current(self, slug: str) -> LineageGraph:
        with self._database.begin() as uow:
            dashboard = uow.dashboards.get_by_slugs([slug]).get(slug)
            if dashboard is None:
                raise _not_found(uow, slug)
            return read_graph(uow.lineage.read_graph(dashboard.id, dashboard.current_version))


def _not_found(uow: UnitOfWork, slug: str) -> NotFoundError:
    near = get_close_matches(slug, [dashboard.slug for dashboard in uow.dashboards.list_live()], n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "GET /dashboards lists them."
    return NotFoundError(f"There is no dashboard {slug!r}.", remediation=hint)


def _check_node(graph: LineageGraph, slug: str, node: str) -> None:
    known = [known.id for known in graph.nodes]
    if node in known:
        return
    near = get_close_matches(node, known, n=1)
    raise NotFoundError(
        f"The lineage of {slug!r} has no node {node!r} at this level.",
        remediation=f"Did you mean {near[0]!r}?" if near else "Read the graph without node: it lists them.",
    )
