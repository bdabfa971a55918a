"""The two validators agree on what is valid in a chart, and what is not is explained by the branch that was meant."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.dashboards.definition.published_schema import list_marks, load_schema
from shared.dashboards.validators.schema.findings import Finding, FindingKind, explain_errors
from shared.dashboards.validators.schema.verdict import find_errors, is_valid
from tests.fixtures.examples import choose_examples

SPECS = [
    ("mark", "bar"),
    ("mark", "boxplot"),
    ("mark", {"type": "line", "point": {"filled": False}, "interpolate": "monotone", "opacity": 0.5}),
    ("mark", {"type": "errorband", "extent": "ci", "borders": True}),
    ("mark", {"type": "bar", "cornerRadius": {"expr": "4"}, "color": {"gradient": "linear", "stops": []}}),
    (
        "encoding",
        {"x": {"field": "a", "type": "temporal", "timeUnit": "yearmonth", "axis": {"format": "%b"}}},
    ),
    (
        "encoding",
        {"y": {"aggregate": {"argmax": "b"}, "field": "a", "type": "quantitative", "stack": None}},
    ),
    ("encoding", {"color": {"condition": {"test": "datum.a > 0", "value": "red"}, "value": "grey"}}),
    (
        "encoding",
        {"color": {"field": "a", "scale": {"scheme": "viridis", "domain": [0, 1]}, "legend": None}},
    ),
    ("encoding", {"tooltip": [{"field": "a"}, {"field": "b", "format": ".1f", "title": "B"}]}),
    ("encoding", {"x": {"bin": {"maxbins": 20}, "field": "a"}, "y": {"aggregate": "count"}}),
    (
        "encoding",
        {"row": {"field": "a", "type": "nominal", "header": {"title": None}}, "size": {"value": 3}},
    ),
    ("encoding", {"y": {"field": "a", "sort": {"field": "b", "op": "mean", "order": "descending"}}}),
    ("transform", {"window": [{"op": "rank", "as": "r"}], "sort": [{"field": "a", "order": "descending"}]}),
    ("transform", {"filter": {"and": [{"field": "a", "gt": 1}, {"not": "datum.b"}, {"or": ["datum.c"]}]}}),
    ("transform", {"fold": ["a", "b"], "as": ["key", "value"]}),
    ("params", {"name": "brush", "select": {"type": "interval", "encodings": ["x"]}}),
    ("params", {"name": "size", "value": 3, "bind": {"input": "range", "min": 1, "max": 9}}),
]
REPLACEMENTS = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "lien",
    "quantitative",
    [],
    [1],
    {},
    {"type": "line"},
    {"expr": "1"},
]


CHART = {"id": "c", "title": "C", "query": "q", "mark": "bar", "encoding": {}}


def make_file(keys):
    """A dashboard whose only chart has these keys; of a list, one item."""
    lists = {key: [value] for key, value in keys.items() if key in ("transform", "params")}
    queries = {"q": {"sql": "SELECT 1"}}
    return {
        "version": 1,
        "slug": "sales",
        "title": "S",
        "queries": queries,
        "charts": [{**CHART, **keys, **lists}],
    }


def find_findings(keys) -> list[Finding]:
    """What is wrong with a chart, at places below the given keys (below the item, of a list)."""
    found = explain_errors(find_errors(make_file(keys)))
    return [replace(one, location=cut_location(one.location)) for one in found]


def cut_location(location):
    assert location[:2] == ("charts", 0)
    return location[4:] if location[2] in ("transform", "params") else location[3:]


def list_places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from list_places(part, (*path, key))


def replace_at(value, path, change):
    if not path:
        return change
    value = copy.deepcopy(value)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = change
    return value


@pytest.mark.parametrize(("key", "value"), SPECS, ids=lambda item: json.dumps(item)[:60])
def test_valid_charts_have_no_findings(key, value):
    assert is_valid(make_file({key: value}))
    assert find_findings({key: value}) == []


@settings(max_examples=choose_examples(400), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_verdict_is_that_of_the_other_validator(data):
    key, value = data.draw(st.sampled_from(SPECS))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(list_places(value))))
        value = replace_at(value, path, data.draw(st.sampled_from(REPLACEMENTS)))
    if isinstance(value, dict) and data.draw(st.booleans()):
        value = {**value, "surprise": 1}
    assert (find_findings({key: value}) == []) is is_valid(make_file({key: value}))


@pytest.mark.parametrize(
    ("encoding", "kind", "location", "allowed"),
    [
        ({"x": {"field": "a", "type": "temporl"}}, FindingKind.NOT_ALLOWED, ("x", "type"), "temporal"),
        ({"xx": {"field": "a"}}, FindingKind.UNKNOWN_PROPERTY, ("xx",), "x"),
        ({"x": {"feild": "a", "type": "nominal"}}, FindingKind.UNKNOWN_PROPERTY, ("x", "feild"), "field"),
        (
            {"x": {"field": "a", "axis": {"grid": "no"}}},
            FindingKind.WRONG_TYPE,
            ("x", "axis", "grid"),
            "boolean",
        ),
        ({"x": 5}, FindingKind.WRONG_TYPE, ("x",), "object"),
        ({"opacity": {"value": "high"}}, FindingKind.WRONG_TYPE, ("opacity", "value"), "number"),
    ],
)
def test_the_likely_meaning_is_explained(encoding, kind, location, allowed):
    (found,) = find_findings({"encoding": encoding})
    assert (found.kind, found.location) == (kind, location)
    assert allowed in found.allowed


@pytest.mark.parametrize("name", ["boxplot", "errorbar", "errorband"])
@pytest.mark.parametrize("surprise", ["tooltip", "nonsense"])
def test_a_mark_that_is_named_is_explained_whatever_else_is_wrong(name, surprise):
    (found,) = find_findings({"mark": {"type": name, surprise: True}})
    assert (found.kind, found.location) == (FindingKind.UNKNOWN_PROPERTY, (surprise,))
    assert "orient" in found.allowed


def test_a_tag_that_names_no_branch_is_explained_by_all_that_do():
    (found,) = find_findings({"params": {"name": "brush", "select": {"type": "pont", "encodings": 5}}})
    assert (found.kind, found.location) == (FindingKind.NOT_ALLOWED, ("select", "type"))
    assert found.allowed == ("point", "interval")


def test_a_tag_that_is_no_word_is_of_the_wrong_type():
    file = make_file({})
    file["charts"] = [{"id": "c", "title": "C", "query": "q", "type": ["table"]}]
    (found,) = explain_errors(find_errors(file))
    assert (found.kind, found.location) == (FindingKind.WRONG_TYPE, ("charts", 0, "type"))


def test_a_bad_name_is_told_beside_the_wrong_type_of_what_it_names():
    file = make_file({})
    file["queries"]["Bad Name"] = 5
    kinds = {finding.kind for finding in explain_errors(find_errors(file))}
    assert kinds == {FindingKind.WRONG_PATTERN, FindingKind.WRONG_TYPE}


def test_marks_and_channels_are_those_of_vega_lite():
    channels = load_schema()["$defs"]["VegaChart"]["properties"]["encoding"]["properties"]
    assert {"line", "bar", "rect", "boxplot", "errorband"} <= set(list_marks())
    assert {"x", "y", "color", "tooltip", "row", "facet", "theta"} <= set(channels)


def test_deep_nesting_of_recursive_definitions_stays_cheap():
    value = "datum.a"
    for depth in range(28):
        value = {"and": [value, value]} if depth % 2 else {"not": value}
    assert is_valid(make_file({"transform": {"filter": value}}))
    bad = {"filter": {"and": [value, {"field": "a", "gtt": 1}]}}
    assert find_findings({"transform": bad})
