"""Rows without holes, legends to the last letter, small multiples inside their card: at every width, and on paper."""

import datetime
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.fixtures.chart_page import SLUG, ChartPage

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

DAYS = [(datetime.date(2013, 1, 1) + datetime.timedelta(days)).isoformat() for days in range(0, 90, 9)]
X = {"field": "day", "type": "temporal"}
Y = {"field": "n", "type": "quantitative"}
KIND = {"field": "kind", "type": "nominal"}
LONG = "The very long name of an airline of the western hemisphere and its partners"
UNSEEN = "\u200b"
PAPER = 718  # an A4 sheet between its margins, in CSS pixels


def make_rows(names: list[str]) -> dict[str, object]:
    rows = [(day, name, index) for day in DAYS for index, name in enumerate(names)]
    columns = {"day": "DATE", "kind": "STRING", "n": "INT64"}
    return {
        "columns": [{"name": name, "type": kind} for name, kind in columns.items()],
        "rows": len(rows), "values": [list(values) for values in zip(*rows, strict=True)],
        "truncated": False, "as_of": None, "refresh_error": None,
    }  # fmt: skip


def draw(**encoding: object) -> dict[str, object]:
    return {"mark": "bar", "encoding": {"x": X, "y": Y, **encoding}}


MANY_NAMES = [f"Kind {number}" for number in range(10, 40)]
LONG_NAMES = [f"{LONG} {number}" for number in range(4)]
QUERIES = {
    "few": make_rows([f"Kind {number}" for number in range(6)]),
    "many": make_rows(MANY_NAMES),
    "long": make_rows(LONG_NAMES),
}
FACETED = {
    "wrapped": ("few", draw(facet=KIND)),
    "asked": ("few", draw(facet={**KIND, "columns": 6})),
    "across": ("few", draw(column=KIND)),
    "down": ("long", draw(row=KIND, color=KIND)),
}
COLOURED = {"many_names": ("many", draw(color=KIND)), "long_names": ("long", draw(color=KIND))}
TILE = ("few", {"type": "metric", "value": "n"})
CHARTS = {**FACETED, **COLOURED, "one": TILE, "two": TILE, "three": TILE, "rows": ("few", {"type": "table"})}
LAYOUT = [
    [("wrapped", 12)], [("asked", 6), ("across", 3)], [("down", 5)], [("many_names", 4), ("long_names", 4)],
    [("one", 2), ("two", 2), ("three", 3)], [("rows", 5)],
]  # fmt: skip

MEASURE = """() => [...document.querySelectorAll("#board > .cell")].map((cell) => {
  const body = cell.querySelector(".body");
  const {right, top} = cell.getBoundingClientRect();
  return {id: cell.dataset.chart, right, top, overflow: body.scrollWidth - body.clientWidth};
})"""


@pytest.fixture
def board(chart_page, chart_tab) -> Page:
    """The tab, to which `open_at` gives the dashboard."""
    chart_page.show([], {})
    chart_page.payload |= {
        "queries": QUERIES,
        "charts": [
            {"id": name, "title": name, "query": query, "description": "", "spec": spec}
            for name, (query, spec) in CHARTS.items()
        ],
        "layout": [[{"chart": name, "width": width} for name, width in row] for row in LAYOUT],
    }
    return chart_tab


def open_at(page: Page, chart_page: ChartPage, width: int) -> list[dict[str, Any]]:
    """Where every cell is."""
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{chart_page.url}/view/{SLUG}")
    page.locator("#board:not([aria-busy]) .cell[data-chart]").first.wait_for()
    return list(page.evaluate(MEASURE))


def find_holes(cells: list[dict[str, Any]]) -> list[str]:
    """The cells that are last in their line and leave some of it empty."""
    edge = max(cell["right"] for cell in cells)
    lines = {cell["top"]: cell for cell in sorted(cells, key=lambda cell: float(cell["right"]))}
    return [cell["id"] for cell in lines.values() if cell["right"] < edge - 1]


def read_labels(page: Page, chart: str, role: str) -> list[str]:
    """The texts of a role, with the lines of each."""
    texts = page.locator(f"[data-chart={chart}] svg .role-{role} text").all_text_contents()
    return [text.replace(UNSEEN, "") for text in texts]


@pytest.mark.parametrize("width", [1400, 1000, 390])
def test_every_row_is_full_and_everything_stays_in_its_card(board, chart_page, width):
    cells = open_at(board, chart_page, width)
    assert len(cells) == len(CHARTS)
    assert find_holes(cells) == []
    assert {cell["id"]: cell["overflow"] for cell in cells if cell["overflow"] > 0} == {}
    for chart, names in (("long_names", LONG_NAMES), ("many_names", MANY_NAMES)):
        assert read_labels(board, chart, "legend-label") == names, chart
    assert read_labels(board, "down", "title-text")[-len(LONG_NAMES) :] == LONG_NAMES
    low = [name for name in COLOURED if plot_height(board, name) < 140]
    assert low == [], "legends took the room of these"


def plot_height(page: Page, chart: str) -> float:
    box = page.locator(f"[data-chart={chart}] svg .role-axis-grid, [data-chart={chart}] svg .role-mark").last
    found = box.bounding_box()
    assert found is not None
    return found["height"]


def test_on_paper_nothing_is_cut_off(board, chart_page):
    open_at(board, chart_page, 1400)
    board.emulate_media(media="print")
    board.set_viewport_size({"width": PAPER, "height": 1000})
    cells = board.evaluate(MEASURE)
    assert {cell["id"]: cell["overflow"] for cell in cells if cell["overflow"] > 0} == {}
    kept = board.locator(".is-drawing").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).breakInside)"
    )
    assert set(kept) == {"avoid"}
    assert board.locator(".menu:visible, .bar:visible").count() == 0
