"""The graph as OpenLineage events (https://openlineage.io/spec/2-0-2/OpenLineage.json)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.lineage.model import EVERY_COLUMN, EdgeType, LineageEdge, LineageGraph, LineageNode, NodeType

type JsonObject = dict[str, object]

BIGQUERY_NAMESPACE = "bigquery"  # https://openlineage.io/docs/spec/naming
_SPEC = "https://openlineage.io/spec"
_DIRECT = {
    EdgeType.COPIES: "IDENTITY",
    EdgeType.DERIVES: "TRANSFORMATION",
    EdgeType.AGGREGATES: "AGGREGATION",
}
_INDIRECT = {
    EdgeType.FILTERS: "FILTER",
    EdgeType.JOINS: "JOIN",
    EdgeType.GROUPS: "GROUP_BY",
    EdgeType.SORTS: "SORT",
}


@dataclass(frozen=True)
class EventSource:
    """When and by whom events are said.

    `producer` is a URI, `namespace` the one of this service's jobs and results.
    """

    event_time: datetime
    producer: str
    namespace: str


@dataclass(frozen=True)
class RunFacts:
    """An executed job of a query: BigQuery's job as a run, and when it ended."""

    run_id: UUID
    ended_at: datetime
    failed: bool = False


def to_openlineage(
    graph: LineageGraph, source: EventSource, runs: Mapping[str, RunFacts]
) -> list[JsonObject]:
    """One event per query and view, in the order of their ids, then one per dashboard.

    A query named in `runs` becomes a RunEvent, everything else a JobEvent. A query's result is a dataset of
    the service's namespace, which the dashboard's event reads. A graph at table level gives
    events without column lineage.
    """
    exporter = _Exporter(graph, source)
    events = [
        exporter.make_event(node, runs.get(node.name) if node.type is NodeType.QUERY else None)
        for node in graph.nodes
        if exporter.is_made(node)
    ]
    return events + [exporter.make_dashboard_event(node) for node in graph.find_nodes(NodeType.DASHBOARD)]


class _Exporter:
    def __init__(self, graph: LineageGraph, source: EventSource) -> None:
        self._source = source
        self._nodes = {node.id: node for node in graph.nodes}
        self._queries = graph.find_nodes(NodeType.QUERY)
        self._incoming: dict[str, list[LineageEdge]] = {}
        for edge in graph.edges:
            self._incoming.setdefault(edge.target, []).append(edge)

    def is_made(self, node: LineageNode) -> bool:
        """True for queries, and for views whose definition is known."""
        reads = any(edge.type is EdgeType.READS for edge in self._incoming.get(node.id, ()))
        return node.type is NodeType.QUERY or (node.type is NodeType.TABLE and reads)

    def make_event(self, node: LineageNode, run: RunFacts | None) -> JsonObject:
        reads = (edge for edge in self._incoming.get(node.id, ()) if edge.type is EdgeType.READS)
        inputs = [self._nodes[id_] for id_ in dict.fromkeys(edge.source for edge in reads)]
        event: JsonObject = {
            "job": self._make_job(self._name_job(node), "QUERY" if node.type is NodeType.QUERY else "VIEW"),
            "inputs": [self._name_dataset(table) for table in inputs],
            "outputs": [{**self._name_dataset(node), "facets": self._make_facets(node)}],
        }
        if run is None:
            return self._finish(event, "JobEvent", self._source.event_time)
        event |= {"eventType": "FAIL" if run.failed else "COMPLETE", "run": {"runId": str(run.run_id)}}
        return self._finish(event, "RunEvent", run.ended_at)

    def make_dashboard_event(self, node: LineageNode) -> JsonObject:
        slug = str(node.attributes["slug"])
        results = [query for query in self._queries if query.attributes.get("slug") == slug]
        event: JsonObject = {
            "job": self._make_job(slug, "DASHBOARD"),
            "inputs": [self._name_dataset(query) for query in results],
            "outputs": [],
        }
        return self._finish(event, "JobEvent", self._source.event_time)

    def _finish(self, event: JsonObject, kind: str, time: datetime) -> JsonObject:
        return {
            "eventTime": time.isoformat(),
            "producer": self._source.producer,
            "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/{kind}",
            **event,
        }

    def _make_job(self, name: str, type_: str) -> JsonObject:
        facet = {"processingType": "BATCH", "integration": "ALMANAC", "jobType": type_}
        facets = {"jobType": self._make_facet("JobTypeJobFacet", "2-0-4", facet)}
        return {"namespace": self._source.namespace, "name": name, "facets": facets}

    def _name_job(self, node: LineageNode) -> str:
        return node.name if node.type is NodeType.TABLE else f"{node.attributes['slug']}.{node.name}"

    def _name_dataset(self, node: LineageNode) -> JsonObject:
        if node.type is NodeType.TABLE:
            return {"namespace": BIGQUERY_NAMESPACE, "name": node.name}
        return {"namespace": self._source.namespace, "name": self._name_job(node)}

    # --- facets of what a query returns

    def _make_facets(self, node: LineageNode) -> JsonObject:
        columns = {
            column.name: self._list_fields(column.id, _DIRECT, "DIRECT")
            for column in self._nodes.values()
            if column.id.rpartition("#")[0] == node.id and column.name != EVERY_COLUMN
        }
        if not columns:
            return {}
        lineage: JsonObject = {
            "fields": {name: {"inputFields": fields} for name, fields in columns.items()},
            "dataset": self._list_fields(node.id, _INDIRECT, "INDIRECT"),
        }
        schema: JsonObject = {"fields": [{"name": name} for name in columns]}
        return {
            "columnLineage": self._make_facet("ColumnLineageDatasetFacet", "1-2-0", lineage),
            "schema": self._make_facet("SchemaDatasetFacet", "1-2-0", schema),
        }

    def _list_fields(self, target: str, subtypes: Mapping[EdgeType, str], type_: str) -> list[JsonObject]:
        fields: list[JsonObject] = []
        for edge in self._incoming.get(target, ()):
            column = self._nodes[edge.source]
            if edge.type in subtypes and "table" in column.attributes and column.name != EVERY_COLUMN:
                step = {"type": type_, "subtype": subtypes[edge.type], "masking": False}
                name = {"name": column.attributes["table"], "field": column.name}
                fields.append({"namespace": BIGQUERY_NAMESPACE, **name, "transformations": [step]})
        return fields

    def _make_facet(self, name: str, version: str, content: Mapping[str, object]) -> JsonObject:
        url = f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}"
        return {"_producer": self._source.producer, "_schemaURL": url, **content}
