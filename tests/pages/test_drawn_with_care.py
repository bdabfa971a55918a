"""Charts for who looks closely, takes them along, or does not see them."""

import struct

import pytest
from playwright.sync_api import expect

from tests.pages.boards import computed_dashboard

pytestmark = pytest.mark.timeout(400)

CAREFUL = """\
version: 1
slug: careful
title: Careful
dataset: nyc
time_zone: America/New_York
queries:
  q:
    sql: |
      SELECT day, delay FROM (
        SELECT DATE '2013-01-01' AS day, 5.5 AS delay UNION ALL SELECT DATE '2013-01-02', 9
        UNION ALL SELECT DATE '2013-01-03', 1
      ) ORDER BY delay
charts:
  - {id: line, title: "Delay <by> day", query: q, mark: line, encoding: {x: {field: day, type: temporal}, y: {field: delay, type: quantitative}}}
  - {id: counts, title: Counts, query: q, mark: bar, encoding: {x: {field: day, type: nominal}, y: {aggregate: count}}}
"""  # noqa: E501 - one chart a line


@pytest.fixture(scope="module")
def slug(stack):
    with computed_dashboard(stack, "careful", CAREFUL) as saved:
        yield saved


@pytest.fixture
def page(visitor, slug):
    visitor.open_dashboard(slug)
    visitor.page.locator("[data-chart=counts] svg").wait_for()
    return visitor.page


def test_a_chart_is_told_in_words_made_from_its_rows(page):
    told = page.locator("[data-chart=line] .body svg").first.get_attribute("aria-label")
    assert told == (
        "Delay <by> day. A line chart of 3 rows. day from 2013-01-01 to 2013-01-03. delay between 1 and 9. "
        "Falls from 5.5 at 2013-01-01 to 1 at 2013-01-03. Highest 9 at 2013-01-02, lowest 1 at 2013-01-03"
    )
    told = page.locator("[data-chart=counts] .body svg").first.get_attribute("aria-label")
    assert told == (
        "Counts. A bar chart of 3 rows. 3 values of day: 2013-01-01, 2013-01-02, 2013-01-03. Number of rows"
    )


def test_the_rows_of_a_chart_are_one_key_away(page):
    page.locator("[data-chart=line] .body").focus()
    page.keyboard.press("Enter")
    rows = page.get_by_role("dialog").locator("tbody tr")
    expect(rows).to_have_count(3)


def test_a_line_answers_for_the_nearest_point(page):
    line = page.locator("[data-chart=line] svg .role-mark path").first
    box = line.bounding_box()
    said = []
    for x, y in (
        (box["x"] + 12, box["y"] + box["height"] / 2),
        (box["x"] + box["width"] - 9, box["y"] + box["height"] - 9),
    ):
        page.mouse.move(x, y)
        page.locator(".tooltip:not([hidden])").wait_for()
        said.append(page.locator(".tooltip td").all_inner_texts())
    assert said == [["2013-01-01", "5.5"], ["2013-01-03", "1"]]
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 4)
    expect(page.locator(".tooltip")).to_be_hidden()


def test_a_picture_that_is_taken_along_says_what_it_is_and_from_where_and_when(page, slug):
    saved = {}
    for kind in ("SVG", "PNG"):
        page.locator("[data-chart=line] .menu").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Download {kind}").click()
        saved[kind] = download.value.path().read_bytes()
    text = saved["SVG"].decode()
    assert "Delay &#60;by&#62; day" in text
    assert f"/view/{slug} · as of 20" in text
    assert " EST<" in text or " EDT<" in text
    drawn = page.locator("[data-chart=line] .body svg").first.bounding_box()
    width, height = struct.unpack(">II", saved["PNG"][16:24])
    assert width >= 2 * drawn["width"] - 2
    assert height >= 2 * (drawn["height"] + 50)
