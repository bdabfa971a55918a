"""What a chart that was saved long ago may not do to the page that shows it, and where its marks may lead."""

import pytest
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.timeout(400)

XY = {"x": {"field": "day", "type": "temporal"}, "y": {"field": "n", "type": "quantitative"}}
STOPPED = {
    "sequence": [{"calculate": "length(sequence(100000000))", "as": "z"}],
    "steps": [{"density": "n", "steps": 1_000_000_000}],
    "pattern": [{"filter": "test(/^(a+)+$/, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!')"}],
    "text": [{"filter": "test('^(a|a)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!')"}],
    "pad": [{"calculate": "pad('a', 1000000000)", "as": "z"}],
}
QUERY = {
    "columns": [{"name": "day", "type": "DATE"}, {"name": "n", "type": "INT64"}],
    "rows": 2,
    "values": [["2013-01-01", "2013-01-02"], [1, 2]],
    "truncated": False,
    "as_of": None,
    "refresh_error": None,
}


def open_spec(visitor, spec: dict[str, object]) -> None:
    """A dashboard of one chart, as an earlier release may have kept it."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        chart = {"id": "old", "title": "Old", "query": "q", "description": "", "spec": spec}
        body["data"] |= {
            "charts": [chart],
            "layout": [[{"chart": "old", "width": 12}]],
            "queries": {"q": QUERY},
        }
        route.fulfill(response=response, json=body)

    visitor.page.route("**/data/nyc-flights*", answer)
    visitor.open_dashboard("nyc-flights")


@pytest.mark.parametrize("name", STOPPED)
def test_a_chart_that_would_freeze_its_tab_is_its_rows_with_the_reason(visitor, name):
    open_spec(visitor, {"mark": "bar", "encoding": XY, "transform": STOPPED[name]})
    cell = visitor.page.locator("[data-chart=old]")
    expect(cell.get_by_role("alert")).to_contain_text("This chart cannot be drawn:")
    assert cell.locator("tbody tr").count() == 2


def test_an_input_stays_in_the_cell_of_its_chart(visitor):
    bind = {"input": "range", "element": "body"}
    open_spec(visitor, {"mark": "bar", "encoding": XY, "params": [{"name": "p", "value": 1, "bind": bind}]})
    page = visitor.page
    page.locator("[data-chart=old] input[type=range]").wait_for()
    assert page.locator("input[type=range]").count() == 1
    assert page.locator("header.bar, #top .bar").count() == 1


def test_marks_lead_to_this_site_by_keyboard_too(visitor):
    link = {"href": {"value": "/view/nyc-carriers"}}
    open_spec(visitor, {"mark": "bar", "encoding": XY | link})
    marks = visitor.page.locator("[data-chart=old] svg [role=link]")
    expect(marks).to_have_count(2)
    marks.first.focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**/view/nyc-carriers")


def test_marks_lead_to_this_site_when_clicked(visitor):
    open_spec(visitor, {"mark": {"type": "bar", "href": "/view/nyc-carriers"}, "encoding": XY})
    visitor.page.locator("[data-chart=old] svg [role=link]").first.click()
    visitor.page.wait_for_url("**/view/nyc-carriers")


def test_a_page_elsewhere_opens_beside_this_one_and_knows_nothing_of_it(visitor):
    open_spec(visitor, {"mark": {"type": "bar", "href": "https://localhost:9/"}, "encoding": XY})
    marks = visitor.page.locator("[data-chart=old] svg [role=link]")
    expect(marks).to_have_count(2)
    with visitor.context.expect_page() as opened:
        marks.first.click()
    assert opened.value.evaluate("window.opener") is None
    assert visitor.page.url.endswith("/view/nyc-flights")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://localhost:9/", "data:text/html,a"])
def test_marks_lead_nowhere_else(visitor, address):
    open_spec(visitor, {"mark": "bar", "encoding": XY | {"href": {"value": address}}})
    visitor.page.locator("[data-chart=old] svg .role-mark path").first.wait_for()
    assert visitor.page.locator("[data-chart=old] svg [role=link]").count() == 0
    visitor.page.locator("[data-chart=old] svg .role-mark path").first.click(force=True)
    assert visitor.page.url.endswith("/view/nyc-flights")
