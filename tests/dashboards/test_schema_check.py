"""The check of charts agrees with a general validator on what is valid, and says more about what is not."""

import copy
import json

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.dashboards.vega import rules as vega_lite
from shared.dashboards.vega.schema_check import FindingKind

SPECS = [
    ("AnyMark", "bar"),
    ("AnyMark", "boxplot"),
    ("AnyMark", {"type": "line", "point": {"filled": False}, "interpolate": "monotone", "opacity": 0.5}),
    ("AnyMark", {"type": "errorband", "extent": "ci", "borders": True}),
    ("AnyMark", {"type": "bar", "cornerRadius": {"expr": "4"}, "color": {"gradient": "linear", "stops": []}}),
    (
        "FacetedEncoding",
        {"x": {"field": "a", "type": "temporal", "timeUnit": "yearmonth", "axis": {"format": "%b"}}},
    ),
    (
        "FacetedEncoding",
        {"y": {"aggregate": {"argmax": "b"}, "field": "a", "type": "quantitative", "stack": None}},
    ),
    ("FacetedEncoding", {"color": {"condition": {"test": "datum.a > 0", "value": "red"}, "value": "grey"}}),
    (
        "FacetedEncoding",
        {"color": {"field": "a", "scale": {"scheme": "viridis", "domain": [0, 1]}, "legend": None}},
    ),
    ("FacetedEncoding", {"tooltip": [{"field": "a"}, {"field": "b", "format": ".1f", "title": "B"}]}),
    ("FacetedEncoding", {"x": {"bin": {"maxbins": 20}, "field": "a"}, "y": {"aggregate": "count"}}),
    (
        "FacetedEncoding",
        {"row": {"field": "a", "type": "nominal", "header": {"title": None}}, "size": {"value": 3}},
    ),
    ("FacetedEncoding", {"y": {"field": "a", "sort": {"field": "b", "op": "mean", "order": "descending"}}}),
    ("Transform", {"window": [{"op": "rank", "as": "r"}], "sort": [{"field": "a", "order": "descending"}]}),
    ("Transform", {"filter": {"and": [{"field": "a", "gt": 1}, {"not": "datum.b"}, {"or": ["datum.c"]}]}}),
    ("Transform", {"fold": ["a", "b"], "as": ["key", "value"]}),
    ("TopLevelParameter", {"name": "brush", "select": {"type": "interval", "encodings": ["x"]}}),
    ("TopLevelParameter", {"name": "size", "value": 3, "bind": {"input": "range", "min": 1, "max": 9}}),
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


@pytest.fixture(scope="module")
def general_validators():
    definitions = vega_lite.load_vega_lite().definitions
    names = {name for name, _ in SPECS}
    return {
        name: jsonschema.Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions})
        for name in names
    }


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


@pytest.mark.parametrize(("definition", "value"), SPECS, ids=lambda item: json.dumps(item)[:60])
def test_valid_charts_have_no_findings(definition, value, general_validators):
    assert general_validators[definition].is_valid(value)
    assert vega_lite.load_vega_lite().find_problems(definition, value) == []


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_verdict_is_that_of_a_general_validator(data, general_validators):
    definition, value = data.draw(st.sampled_from(SPECS))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(list_places(value))))
        value = replace_at(value, path, data.draw(st.sampled_from(REPLACEMENTS)))
    if isinstance(value, dict) and data.draw(st.booleans()):
        value = {**value, "surprise": 1}
    findings = vega_lite.load_vega_lite().find_problems(definition, value)
    assert (findings == []) is general_validators[definition].is_valid(value)


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
    (found,) = vega_lite.check_encoding(encoding)
    assert (found.kind, found.location) == (kind, location)
    assert allowed in found.allowed


@pytest.mark.parametrize("name", ["boxplot", "errorbar", "errorband"])
@pytest.mark.parametrize("surprise", ["tooltip", "nonsense"])
def test_a_mark_that_is_named_is_explained_whatever_else_is_wrong(name, surprise):
    (found,) = vega_lite.check_mark({"type": name, surprise: True})
    assert (found.kind, found.location) == (FindingKind.UNKNOWN_PROPERTY, (surprise,))
    assert "orient" in found.allowed


def test_marks_and_channels_are_those_of_vega_lite():
    assert {"line", "bar", "rect", "boxplot", "errorband"} <= set(vega_lite.list_marks())
    assert {"x", "y", "color", "tooltip", "row", "facet", "theta"} <= set(vega_lite.list_channels())


def test_deep_nesting_of_recursive_definitions_stays_cheap():
    value = "datum.a"
    for depth in range(28):
        value = {"and": [value, value]} if depth % 2 else {"not": value}
    assert vega_lite.check_transform({"filter": value}) == []
    bad = {"filter": {"and": [value, {"field": "a", "gtt": 1}]}}
    assert vega_lite.check_transform(bad)
