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
    "the events of an element": (
        {"params": [{"name": "p", "select": {"type": "point", "on": "#top:click"}}]}, "/charts/0/params/0/select/on",
    ),
    "the events of an element, as a stream": (
        {"params": [{"name": "p", "select": {"type": "point", "on": {"source": "#top", "type": "click"}}}]},
        "/charts/0/params/0/select/on/source",
    ),
    "many quantiles": ({"transform": [{"quantile": "total", "step": 1e-9}]}, "/charts/0/transform/0/step"),
    "many keys": (
        {"transform": [{"impute": "total", "key": "day", "keyvals": {"start": 0, "stop": 1e9}}]},
        "/charts/0/transform/0/keyvals",
    ),
    "narrow bins": (
        {"encoding": {"x": {"field": "total", "bin": {"extent": [0, 1], "step": 1e-8}}}}, "/charts/0/encoding/x/bin",
    ),
    "bins of no width": (
        {"encoding": {"x": {"field": "total", "bin": {"extent": [0, 1], "step": 0}}}}, "/charts/0/encoding/x/bin",
    ),
    "a high degree": (
        {"transform": [{"regression": "total", "on": "day", "method": "poly", "order": 10**6}]},
        "/charts/0/transform/0/order",
    ),
    "dashes that nobody sees": (
        {"mark": {"type": "line", "strokeDash": [1e-6, 1e-6]}}, "/charts/0/mark/strokeDash",
    ),
    "a number as wide as a book": (
        {"encoding": {"x": {"field": "total", "type": "quantitative", "axis": {"format": "100000000d"}}}},
        "/charts/0/encoding/x/axis/format",
    ),
    "a script behind a mark": ({"mark": {"type": "bar", "href": "javascript:alert(1)"}}, "/charts/0/mark/href"),
    "another site without https": (
        {"encoding": {"href": {"value": "http://example.com/"}}}, "/charts/0/encoding/href/value",
    ),
    "another site by its name alone": ({"mark": {"type": "bar", "href": "//example.com/"}}, "/charts/0/mark/href"),
    "a script behind some marks": (
        {"encoding": {"href": {"condition": [{"test": "datum.total > 1", "value": "data:text/html,a"}], "value": "/"}}},
        "/charts/0/encoding/href/condition/0/value",
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
    "a drag that leaves the chart": {
        "params": [
            {
                "name": "p",
                "select": {"type": "interval", "on": "[pointerdown, window:pointerup] > pointermove"},
            }
        ]
    },
    "dashes": {"mark": {"type": "line", "strokeDash": [4, 2]}},
    "a base": {
        "encoding": {"x": {"field": "total", "type": "quantitative", "scale": {"type": "log", "base": 2}}}
    },
    "a format": {"encoding": {"x": {"field": "total", "type": "quantitative", "axis": {"format": ",.2f"}}}},
    "some keys": {
        "transform": [{"impute": "total", "key": "day", "keyvals": {"start": 0, "stop": 100}, "value": 0}]
    },
    "a path": {"mark": {"type": "bar", "href": "/view/other?day=2013-01-01"}},
    "a page elsewhere": {"encoding": {"href": {"value": "https://example.com/a"}}},
    "an address in a column": {"encoding": {"href": {"field": "day"}}},
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
