"""Values as tiles and tables show them: by their BigQuery type, and every digit of them right."""

import csv
import io
import json
import math
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from shared.precompute.payload.encoding import close_fragment, iterate_encoded
from tests.pages.boards import computed_dashboard
from tests.precompute.extremes import BEYOND_ARROW, EXTREMES
from tests.precompute.test_type_extremes import read

pytestmark = pytest.mark.timeout(400)

MINUS, DASH = "\u2212", "\u2013"
VALUES = {
    # name: (SQL, format of the tile, what the tile shows, what the table shows, its title there); text has no tile
    "empty": ("''", None, None, "", None),
    "agent": ("'007'", None, None, "007", None),
    "beyond": (
        "CAST(9007199254740993 AS INT64)", ",d",
        "9,007,199,254,740,993", "9,007,199,254,740,993", "9007199254740993",
    ),
    "exact": (
        "NUMERIC '12345678901234567.123456789'", ",.2f",
        "12,345,678,901,234,567.12", "12,345,678,901,234,567.123", "12345678901234567.123456789",
    ),
    "share": ("NUMERIC '0.123456789'", ".1%", "12.3%", "0.123", "0.123456789"),
    "debt": ("NUMERIC '-1234.5'", "$,.2f", f"{MINUS}$1,234.50", "-1,234.5", "-1234.5"),
    "small": ("0.00001", "", "0.00001", "0.00001", None),
    "smaller": ("1.5e-9", "", "1.5E-9", "1.5E-9", "1.5e-9"),
    "large": ("1.5e300", "", "1.5E300", "1.5E300", "1.5e+300"),
    "mean": ("1234.56789", ",.1f", "1,234.6", "1,234.568", "1234.56789"),
    "moment": (
        "TIMESTAMP '2013-07-04 12:30:15.123456+00'", "",
        "2013-07-04 12:30:15 UTC", "2013-07-04 12:30:15 UTC", "2013-07-04T12:30:15.123456Z",
    ),
    "day": ("DATE '2013-07-04'", "", "2013-07-04", "2013-07-04", None),
    "missing": ("CAST(NULL AS INT64)", ",d", DASH, DASH, "NULL"),
    "flag": ("TRUE", "", "true", "true", None),
}  # fmt: skip
TILES = {name: (pattern, tile) for name, (_, pattern, tile, *_) in VALUES.items() if pattern is not None}
ORDER = "SELECT 'a' AS name, NUMERIC '12345678901234567.2' AS exact UNION ALL SELECT 'b', NUMERIC '12345678901234567.1'"


def write_dashboard() -> str:
    columns = ", ".join(f"{sql} AS {name}" for name, (sql, *_) in VALUES.items())
    tiles = "\n".join(
        f'  - {{id: {name}, title: {name}, query: all, type: metric, value: {name}, format: "{pattern}"}}'
        for name, (pattern, _) in TILES.items()
    )
    others = [*(name for name in TILES if name != "beyond"), "rows", "order", "no_rows", "no_number"]
    rows = "\n".join(f"  - [{{chart: {name}}}]" for name in others)
    return f"""\
version: 1
slug: all-values
title: Values
dataset: nyc
queries:
  all: {{sql: "SELECT {columns}"}}
  order: {{sql: "{ORDER}"}}
  none: {{sql: "SELECT 1 AS n FROM airlines WHERE carrier = 'none'"}}
charts:
{tiles}
  - {{id: rows, title: Rows, query: all, type: table}}
  - {{id: order, title: Order, query: order, type: table}}
  - {{id: no_rows, title: No rows, query: none, type: table}}
  - {{id: no_number, title: No number, query: none, type: metric, value: n}}
  - {{id: no_bars, title: No bars, query: none, mark: bar, encoding: {{x: {{field: n, type: quantitative}}}}}}
layout:
  - [{{chart: beyond, width: 3}}, {{chart: no_bars, width: 9}}]
{rows}
"""


@pytest.fixture(scope="module")
def slug(stack):
    with computed_dashboard(stack, "all-values", write_dashboard()) as saved:
        yield saved


@pytest.fixture
def board(slug, visitor):
    visitor.open_dashboard(slug)
    visitor.page.locator("[data-chart=no_bars] .nothing").wait_for()
    return visitor.page


def test_every_value_is_shown_by_its_type_and_to_the_last_digit(board):
    tiles = {name: board.locator(f"[data-chart={name}] .metric").inner_text() for name in TILES}
    assert tiles == {name: tile for name, (_, tile) in TILES.items()}
    cells = board.locator("[data-chart=rows] tbody td")
    assert cells.all_inner_texts() == [text for _, _, _, text, _ in VALUES.values()]
    titles = [cells.nth(index).get_attribute("title") for index in range(cells.count())]
    assert titles == [title for *_, title in VALUES.values()]


def test_numbers_that_doubles_cannot_tell_apart_are_in_order(board):
    table = board.locator("[data-chart=order] table")
    table.get_by_role("button", name="exact").click()
    assert table.locator("tbody td:nth-child(1)").all_inner_texts() == ["a", "b"]
    table.get_by_role("button", name="exact").click()
    assert table.locator("tbody td:nth-child(1)").all_inner_texts() == ["b", "a"]


def test_a_query_without_rows_says_so_in_the_same_words_everywhere(board):
    said = [
        board.locator(f"[data-chart={name}] .nothing").inner_text()
        for name in ("no_rows", "no_number", "no_bars")
    ]
    assert set(said) == {"The query answered no rows."}


def test_a_tile_beside_a_chart_stays_as_high_as_its_number(board):
    heights = [
        board.locator(f"[data-chart={name}]").bounding_box()["height"] for name in ("beyond", "no_bars")
    ]
    assert heights[0] < 130 < 200 < heights[1]


ENDS = (*EXTREMES, *BEYOND_ARROW)


def serve_ends(route: Route) -> None:
    """The payload, with the ends of every type as the rows of the table."""
    fields, result = read(ENDS, "rest")
    encoded = json.loads(close_fragment(b"".join(iterate_encoded(fields, result)), None, None))
    answer = route.fetch()
    body = answer.json()
    body["data"]["queries"]["all"] = encoded
    route.fulfill(response=answer, body=json.dumps(body))


def take_csv(page: Page) -> tuple[str, dict[str, str]]:
    """The text of the table's file, and its first row."""
    page.get_by_role("button", name="Menu of Rows", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download CSV").click()
    text = download.value.path().read_bytes().decode("utf-8-sig")
    names, first, again = csv.reader(io.StringIO(text, newline=""))
    assert first == again
    return text, dict(zip(names, first, strict=True))


def write_value(value: Any) -> str:
    """As a program of this kind reads it back: a text as it is, all else as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("-0.0", "-0")


def test_a_file_has_every_type_to_its_ends(slug, visitor):
    page = visitor.page
    page.route(f"**/data/{slug}*", serve_ends)
    visitor.open_dashboard(slug)
    text, row = take_csv(page)
    assert list(row) == [one.name for one in ENDS]
    for one in ENDS:
        if isinstance(one.expected, float) and not math.isnan(one.expected):
            assert math.copysign(1, float(row[one.name])) == math.copysign(1, one.expected), one.name
            assert float(row[one.name]) == one.expected, one.name
        else:
            assert row[one.name] == write_value(one.expected), one.name
    assert row["float_back_zero"] == "-0"
    assert row["interval_least"].startswith("-10000-0 ")
    # A text without characters is one, and no NULL.
    assert text.count(',"",') == 2 * sum(one.expected == "" for one in ENDS)
    page.goto(f"{page.url.partition('?')[0]}?_zone=Asia%2FTokyo")
    visitor.wait_painted()
    _, elsewhere = take_csv(page)
    for name in ("timestamp_first", "timestamp_last"):
        assert datetime.fromisoformat(elsewhere[name]) == datetime.fromisoformat(row[name])
    assert elsewhere["timestamp_first"].startswith("0001-01-01T09:")
