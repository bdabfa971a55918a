"""Lineage: nodes, and the edges each version of a dashboard declares."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, Text, and_, any_, delete, exists, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from shared.database.models.dashboards import Dashboard
from shared.database.models.lineage import EdgeOrigin, LineageEdge, LineageNode
from shared.database.repositories.base import Repository, rows_of, table_of


@dataclass(frozen=True)
class LineageGraph:
    """Nodes and the edges between them, both in stable order."""

    nodes: list[LineageNode]
    edges: list[LineageEdge]


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
        table = LineageEdge
        return self._read(select(table).where(table.dashboard_id == dashboard_id, table.version == version))

    def read_downstream(self, node_ids: Sequence[str]) -> LineageGraph:
        """Everything the nodes feed, directly or not, in the current versions of live dashboards."""
        current = (
            select(LineageEdge.id, LineageEdge.source, LineageEdge.target)
            .join(
                Dashboard,
                and_(
                    Dashboard.id == LineageEdge.dashboard_id, Dashboard.current_version == LineageEdge.version
                ),
            )
            .where(Dashboard.deleted_at.is_(None))
            .cte("current_edges")
        )
        start = select(current.c.id, current.c.target).where(current.c.source.in_(node_ids))
        reached = start.cte("reached", recursive=True)
        step = select(current.c.id, current.c.target).join(reached, current.c.source == reached.c.target)
        reached = reached.union(step)  # UNION, not UNION ALL: cycles end
        return self._read(select(LineageEdge).where(LineageEdge.id.in_(select(reached.c.id))))

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

    def _read(self, statement: Select[LineageEdge]) -> LineageGraph:
        edges = list(
            self._session.scalars(
                statement.order_by(
                    LineageEdge.source,
                    LineageEdge.target,
                    LineageEdge.type,
                    LineageEdge.origin,
                    LineageEdge.id,
                )
            )
        )
        touched = sorted({edge.source for edge in edges} | {edge.target for edge in edges})
        nodes = self._session.scalars(
            select(LineageNode)
            .where(LineageNode.id == any_(literal(touched, ARRAY(Text))))
            .order_by(LineageNode.id)
        )
        return LineageGraph(list(nodes) if touched else [], edges)
