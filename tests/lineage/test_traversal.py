"""Levels, directions and depths."""

import pytest

from shared.lineage.extraction import extract_lineage
from shared.lineage.model import EdgeType, LineageEdge, LineageGraph, LineageNode, NodeType, Origin
from shared.lineage.sources import ChartSource
from shared.lineage.traversal import Direction, Level, find_sources, restrict_to_level, walk_graph
from tests.lineage.golden_cases import SCHEMAS, read_source

TABLE, QUERY, CHART, DASHBOARD = "bq:acme.nyc.flights", "query:demo/q", "chart:demo/c", "dashboard:demo"


@pytest.fixture(scope="module")
def graph():
    sql = "SELECT carrier, AVG(dep_delay) AS delay FROM flights WHERE origin = @origin GROUP BY carrier"
    charts = [ChartSource("c", "C", "q", ("delay",))]
    return extract_lineage("demo", "Demo", {"q": read_source(sql)}, charts, {}, SCHEMAS)


def walk(graph, direction, depth=None, level=Level.TABLE, node=None):
    graph = restrict_to_level(graph, level)
    found = walk_graph(
        graph,
        upstream_from={node or DASHBOARD},
        downstream_from={node} if node else find_sources(graph),
        direction=direction,
        depth=depth,
    )
    assert {id_ for edge in found.edges for id_ in (edge.source, edge.target)} <= {n.id for n in found.nodes}
    return {found_node.id for found_node in found.nodes}


@pytest.mark.parametrize(
    ("direction", "depth", "expected"),
    [
        (Direction.UPSTREAM, 1, {DASHBOARD, CHART}),
        (Direction.UPSTREAM, 2, {DASHBOARD, CHART, QUERY}),
        (Direction.UPSTREAM, 3, {DASHBOARD, CHART, QUERY, TABLE}),
        (Direction.UPSTREAM, None, {DASHBOARD, CHART, QUERY, TABLE}),
        (Direction.DOWNSTREAM, 1, {TABLE, QUERY}),
        (Direction.DOWNSTREAM, 2, {TABLE, QUERY, CHART}),
        (Direction.DOWNSTREAM, 20, {TABLE, QUERY, CHART, DASHBOARD}),
        (Direction.BOTH, 1, {TABLE, QUERY, CHART, DASHBOARD}),
    ],
)
def test_a_dashboard_is_walked_from_its_ends(graph, direction, depth, expected):
    assert walk(graph, direction, depth) == expected


def test_the_table_level_has_no_columns_and_the_column_level_has_everything(graph):
    table_level = restrict_to_level(graph, Level.TABLE)
    assert {node.type for node in table_level.nodes} == set(NodeType) - {NodeType.COLUMN}
    assert not any("#" in edge.source + edge.target for edge in table_level.edges)
    assert restrict_to_level(graph, Level.COLUMN) == graph


def test_from_a_column_downstream_only_what_it_reaches(graph):
    reached = walk(graph, Direction.DOWNSTREAM, level=Level.COLUMN, node=f"{TABLE}#dep_delay")
    assert reached == {f"{TABLE}#dep_delay", f"{QUERY}#delay", CHART, DASHBOARD}


def test_a_column_that_only_filters_reaches_every_column_of_the_query(graph):
    reached = walk(graph, Direction.DOWNSTREAM, level=Level.COLUMN, node=f"{TABLE}#origin")
    assert {QUERY, f"{QUERY}#delay", f"{QUERY}#carrier", CHART} <= reached


def test_from_a_node_in_the_middle_both_ways(graph):
    assert walk(graph, Direction.BOTH, 1, node=QUERY) == {TABLE, QUERY, CHART}
    assert walk(graph, Direction.UPSTREAM, node=QUERY) == {TABLE, QUERY}


def test_a_circle_ends():
    nodes = [LineageNode(id_, NodeType.TABLE, id_) for id_ in "ab"]
    edges = [LineageEdge(*ends, EdgeType.READS, Origin.PARSER) for ends in ("ab", "ba")]
    circle = LineageGraph.build(nodes, edges)
    assert walk(circle, Direction.BOTH, node="a") == {"a", "b"}
