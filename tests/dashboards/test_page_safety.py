"""Charts that a page would have to stop are refused where they stand, and what is harmless is not."""

import json

import pytest

from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from tests.dashboards.builders import MINIMAL, list_codes, validate

HEAD = MINIMAL.partition("charts:")[0]


def validate_chart(**parts: object):
    chart = {
        "id": "trend",
        "title": "T",
        "query": "daily",
        "mark": "bar",
        "encoding": {"x": {"field": "day"}},
    }
    return validate(f"{HEAD}charts: {json.dumps([chart | parts])}\n")


REFUSED = {
    "an element of the page": (
        {"params": [{"name": "p", "value": 1, "bind": {"input": "range", "element": "body"}}]},
        "/charts/0/params/0/bind/element",
    ),
    "a long sequence": (
        {"transform": [{"calculate": "length(sequence(0, 1e8))", "as": "z"}]},
        "/charts/0/transform/0/calculate",
    ),
    "many steps": ({"transform": [{"density": "total", "steps": 10**9}]}, "/charts/0/transform/0/steps"),
    "a pattern that repeats a repetition": (
        {"transform": [{"filter": "test(/^(a+)+$/, datum.day)"}]}, "/charts/0/transform/0/filter",
    ),
    "the same as text": (
        {"transform": [{"filter": "test('^(a|aa)+$', datum.day)"}]}, "/charts/0/transform/0/filter",
    ),
    "the same in a condition": (
        {"encoding": {"color": {"condition": {"test": "test(/(.*)*x/, datum.day)", "value": "red"}}}},
        "/charts/0/encoding/color/condition/test",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_page_would_stop_is_refused_at_its_place(name):
    parts, pointer = REFUSED[name]
    found = [item for item in validate_chart(**parts).diagnostics if item.code is DiagnosticCode.UNSAFE_CHART]
    assert [item.pointer for item in found] == [pointer]


HARMLESS = {
    "an input": {"params": [{"name": "p", "value": 1, "bind": {"input": "range"}}]},
    "a short sequence": {"transform": [{"calculate": "sequence(0, 100)", "as": "z"}]},
    "some steps": {"transform": [{"density": "total", "steps": 200}]},
    "a pattern": {"transform": [{"filter": "test(/^(north|south) [0-9]+$/, datum.day)"}]},
    "a quotient": {"transform": [{"calculate": "(datum.total + 1) / 2 * (datum.total / 3)", "as": "z"}]},
    "a text that is no pattern": {"transform": [{"calculate": "'(a+)+' + datum.day", "as": "z"}]},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_passes(name):
    assert list_codes(validate_chart(**HARMLESS[name])) == []


def test_a_parameter_that_the_chart_does_not_have_is_named_with_the_likely_one():
    result = validate_chart(
        params=[{"name": "pick", "select": "point"}],
        transform=[{"filter": {"param": "pick"}}, {"filter": {"and": [{"param": "pikc"}]}}],
    )
    (found,) = result.diagnostics
    assert found.code is DiagnosticCode.UNKNOWN_CHART_PARAMETER
    assert (found.pointer, found.suggestion) == ("/charts/0/transform/1/filter/and/0/param", "pick")
