"""No chart that the schema of Vega-Lite allows freezes its tab, leaves its cell, or asks for anything.

`make test-stack ARGS="tests/pages/test_chart_fuzz.py --hypothesis-profile=nightly"` draws two thousand of them.
"""

import json
from collections.abc import Iterator

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Error, Request

from tests.fixtures.chart_page import SLUG, ChartPage
from tests.pages.vega_specs import SpecMaker

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3_600)]

CHARTS = 2_000
SAMPLE = 40
PER_PAGE = 20
# Each may take two seconds in its worker, and the machine may be busy with other tests.
PAGE_MILLISECONDS = 120_000
# What a reader takes for a frozen tab; a chart that draws takes a tenth of a second.
FROZEN_MILLISECONDS = 10_000
WATCH = """
window.longest = 0;
const note = ({ duration }) => { window.longest = Math.max(window.longest, duration); };
new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: "longtask", buffered: true });
"""
# What is outside of the cells of charts, and what stands inside and should not.
LOOK = """() => {
  const all = [...document.querySelectorAll("body :not(.tooltip, .tooltip *)")];
  const inside = all.filter((one) => one.closest("[data-chart]"));
  const picture = (one) => one.href?.baseVal ?? one.src ?? "";
  return {
    outside: all.filter((one) => !inside.includes(one)).map((one) => one.tagName).join(" "),
    foreign: inside.filter((one) => one.matches("script, iframe, object, embed, link, style, base, foreignObject"))
      .map((one) => one.tagName),
    pictures: inside.filter((one) => one.matches("image, img")).map(picture).filter((one) => !one.startsWith("data:")),
  };
}"""
ASKED = ("/view/", "/assets/", "/data/", "/auth/session", f"/dashboards/{SLUG}", "/favicon.ico")
QUERY = {
    "columns": [
        {"name": "day", "type": "DATE"}, {"name": "n", "type": "INT64"}, {"name": "kind", "type": "STRING"},
        {"name": "x", "type": "FLOAT64"},
    ],
    "rows": 12,
    "values": [
        [f"2013-{month:02}-01" for month in range(1, 13)], list(range(12)), ["a", "b", "c"] * 4,
        [0.5 * number - 3 for number in range(12)],
    ],
    "truncated": False,
    "as_of": None,
    "refresh_error": None,
}  # fmt: skip


def choose_seeds() -> Iterator[range]:
    """The seeds of each page: all of them nightly, the same few otherwise."""
    count = CHARTS if settings.get_current_profile_name() == "nightly" else SAMPLE
    return (range(first, first + PER_PAGE) for first in range(0, count, PER_PAGE))


class Watch:
    """What a tab asks for, and how long it stands still."""

    def __init__(self, browser: Browser, server: ChartPage) -> None:
        self.page, self.server = browser.new_context().new_page(), server
        self.foreign: list[str] = []
        self.page.on("request", self._note)
        self.page.add_init_script(WATCH)
        # What stands around a chart that is a table and does nothing.
        server.show([{"type": "table"}], QUERY)
        self._open()
        self._frame: str = self.page.evaluate(LOOK)["outside"]

    def close(self) -> None:
        """End the tab, whatever it is doing."""
        self.page.context.close()

    def _open(self) -> None:
        self.page.goto(f"{self.server.url}/view/{SLUG}")
        cells = self.page.locator("#board:not([aria-busy]) .cell[data-chart]")
        cells.first.wait_for(timeout=PAGE_MILLISECONDS)

    def _note(self, request: Request) -> None:
        if not request.url.startswith((f"{self.server.url}/", "data:", "blob:")):
            self.foreign.append(request.url)

    def draw(self, specs: list[dict[str, object]]) -> list[str]:
        """What is wrong with a page of these charts."""
        self.foreign.clear()
        self.server.show(specs, QUERY)
        try:
            self._open()
            longest = self.page.evaluate("window.longest")
            found = self.page.evaluate(LOOK)
        except Error as error:
            return [f"the tab does not answer: {error.message.partition(chr(10))[0]}"]
        problems = [f"it stood still for {longest} ms"] if longest > FROZEN_MILLISECONDS else []
        problems += [f"it asked for {address}" for address in self.foreign]
        unasked = [path for path in self.server.asked if not path.startswith(ASKED)]
        problems += [f"it asked this site for {path}" for path in unasked]
        problems += [f"it holds {one}" for one in (*found["foreign"], *found["pictures"])]
        if found["outside"] != self._frame:
            problems.append(f"the page is no longer itself: {found['outside']} instead of {self._frame}")
        return problems


def test_no_chart_freezes_its_tab_leaves_its_cell_or_asks_for_anything(chart_page, browser):
    found = []
    watch = Watch(browser, chart_page)
    for seeds in choose_seeds():
        specs = [SpecMaker(seed).make() for seed in seeds]
        if problems := watch.draw(specs):
            found.append(f"seeds {seeds}: {problems}")
            # Which of them it is, each in a tab of its own: the former may not answer any more.
            for seed, spec in zip(seeds, specs, strict=True):
                watch.close()
                watch = Watch(browser, chart_page)
                if alone := watch.draw([spec]):
                    found.append(f"seed {seed}: {alone} by {json.dumps(spec)}")
    watch.close()
    assert found == []
