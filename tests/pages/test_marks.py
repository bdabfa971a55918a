"""Every mark of Vega-Lite draws something, or says why it cannot."""

import pytest

from shared.dashboards.definition.published_schema import list_marks
from tests.pages.boards import computed_dashboard

pytestmark = pytest.mark.timeout(400)

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
ROWS = " UNION ALL ".join(
    f"SELECT '{'abc'[number % 3]}' AS kind, {number} AS n, {number * number} AS square" for number in range(9)
)
XY = "x: {field: n, type: quantitative}, y: {field: square, type: quantitative}"
ENCODINGS = {
    "arc": "theta: {field: n, type: quantitative}, color: {field: kind, type: nominal}",
    "boxplot": "x: {field: kind, type: nominal}, y: {field: square, type: quantitative}",
    "errorbar": "x: {field: kind, type: nominal}, y: {field: square, type: quantitative}",
    "errorband": "x: {field: kind, type: ordinal}, y: {field: square, type: quantitative}",
    "image": f"{XY}, url: {{value: '{PIXEL}'}}",
    "rect": "x: {field: n, type: ordinal}, y: {field: kind, type: nominal}, color: {field: square, type: quantitative}",
    "text": f"{XY}, text: {{field: kind, type: nominal}}",
}
DRAWN = [name for name in list_marks() if name != "geoshape"]
BLANK = {
    "geoshape": ("geoshape", "color: {field: n, type: quantitative}", "holds no shapes"),
    "address": ("image", f"{XY}, url: {{value: 'https://example.com/a.png'}}", "no picture from an address"),
    "nulls": ("bar", "x: {field: absent, type: quantitative}", "none gives a bar"),
}


def write_chart(name: str, mark: str, encoding: str) -> str:
    return f"  - {{id: {name}, title: {name}, query: rows, mark: {mark}, encoding: {{{encoding}}}}}"


def write_dashboard() -> str:
    charts = [write_chart(f"mark_{name}", name, ENCODINGS.get(name, XY)) for name in DRAWN]
    charts += [write_chart(name, mark, encoding) for name, (mark, encoding, _) in BLANK.items()]
    return "\n".join(
        [
            "version: 1", "slug: all-marks", "title: Marks", "dataset: nyc", "queries:",
            f'  rows: {{sql: "SELECT *, CAST(NULL AS FLOAT64) AS absent FROM ({ROWS})"}}', "charts:", *charts,
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def board(stack):
    with computed_dashboard(stack, "all-marks", write_dashboard()) as slug:
        yield slug


def test_every_mark_is_drawn_or_says_why_not(visitor, board):
    visitor.open_dashboard(board)
    page = visitor.page
    page.locator("[data-chart=nulls] .nothing").wait_for()
    drawn = {name: page.locator(f"[data-chart=mark_{name}] svg .role-mark > *").count() for name in DRAWN}
    assert {name for name, count in drawn.items() if count == 0} == set()
    for name, (_, _, reason) in BLANK.items():
        cell = page.locator(f"[data-chart={name}]")
        assert reason in cell.locator(".nothing").inner_text()
        assert cell.locator("tbody tr").count() == 9
    assert page.get_by_role("alert").count() == 0
    assert visitor.complaints == []


@pytest.mark.parametrize("name", ["mark_boxplot", "mark_rule", "mark_errorbar", "mark_tick", "mark_text"])
def test_no_mark_is_black_on_a_dark_page(new_visitor, board, name):
    visitor = new_visitor(color_scheme="dark")
    visitor.sign_in(path=f"/view/{board}")
    visitor.wait_painted()
    marks = visitor.page.locator(f"[data-chart={name}] svg .role-mark > *")
    colours = {
        marks.nth(index).get_attribute(kind) for index in range(marks.count()) for kind in ("fill", "stroke")
    }
    assert colours & {"black", "#000", "#000000", "rgb(0, 0, 0)"} == set()
