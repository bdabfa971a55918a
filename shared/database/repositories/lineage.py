"""Lineage: nodes, and the edges each version of a dashboard declares."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, tuple_, union
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from shared.database.models.base import Base
from shared.database.models.dashboards import Dashboard
from shared.database.models.lineage import EdgeOrigin, LineageEdge, LineageNode
from shared.database.repositories.base import Repository, rows_of, table_of
from shared.database.repositories.lineage_impact import (
    among,
    select_fed_sources,
    select_opaque_readers,
    select_readers,
)
from shared.database.repositories.paging import Page, make_page, number_rows, pick_page
from shared.json_values import JsonObject

type VersionKey = tuple[UUID, int]
"""A dashboard's id and the number of one of its versions."""


class NodeRow(NamedTuple):
    """A row of `lineage_nodes`."""

    id: str
    type: str
    name: str
    attributes: JsonObject


class EdgeRow(NamedTuple):
    """What a row of `lineage_edges` says, whichever version says it."""

    source: str
    target: str
    type: str
    origin: str
    confidence: str


@dataclass(frozen=True)
class LineageGraph:
    """Nodes and the edges between them, both in stable order."""

    nodes: list[NodeRow]
    edges: list[EdgeRow]


class LineageRepository(Repository):
    """Reads and writes `lineage_nodes` and `lineage_edges`.

    Writers of one dashboard take turns. A transaction that writes several dashboards locks them all first
    (`DashboardRepository.lock_by_slugs`): dashboards before nodes is the order that never deadlocks.
    """

    def replace_edges(
        self,
        dashboard_id: UUID,
        version: int,
        nodes: Sequence[LineageNode],
        edges: Sequence[LineageEdge],
        origins: Collection[EdgeOrigin] | None = None,
    ) -> None:
        """Make `edges` the edges of a version. With `origins`, edges of other origins stay as they are.

        The dashboard and version of the edges are set here. Nodes are created or updated, never removed.
        """
        self._lock(dashboard_id)
        table = table_of(LineageEdge)
        old = delete(table).where(table.c.dashboard_id == dashboard_id, table.c.version == version)
        if origins is not None:
            old = old.where(table.c.origin.in_(list(origins)))
        self._session.execute(old)
        self._write(dashboard_id, version, nodes, edges)

    def add_edges(
        self,
        dashboard_id: UUID,
        version: int,
        nodes: Sequence[LineageNode],
        edges: Sequence[LineageEdge],
    ) -> None:
        """Add edges to a version; an edge that is there already takes the new confidence."""
        self._lock(dashboard_id)
        self._write(dashboard_id, version, nodes, edges)

    def read_graph(self, dashboard_id: UUID, version: int) -> LineageGraph:
        """The edges of one version and the nodes they touch."""
        return self.read_many([(dashboard_id, version)])

    def read_many(
        self, versions: Sequence[VersionKey], edge_types: Collection[str] | None = None
    ) -> LineageGraph:
        """The edges of these versions, all or those of some types, and the nodes they touch."""
        if not versions:
            return LineageGraph([], [])
        wanted = tuple_(LineageEdge.dashboard_id, LineageEdge.version).in_(versions)
        return self._read(wanted if edge_types is None else and_(wanted, among(LineageEdge.type, edge_types)))

    def find_fed_sources(
        self, starts: Collection[str], edge_types: Collection[str] | None = None
    ) -> set[str]:
        """`starts` and the tables, views, wildcards and columns of them that they feed by edges of these types."""
        return set(self._session.scalars(select_fed_sources(starts, edge_types)))

    def find_opaque_readers(self, tables: Collection[str]) -> list[tuple[UUID, str]]:
        """Dashboard and id of the queries and views that read the tables by columns nobody knows."""
        found = self._session.execute(select_opaque_readers(tables))
        return [(dashboard, reader) for dashboard, reader in found]

    def list_readers(
        self, sources: Collection[str], dashboards: Collection[UUID], page: int, page_size: int
    ) -> Page[VersionKey]:
        """The current versions of live dashboards that read one of `sources`, or are of `dashboards`, by slug."""
        numbered = number_rows(select_readers(sources, dashboards), [Dashboard.slug])
        position, count = numbered.c.row_position, numbered.c.row_total
        found: Select[UUID, int, int, int] = select(Dashboard.id, Dashboard.current_version, position, count)
        found = found.join(numbered, numbered.c.id == Dashboard.id)
        rows = self._session.execute(pick_page(found, numbered, page, page_size))
        return make_page((((id_, version), at, total) for id_, version, at, total in rows), page, page_size)

    def get_nodes(self, node_ids: Sequence[str]) -> dict[str, LineageNode]:
        """The known ones of `node_ids`."""
        if not node_ids:
            return {}
        rows = self._session.scalars(select(LineageNode).where(LineageNode.id.in_(node_ids)))
        return {row.id: row for row in rows}

    def delete_orphans(self, limit: int) -> int:
        """Delete nodes that no edge touches; how many."""
        touched = exists().where(
            or_(LineageEdge.source == LineageNode.id, LineageEdge.target == LineageNode.id)
        )
        orphans = select(LineageNode.id).where(~touched).order_by(LineageNode.id).limit(limit)
        locked = list(self._session.scalars(orphans.with_for_update(of=LineageNode, skip_locked=True)))
        if not locked:
            return 0
        # Asked again under the lock, which no new edge gets past: a save may have added one in between.
        statement = delete(LineageNode).where(LineageNode.id.in_(locked), ~touched)
        return len(self._session.execute(statement.returning(LineageNode.id)).all())

    def _lock(self, dashboard_id: UUID) -> None:
        row = select(Dashboard.id).where(Dashboard.id == dashboard_id)
        self._session.execute(row.with_for_update(key_share=True))  # other tables may still refer to it

    def _write(
        self, dashboard_id: UUID, version: int, nodes: Sequence[LineageNode], edges: Sequence[LineageEdge]
    ) -> None:
        self._upsert_nodes(nodes)
        for edge in edges:
            edge.dashboard_id, edge.version = dashboard_id, version
        latest = {(e.source, e.target, e.type, e.origin): e for e in edges}
        if not latest:
            return
        table = table_of(LineageEdge)
        new = insert(table)
        statement = new.on_conflict_do_update(
            constraint="uq_lineage_edges_edge", set_={"confidence": new.excluded.confidence}
        ).returning(
            table.c.id
        )  # SQLAlchemy writes many rows in one statement only when they return something
        self._session.execute(statement, rows_of([latest[key] for key in sorted(latest)]))

    def _upsert_nodes(self, nodes: Sequence[LineageNode]) -> None:
        latest = {node.id: node for node in nodes}
        if not latest:
            return
        table = table_of(LineageNode)
        new = insert(table)
        statement = new.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={
                "type": new.excluded.type,
                "name": new.excluded.name,
                "attributes": new.excluded.attributes,
            },
        ).returning(table.c.id)
        # In order of id: two saves that share tables must not wait for each other in a circle.
        self._session.execute(statement, rows_of([latest[key] for key in sorted(latest)]))

    def _read(self, wanted: ColumnElement[bool]) -> LineageGraph:
        """The edges that are wanted, and the nodes they touch: each list one JSON document.

        As rows, thousands of edges take the driver and the mapper longer than the server takes to find them.
        """
        edge = LineageEdge
        order = aggregate_order_by(
            _array(edge, EdgeRow), edge.source, edge.target, edge.type, edge.origin, edge.id
        )
        edges = self._session.scalar(select(func.json_agg(order)).where(wanted)) or []
        touched = union(select(edge.source).where(wanted), select(edge.target).where(wanted))
        order = aggregate_order_by(_array(LineageNode, NodeRow), LineageNode.id)
        nodes = self._session.scalar(select(func.json_agg(order)).where(LineageNode.id.in_(touched))) or []
        return LineageGraph([NodeRow(*row) for row in nodes], [EdgeRow(*row) for row in edges])


def _array(model: type[Base], row: type[NodeRow | EdgeRow]) -> ColumnElement[object]:
    """The columns of `model` that `row` holds, in its order, as a JSON array."""
    return func.json_build_array(*(table_of(model).c[name] for name in row._fields))
