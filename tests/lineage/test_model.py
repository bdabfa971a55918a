"""Ids and the graph itself."""

import pytest

from shared.lineage.model import (
    Confidence,
    EdgeType,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeType,
    Origin,
    make_table_node,
    split_table_name,
)


def make_node(id_, **attributes):
    return LineageNode(id_, NodeType.TABLE, id_, attributes)


def make_edge(source, target, confidence=Confidence.EXACT, origin=Origin.PARSER):
    return LineageEdge(source, target, EdgeType.READS, origin, confidence)


def test_nodes_and_edges_are_sorted_whatever_order_they_come_in():
    nodes = [make_node("b"), make_node("a"), make_node("c")]
    edges = [make_edge("b", "c"), make_edge("a", "c"), make_edge("a", "b")]
    graph = LineageGraph.build(nodes, edges)
    assert graph == LineageGraph.build(reversed(nodes), reversed(edges))
    assert [node.id for node in graph.nodes] == ["a", "b", "c"]
    assert [(edge.source, edge.target) for edge in graph.edges] == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize("first", list(Confidence))
@pytest.mark.parametrize("second", list(Confidence))
def test_an_edge_said_twice_is_exact_when_one_says_so(first, second):
    (edge,) = LineageGraph.build([], [make_edge("a", "b", first), make_edge("a", "b", second)]).edges
    assert (edge.confidence is Confidence.EXACT) == (Confidence.EXACT in (first, second))


def test_the_same_edge_from_two_origins_stays_two():
    graph = LineageGraph.build([], [make_edge("a", "b"), make_edge("a", "b", origin=Origin.JOB)])
    assert [edge.origin for edge in graph.edges] == [Origin.JOB, Origin.PARSER]


def test_merging_joins_attributes_and_is_idempotent():
    left = LineageGraph.build([make_node("a", kind="view", rows=1)], [make_edge("a", "b")])
    right = LineageGraph.build([make_node("a", rows=2), make_node("b")], [make_edge("a", "b")])
    merged = left.merge(right)
    assert dict(merged.nodes[0].attributes) == {"kind": "view", "rows": 2}
    assert len(merged.edges) == 1
    assert merged.merge(right) == merged


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("acme.nyc.flights", ("acme", "nyc", "flights")),
        ("example.com:acme.nyc.flights", ("example.com:acme", "nyc", "flights")),
        ("acme.nyc.INFORMATION_SCHEMA.TABLES", ("acme", "nyc", "INFORMATION_SCHEMA.TABLES")),
        ("acme.region-us.information_schema.jobs", ("acme", "region-us", "information_schema.jobs")),
        ("acme.logs.events_*", ("acme", "logs", "events_*")),
    ],
)
def test_table_names_are_split_into_three(name, parts):
    assert tuple(split_table_name(name)) == parts
    assert str(split_table_name(name)) == name


@pytest.mark.parametrize("name", ["", ".", "..", "flights", "nyc.flights", "acme.nyc.", "acme..flights"])
def test_a_name_without_three_parts_is_refused(name):
    with pytest.raises(ValueError, match="is not a full table name"):
        make_table_node(name)
