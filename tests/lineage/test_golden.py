"""Extraction against golden files, and what must hold for every graph."""

import json

import pytest

from tests.lineage.golden_cases import PATHS, extract_case, show_graph

CASES = [json.loads(path.read_text()) for path in PATHS]
every_case = pytest.mark.parametrize("case", CASES, ids=[path.stem for path in PATHS])


@every_case
def test_gives_the_golden_graph(case):
    assert show_graph(extract_case(case["given"])) == case["graph"]


@every_case
def test_does_not_depend_on_the_order_of_what_is_given(case):
    turned = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value[::-1]
        for key, value in case["given"].items()
    }
    for query, tables in turned.get("dry_run_tables", {}).items():
        turned["dry_run_tables"][query] = tables[::-1]
    assert extract_case(turned) == extract_case(case["given"])


@every_case
def test_every_edge_joins_two_nodes_of_the_graph_and_comes_once(case):
    graph = extract_case(case["given"])
    ids = [node.id for node in graph.nodes]
    assert ids == sorted(set(ids))
    assert {id_ for edge in graph.edges for id_ in (edge.source, edge.target)} <= set(ids)
    keys = [(edge.source, edge.target, edge.type, edge.origin) for edge in graph.edges]
    assert keys == sorted(set(keys))


@every_case
def test_every_query_and_chart_leads_to_its_dashboard(case):
    graph = extract_case(case["given"])
    next_of = {}
    for edge in graph.edges:
        next_of.setdefault(edge.source, set()).add(edge.target)
    queries = [f"query:demo/{name}" for name in case["given"]["queries"]]
    charts = [f"chart:demo/{chart['id']}" for chart in case["given"].get("charts", [])]
    for start in queries + charts:
        reached, todo = set(), [start]
        while todo:
            here = todo.pop()
            reached.add(here)
            todo.extend(next_of.get(here, set()) - reached)
        assert "dashboard:demo" in reached, start


@every_case
def test_attributes_are_json(case):
    for node in extract_case(case["given"]).nodes:
        assert json.loads(json.dumps(node.attributes)) == node.attributes
