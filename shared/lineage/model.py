"""The lineage graph: the ids of its nodes, its nodes and edges, and how two graphs become one.

Ids::

    dashboard:<slug>                      a dashboard
    chart:<slug>/<chart id>               a chart of it
    query:<slug>/<name>                   a query of it
    query:<slug>/<name>#<column>          a column that query returns
    bq:<project>.<dataset>.<table>        a table, view or wildcard
    bq:<project>.<dataset>.<table>#<column>

The column `*` stands for "columns nobody could name": `SELECT *` over a table without a known schema.

Edges point the way data flows, from a source to what is made of it:

========== ======================== =====================================================
type       source → target          says
========== ======================== =====================================================
reads      table → query, view      the query (or the view's definition) reads the table
matches    table → wildcard table   the wildcard stands for this table among others
contains   table → its column       the column belongs to the table
copies     column → column          the value passes unchanged
derives    column → column          the value is computed from it
aggregates column → column          the value is aggregated from it
filters    column → query, view     used in WHERE, HAVING or QUALIFY: decides which rows there are
joins      column → query, view     used in a join condition
groups     column → query, view     used in GROUP BY
sorts      column → query, view     used in ORDER BY
returns    query → its column       the query returns the column
feeds      query → chart            the chart draws the query
draws      column → chart           the chart encodes the column
belongs_to chart, query → dashboard part of the dashboard (a query only when no chart draws it)
========== ======================== =====================================================
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

EVERY_COLUMN = "*"
_INFORMATION_SCHEMA = ".INFORMATION_SCHEMA."


class TableName(NamedTuple):
    """The three parts of a BigQuery table name; `table` may hold `INFORMATION_SCHEMA.<view>`."""

    project: str
    dataset: str
    table: str

    @property
    def is_wildcard(self) -> bool:
        """True for `events_*`, which stands for every table with that prefix."""
        return self.table.endswith("*")

    def __str__(self) -> str:
        return ".".join(self)


def split_table_name(name: str) -> TableName:
    """The parts of `project.dataset.table`. Raises ValueError when there are not three of them.

    Split from the right, because old projects carry a domain with dots (`example.com:project`).
    """
    marker = name.upper().find(_INFORMATION_SCHEMA)
    owner, table = (name[:marker], name[marker + 1 :]) if marker >= 0 else (name.rpartition(".")[::2])
    project, _, dataset = owner.rpartition(".")
    if not (project and dataset and table):
        raise ValueError(f"{name!r} is not a full table name; write project.dataset.table")
    return TableName(project, dataset, table)


def dashboard_id(slug: str) -> str:
    """The id of a dashboard's node."""
    return f"dashboard:{slug}"


def chart_id(slug: str, chart: str) -> str:
    """The id of a chart's node."""
    return f"chart:{slug}/{chart}"


def query_id(slug: str, query: str) -> str:
    """The id of a query's node."""
    return f"query:{slug}/{query}"


def table_id(table: str) -> str:
    """The id of the node of `project.dataset.table`."""
    return f"bq:{table}"


def is_source(node: str) -> bool:
    """True for the id of a table, view or wildcard, or of a column of one."""
    return node.startswith("bq:")


def column_id(owner_id: str, column: str) -> str:
    """The id of a column of the table or query whose node is `owner_id`."""
    return f"{owner_id}#{column}"


class NodeType(StrEnum):
    """What a node is."""

    TABLE = "table"
    COLUMN = "column"
    QUERY = "query"
    CHART = "chart"
    DASHBOARD = "dashboard"


class EdgeType(StrEnum):
    """What an edge says; the table above explains each."""

    READS = "reads"
    MATCHES = "matches"
    CONTAINS = "contains"
    COPIES = "copies"
    DERIVES = "derives"
    AGGREGATES = "aggregates"
    FILTERS = "filters"
    JOINS = "joins"
    GROUPS = "groups"
    SORTS = "sorts"
    RETURNS = "returns"
    FEEDS = "feeds"
    DRAWS = "draws"
    BELONGS_TO = "belongs_to"


class Origin(StrEnum):
    """Who said so: the dashboard's YAML, the SQL parser, BigQuery's dry run or an executed job."""

    YAML = "yaml"
    PARSER = "parser"
    DRY_RUN = "dry_run"
    JOB = "job"


class Confidence(StrEnum):
    """`exact` when every step was resolved against a known schema; `inferred` when one was guessed."""

    EXACT = "exact"
    INFERRED = "inferred"


@dataclass(frozen=True)
class LineageNode:
    """A thing data flows through. `attributes` are JSON values that say more about it."""

    id: str
    type: NodeType
    name: str
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class LineageEdge:
    """Data flows from `source` to `target` (ids of nodes)."""

    source: str
    target: str
    type: EdgeType
    origin: Origin
    confidence: Confidence = Confidence.EXACT


EdgeKey = tuple[str, str, EdgeType, Origin]


def edge_key(edge: LineageEdge) -> EdgeKey:
    """What tells two edges apart; confidence does not."""
    return edge.source, edge.target, edge.type, edge.origin


@dataclass(frozen=True)
class LineageGraph:
    """Nodes sorted by id and edges sorted by source, target, type and origin, each of them once."""

    nodes: tuple[LineageNode, ...] = ()
    edges: tuple[LineageEdge, ...] = ()

    @classmethod
    def build(cls, nodes: Iterable[LineageNode], edges: Iterable[LineageEdge]) -> "LineageGraph":
        """The graph of these nodes and edges, in whatever order and however often they come.

        A node named twice gets the attributes of both, the later ones winning; an edge named twice is
        exact when one of the two is.
        """
        by_id: dict[str, LineageNode] = {}
        for node in nodes:
            known = by_id.get(node.id)
            attributes = {**known.attributes, **node.attributes} if known else dict(node.attributes)
            by_id[node.id] = LineageNode(node.id, node.type, node.name, attributes)
        by_key: dict[EdgeKey, LineageEdge] = {}
        for edge in edges:
            if by_key.setdefault(edge_key(edge), edge).confidence is Confidence.INFERRED:
                by_key[edge_key(edge)] = edge
        return cls(
            nodes=tuple(by_id[id_] for id_ in sorted(by_id)),
            edges=tuple(by_key[key] for key in sorted(by_key)),
        )

    def merge(self, other: "LineageGraph") -> "LineageGraph":
        """Both graphs as one."""
        return LineageGraph.build((*self.nodes, *other.nodes), (*self.edges, *other.edges))

    def find_nodes(self, type_: NodeType) -> list[LineageNode]:
        """The nodes of one type, sorted by id."""
        return [node for node in self.nodes if node.type is type_]


def make_table_node(table: str) -> LineageNode:
    """The node of `project.dataset.table`. Raises ValueError for a name without project and dataset."""
    name = split_table_name(table)
    attributes: dict[str, object] = {"project": name.project, "dataset": name.dataset, "table": name.table}
    if name.is_wildcard:
        attributes["kind"] = "wildcard"
    return LineageNode(table_id(table), NodeType.TABLE, table, attributes)
