"""A chart that nothing proves to be cheap is tried in a worker, which is ended where the chart comes to no end."""

import pytest
from playwright.sync_api import Page, expect

from shared.dashboards.definition.published_schema import list_marks
from tests.fixtures.chart_page import SLUG, ChartPage

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

X = {"field": "day", "type": "temporal"}
Y = {"field": "n", "type": "quantitative"}
QUERY = {
    "columns": [
        {"name": "day", "type": "DATE"},
        {"name": "n", "type": "INT64"},
        {"name": "kind", "type": "STRING"},
    ],
    "rows": 2,
    "values": [["2013-01-01", "2013-01-02"], [1, 2], ["a", "b"]],
    "truncated": False,
    "as_of": None,
    "refresh_error": None,
}


def open_charts(page: Page, server: ChartPage, specs: list[dict[str, object]]) -> None:
    server.show(specs, QUERY)
    page.goto(f"{server.url}/view/{SLUG}")
    page.locator("#board:not([aria-busy]) .cell[data-chart]").first.wait_for()


def draw(
    x: dict[str, object] = X, *transform: dict[str, object], mark: object = "point"
) -> dict[str, object]:
    return {"mark": mark, "encoding": {"x": x, "y": Y}, "transform": list(transform)}


ENDLESS = {
    "rows of rows": draw(
        X, {"calculate": "sequence(datum.n * 5000)", "as": "s"}, {"flatten": ["s"]},
        {"calculate": "sequence(100)", "as": "t"}, {"flatten": ["t"]},
    ),
    "narrow bins": draw({"field": "n", "bin": {"step": 1e-8}}),
    "quantiles": draw(X, {"quantile": "n", "step": 1e-9}),
    "keys": draw(X, {"impute": "n", "key": "day", "keyvals": {"start": 0, "stop": 1e9}, "value": 0}),
    "a pattern made of parts": draw(X, {"filter": f"test(regexp('(.*a){{2' + '5}}b'), '{'a' * 400}')"}),
    "a text that doubles": draw(
        X, {"calculate": "pad('', 9999, 'ab')", "as": "s"},
        *[{"calculate": "datum.s + datum.s + datum.s + datum.s", "as": "s"}] * 8,
        {"calculate": "upper(datum.s) + 1", "as": "s"},
    ),
}  # fmt: skip


def test_what_comes_to_no_end_is_its_rows_with_the_reason_and_leaves_its_neighbours_alone(
    chart_page, chart_tab
):
    open_charts(chart_tab, chart_page, [*ENDLESS.values(), draw()])
    for index, name in enumerate(ENDLESS):
        cell = chart_tab.locator(f"[data-chart=c{index}]")
        expect(cell.get_by_role("alert"), name).to_contain_text("This chart cannot be drawn:")
        expect(cell.locator("tbody tr"), name).to_have_count(2)
    drawn = chart_tab.locator(f"[data-chart=c{len(ENDLESS)}] svg .role-mark path")
    expect(drawn).to_have_count(2)


TRIED = {
    "density": {
        "mark": "area",
        "encoding": {"x": {**Y, "field": "value"}, "y": {**Y, "field": "density"}},
        "transform": [{"density": "n", "steps": 50}],
    },
    "flatten": draw(X, {"calculate": "sequence(3)", "as": "s"}, {"flatten": ["s"]}),
    "pattern": draw(X, {"filter": "test(/^[ab]$/, datum.kind)"}),
}  # fmt: skip


def test_what_is_tried_first_and_ends_is_drawn(chart_page, chart_tab):
    open_charts(chart_tab, chart_page, list(TRIED.values()))
    assert len(chart_tab.workers) == 1
    assert chart_tab.get_by_role("alert").all_inner_texts() == []
    for index, name in enumerate(TRIED):
        assert chart_tab.locator(f"[data-chart=c{index}] svg .role-mark path").count() > 0, name


EVERYDAY = [
    *(draw(mark=mark) for mark in list_marks() if mark not in ("geoshape", "image")),
    {
        "mark": {"type": "line", "point": True, "tooltip": True, "strokeDash": [4, 2]},
        "encoding": {
            "x": {**X, "timeUnit": "yearmonth", "axis": {"format": "%b %Y", "labelAngle": -45, "tickCount": 6}},
            "y": {**Y, "aggregate": "mean", "scale": {"zero": False, "nice": True}, "axis": {"format": ",.1f"}},
            "color": {"field": "kind", "legend": {"orient": "bottom"}, "scale": {"scheme": "category10"}},
            "opacity": {"condition": {"param": "pick", "value": 1}, "value": 0.2},
            "tooltip": [{"field": "kind"}, {"field": "n", "format": ",d"}],
        },
        "params": [{"name": "pick", "select": {"type": "point", "fields": ["kind"]}, "bind": "legend"}],
        "transform": [
            {"filter": "datum.n > 0 && isValid(datum.kind)"},
            {"calculate": "datum.n / 2", "as": "half"},
            {"window": [{"op": "rank", "as": "place"}], "sort": [{"field": "n", "order": "descending"}]},
        ],
    },
    draw({"field": "n", "bin": {"maxbins": 20}}, mark="bar"),
    draw({**Y, "bin": {"binned": True, "step": 5}}, mark="rect"),
    {"mark": "bar", "encoding": {"x": X, "y": Y, "row": {"field": "kind", "type": "nominal"}}},
]  # fmt: skip


def test_what_is_written_every_day_needs_no_trial(chart_page, chart_tab):
    open_charts(chart_tab, chart_page, EVERYDAY)
    assert chart_tab.locator("[data-chart] svg .role-mark").count() > 0
    assert chart_tab.workers == []
    assert not [path for path in chart_page.asked if "trial" in path]


def test_events_of_other_parts_of_the_page_reach_no_chart(chart_page, chart_tab):
    select = {"type": "point", "on": "#top:click"}
    open_charts(chart_tab, chart_page, [draw() | {"params": [{"name": "p", "select": select}]}])
    expect(chart_tab.get_by_role("alert")).to_contain_text("not its own")


def test_a_chart_that_is_tried_loads_nothing_either(chart_page, chart_tab):
    asked: list[str] = []
    chart_tab.on("request", lambda request: asked.append(request.url))
    addresses = ("/openapi.json", "https://almanac.invalid/a.json")
    lookups = [
        {"lookup": "kind", "from": {"data": {"url": url}, "key": "a", "fields": ["b"]}} for url in addresses
    ]
    open_charts(chart_tab, chart_page, [draw(X, lookup) for lookup in lookups])
    assert len(chart_tab.workers) == 1
    assert not [url for url in asked if url.endswith((".json", ".invalid"))]
