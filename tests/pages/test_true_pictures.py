"""What is drawn is what BigQuery said, for every reader: exact values, one zone, every name, every listed value."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.pages.boards import computed_dashboard, hover_mark

pytestmark = pytest.mark.timeout(400)

CASES = Path(__file__).parent / "cases"
READERS = ["America/New_York", "Asia/Tokyo", "Pacific/Apia"]
MONTHS = ["Jan 2013", "Feb 2013", "Mar 2013"]
DAYS = ["2013-01-01", "2013-02-01", "2013-03-01"]
IDS = ["9007199254740992", "9007199254740993", "9007199254740994"]

ZONED = """\
version: 1
slug: zoned
title: One zone
dataset: nyc
time_zone: America/New_York
queries:
  q: {sql: "SELECT TIMESTAMP '2013-01-01 03:00:00.25+00' AS seen, DATE '2013-01-01' AS day, DATETIME '2013-01-01 03:00:00' AS clock, 2013 AS year, 1 AS n, 9007199254740993 AS big, DATE(TIMESTAMP '2013-01-01 03:00:00+00') AS its_day"}
charts:
  - {id: bars, title: Bars, query: q, mark: bar, encoding: {x: {field: seen, timeUnit: yearmonthdate, type: ordinal}, y: {field: n, type: quantitative}}}
  - {id: names, title: Names, query: q, mark: bar, encoding: {x: {field: seen, type: nominal}, y: {field: n, type: quantitative}}}
  - {id: point, title: Point, query: q, mark: point, encoding: {x: {field: seen, type: temporal}, y: {field: big, type: quantitative}, color: {field: day, type: temporal}}}
  - {id: years, title: Years, query: q, mark: point, encoding: {x: {field: year, type: quantitative, scale: {zero: false}}, y: {field: n, type: quantitative}}}
  - {id: asked, title: Asked for UTC, query: q, mark: bar, encoding: {x: {field: seen, timeUnit: utcyearmonthdate, type: ordinal}, y: {field: n, type: quantitative}}}
  - {id: worked, title: Worked out, query: q, mark: text, transform: [{calculate: "year(datum.clock) + '/' + (month(datum.clock) + 1) + '/' + date(datum.clock) + ' ' + hours(datum.clock)", as: made}], encoding: {text: {field: made, type: nominal}}}
  - {id: tile, title: Tile, query: q, type: metric, value: seen}
  - {id: year, title: Year, query: q, type: metric, value: year}
  - {id: rows, title: Rows, query: q, type: table}
"""  # noqa: E501 - one chart a line


def read_case(name: str) -> str:
    return (CASES / f"{name}.yaml").read_text()


def axis_labels(chart: Locator, role: str = "axis") -> list[str]:
    return chart.locator(f"svg .role-{role}-label text").all_text_contents()


@pytest.fixture(scope="module")
def dates(stack):
    with computed_dashboard(stack, "case-dates", read_case("dates-drawn")) as slug:
        yield slug


@pytest.fixture(scope="module")
def zoned(stack):
    with computed_dashboard(stack, "zoned", ZONED) as slug:
        yield slug


@pytest.mark.parametrize("reader", READERS)
def test_a_date_is_that_date_wherever_it_is_read(new_visitor, dates, reader):
    visitor = new_visitor(timezone_id=reader)
    visitor.sign_in()
    visitor.page.wait_for_selector(".card h2 a")
    visitor.complaints.clear()  # the provider's own page asks for styles from elsewhere
    visitor.open_dashboard(dates)
    page = visitor.page
    page.locator("[data-chart=ids] svg").wait_for()
    for chart in ("bymonth", "ts", "tsutc"):
        assert axis_labels(page.locator(f"[data-chart={chart}]"))[:3] == MONTHS, chart
    assert axis_labels(page.locator("[data-chart=colour]"), "legend") == DAYS
    assert [hover_mark(page, "bydate", at=index)["d"] for index in range(3)] == DAYS
    assert hover_mark(page, "colour", at=2) == {"d": "2013-03-01", "n": "2"}
    assert page.locator("[data-chart=sday] svg .role-mark path").count() == 3
    assert hover_mark(page, "sday", at=1) == {"s.day": "2013-02-01", "n": "1"}
    assert page.locator("[data-chart=rows] tbody td:nth-child(1)").all_inner_texts() == DAYS
    assert (
        page.locator("[data-chart=rows] tbody td:nth-child(3)").first.inner_text()
        == "2013-01-01 00:00:00 UTC"
    )
    assert visitor.complaints == []


def test_ids_beyond_doubles_are_bars_of_their_own_in_their_order(visitor, dates):
    visitor.open_dashboard(dates)
    chart = visitor.page.locator("[data-chart=ids]")
    chart.locator("svg").wait_for()
    assert [label for label in axis_labels(chart) if len(label) > 5] == IDS
    assert chart.locator("svg .role-mark path").count() == 3
    assert hover_mark(visitor.page, "ids", at=1) == {"n": "2", "id": IDS[1]}


@pytest.mark.parametrize("reader", READERS)
def test_axis_table_tile_and_tooltip_agree_on_the_zone_and_name_it(new_visitor, zoned, reader):
    visitor = new_visitor(timezone_id=reader)
    visitor.sign_in(path=f"/view/{zoned}")
    visitor.wait_painted()
    page = visitor.page
    page.locator("[data-chart=worked] svg").wait_for()
    assert axis_labels(page.locator("[data-chart=bars]"))[0] == "Dec 31, 2012"
    assert axis_labels(page.locator("[data-chart=asked]"))[0] == "Jan 01, 2013"
    assert axis_labels(page.locator("[data-chart=names]"))[0].startswith("2012-12-31 22:00:00.25")
    titles = page.locator("[data-chart=bars] svg .role-axis-title text").all_text_contents()
    assert "seen (America/New_York) (year-month-date)" in titles
    said = hover_mark(page, "point")
    assert said["seen (America/New_York)"] == "2012-12-31 22:00:00.250"
    assert said["day"] == "2013-01-01"
    assert said["big"] == "9,007,199,254,740,993"
    assert page.locator("[data-chart=worked] svg .role-mark text").text_content() == "2013/1/1 3"
    assert page.locator("[data-chart=tile] .metric").inner_text() == "2012-12-31 22:00:00 EST"
    cells = page.locator("[data-chart=rows] tbody td").all_inner_texts()
    assert cells[:4] == ["2012-12-31 22:00:00 EST", "2013-01-01", "2013-01-01 03:00:00", "2013"]
    assert cells[6] == "2012-12-31"  # the job's own zone is that of the file
    assert page.locator("select[name=_zone] option:checked").inner_text() == "America/New_York"


def test_the_reader_may_choose_another_zone_and_the_address_keeps_it(visitor, zoned):
    visitor.open_dashboard(zoned)
    page = visitor.page
    page.select_option("select[name=_zone]", "Asia/Tokyo")
    expect(page.locator("[data-chart=tile] .metric")).to_have_text("2013-01-01 12:00:00 GMT+9")
    assert page.url.endswith("/view/zoned?_zone=Asia%2FTokyo")
    assert axis_labels(page.locator("[data-chart=bars]"))[0] == "Jan 01, 2013"
    page.get_by_role("button", name="Menu of Rows").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download CSV").click()
    assert "2013-01-01T12:00:00.250000+09:00" in download.value.path().read_text()
    page.reload()
    visitor.wait_painted()
    expect(page.locator("[data-chart=tile] .metric")).to_have_text("2013-01-01 12:00:00 GMT+9")


def test_numbers_that_are_names_have_no_separators(visitor, zoned):
    visitor.open_dashboard(zoned)
    page = visitor.page
    page.locator("[data-chart=years] svg").wait_for()
    assert page.locator("[data-chart=year] .metric").inner_text() == "2013"
    assert not any("," in label for label in axis_labels(page.locator("[data-chart=years]")))
    assert hover_mark(page, "years")["year"] == "2013"


def test_one_infinity_is_a_gap_and_a_note(visitor, stack):
    with computed_dashboard(stack, "case-inf", read_case("infinity")) as slug:
        visitor.open_dashboard(slug)
        page = visitor.page
        page.locator("[data-chart=mean] svg").wait_for()
        for chart in ("line", "area", "point", "colour", "mean"):
            note = page.locator(f"[data-chart={chart}] .note.gaps")
            assert note.inner_text().startswith("1 value that is no finite number"), chart
        labels = axis_labels(page.locator("[data-chart=line]"))
        ratios = [float(label) for label in labels if re.fullmatch(r"\d(\.\d+)?", label)]
        assert max(ratios) == 2
        assert page.locator("[data-chart=point] svg .role-mark path").count() == 19
        line = page.locator("[data-chart=line] svg .role-mark path").get_attribute("d")
        assert line.count("M") == 2
        assert page.locator("[data-chart=tile] .note.gaps").count() == 0


def test_every_name_that_bigquery_allows_is_drawn(visitor, stack):
    with computed_dashboard(stack, "case-names", read_case("names")) as slug:
        visitor.open_dashboard(slug)
        page = visitor.page
        page.locator("[data-chart=c8] svg").wait_for()
        for chart in [f"c{number}" for number in range(1, 9)]:
            assert page.locator(f"[data-chart={chart}] svg .role-mark path").count() == 2, chart
        titles = page.locator("[data-chart=c2] svg .role-axis-title text").all_text_contents()
        assert sorted(titles) == ["it's", "net+vat=x&y"]
        assert axis_labels(page.locator("[data-chart=c5]"))[:2] == ["y", "x"]
        assert hover_mark(page, "c2") == {"it's": "x", "net+vat=x&y": "1"}
        assert page.get_by_role("alert").count() == 0
        assert visitor.complaints == []


def test_an_empty_list_that_is_listed_can_be_chosen(visitor, stack):
    with computed_dashboard(stack, "case-empty", read_case("empty-array")) as slug:
        visitor.open_dashboard(slug)
        page = visitor.page
        select = page.locator("select[name=tags]")
        assert select.locator("option").all_inner_texts() == ["a", "[]"]
        select.select_option(label="[]")
        expect(page.locator("tbody td")).to_have_text("0")
        assert page.url.endswith("?tags=%7Eempty")
        assert select.locator("option:checked").inner_text() == "[]"


def test_every_listed_value_is_reached_and_keeps_every_digit(visitor, stack):
    with computed_dashboard(stack, "case-params", read_case("parameters")) as slug:
        visitor.open_dashboard(slug)
        page = visitor.page
        exact = page.locator("select[name=n] option").all_inner_texts()
        assert exact == ["12345678901234567.89", "1", "1.1"]
        assert page.locator("tbody td").nth(4).get_attribute("title") == "12345678901234567.89"
        lists = {"[]": "", "a, b": "a|b", "b, a": "b|a", '"", " "': "| ", "NO": "NO"}
        assert page.locator("select[name=tags] option").all_inner_texts() == list(lists)
        for shown, joined in lists.items():
            page.locator("select[name=tags]").select_option(label=shown)
            expect(page.locator("#board:not([aria-busy])")).to_be_visible()
            expect(page.locator("tbody td").nth(1)).to_have_text(
                str(len(joined.split("|"))) if joined else "0"
            )
            assert page.locator("tbody td").nth(3).text_content() == joined


ASKED = """\
version: 1
slug: asked-days
title: Days that are asked for
dataset: nyc
parameters:
  - {name: from, type: DATE, default: 2013-01-01, allow_other: true, description: First day}
  - {name: to, type: DATE, default: 2013-01-02, allow_other: true, description: Last day}
  - {name: airports, type: ARRAY<STRING>, default: [JFK], allow_other: true}
queries:
  q:
    sql: |
      SELECT FORMAT_DATE('%F', @from) AS first, ARRAY_TO_STRING(@airports, '|') AS airports, @to AS last
charts:
  - {id: rows, title: Rows, query: q, type: table}
"""


@pytest.fixture(scope="module")
def asked_days(stack):
    with computed_dashboard(stack, "asked-days", ASKED) as slug:
        yield slug


def test_a_beginning_after_its_end_is_refused_where_it_is_typed(visitor, asked_days):
    visitor.open_dashboard(asked_days)
    page, asked = visitor.page, []
    page.on("request", lambda request: asked.append(request.url))
    first = page.locator("input[name=from]")
    first.fill("2013-01-31 ")
    first.press("Tab")
    expect(page.get_by_role("alert")).to_have_text(
        "First day is 2013-01-31, after Last day, which is 2013-01-02: nothing was asked."
    )
    assert (asked, page.url.endswith(f"/view/{asked_days}")) == ([], True)


def test_the_service_refuses_a_beginning_after_its_end_before_it_runs_anything(stack, asked_days):
    values = {"from": "2013-01-31", "to": "2013-01-02"}
    read = stack.call("GET", f"/data/{asked_days}?from=2013-01-31")
    run = stack.call("POST", "/precompute/variant", json={"slug": asked_days, "parameters": values})
    for answer in (read, run):
        assert answer.status_code == 400, answer.text
        assert "from is 2013-01-31, after to, which is 2013-01-02" in answer.json()["error"]["message"]


def test_a_typed_list_is_read_as_people_mean_it_and_the_picture_stays_until_the_next(visitor, asked_days):
    visitor.open_dashboard(asked_days)
    page, cells = visitor.page, visitor.page.locator("[data-chart=rows] tbody td")
    page.locator("input[name=airports]").fill('LGA,  EWR, "a, b"')
    page.locator("input[name=airports]").press("Tab")
    page.get_by_role("button", name="Compute now").wait_for()
    assert page.url.endswith("?airports=LGA&airports=EWR&airports=a%2C+b")
    assert page.locator("#board.former [data-chart=rows]").count() == 1
    assert cells.nth(1).inner_text() == "JFK"
    assert page.locator("input[name=airports]").input_value() == 'LGA, EWR, "a, b"'
    page.get_by_role("button", name="Compute now").click()
    expect(cells.nth(1)).to_have_text("LGA|EWR|a, b", timeout=20_000)
    assert page.locator("#board.former").count() == 0
    assert page.get_by_role("button", name="Compute now").count() == 0


def test_a_table_ends_on_a_full_row_and_a_number_never_breaks(new_visitor, stack):
    sql = "SELECT n AS year, REPEAT('word ', MOD(n, 7)) AS some_words FROM UNNEST(GENERATE_ARRAY(1, 90)) AS n"
    yaml = f"""\
version: 1
slug: long-table
title: Long
dataset: nyc
queries:
  q: {{sql: "{sql}"}}
  n: {{sql: "SELECT NUMERIC '-12345678901234567890.123456789' AS exact"}}
charts:
  - {{id: rows, title: Rows, query: q, type: table}}
  - {{id: tile, title: Tile, query: n, type: metric, value: exact, format: ",.9f"}}
layout:
  - [{{chart: tile, width: 2}}]
  - [{{chart: rows}}]
"""
    with computed_dashboard(stack, "long-table", yaml) as slug:
        for width in (1280, 390):
            visitor = new_visitor(viewport={"width": width, "height": 800})
            visitor.sign_in(path=f"/view/{slug}")
            visitor.wait_painted()
            page = visitor.page
            assert page.locator("[data-chart=rows] th").all_inner_texts() == ["Year", "Some words"]
            scroll = page.locator("[data-chart=rows] .scroll")
            box = scroll.bounding_box()
            edge = box["y"] + box["height"]
            rows = [row.bounding_box() for row in page.locator("[data-chart=rows] tbody tr").all()]
            assert rows[-1]["y"] > edge
            assert [row for row in rows if row["y"] + 1 < edge < row["y"] + row["height"] - 1.5] == []
            tile = page.locator("[data-chart=tile] .metric")
            assert tile.evaluate("element => element.getClientRects().length") == 1
            assert tile.bounding_box()["height"] < 45
