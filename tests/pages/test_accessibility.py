"""axe finds nothing serious, in light and dark, on a desk and in the hand; screenshots on request."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.timeout(400)

PAGES = {
    "list": ("/", ".card h2 a"),
    "flights": ("/view/nyc-flights", ".is-drawing svg"),
    "carriers": ("/view/nyc-carriers", ".is-drawing svg"),
    "weather": ("/view/nyc-weather-delays", ".is-drawing svg"),
    "missing": ("/view/nyc-flights/nothing", "h1"),
    "lineage": ("/view/nyc-flights/lineage", ".node"),
    "editor": ("/edit/nyc-flights", "#plan dt"),
    "docs": ("/docs", ".opblock"),
    "sessions": ("/sessions", ".sessions li"),
    "signed-out": ("/signed-out", "h1"),
}
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_reports_nothing_serious_and_nothing_is_wider_than_the_window(new_visitor, look):
    visitor = new_visitor(**LOOKS[look])
    visitor.sign_in()
    for name, (path, sign) in PAGES.items():
        visitor.open(path)
        visitor.page.wait_for_selector(sign)
        if path.startswith("/view") and not path.endswith(("lineage", "nothing")):
            visitor.wait_painted()
        take_screenshot(visitor.page, f"{name}-{look}", full_page=name != "editor")
        found = Axe().run(visitor.page).response["violations"]
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == [], f"{name} in {look}"
        width = LOOKS[look]["viewport"]["width"]
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, name


def take_screenshot(page, name: str, *, full_page: bool) -> None:
    """Keep a picture when SCREENSHOTS names a folder; `docs/screenshots` is made like this."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=full_page)


def test_everything_can_be_reached_by_keyboard(visitor):
    visitor.open_dashboard("nyc-flights")
    page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("[data-chart=delay_by_day] .menu").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="SQL").wait_for()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "Plan and cost"
    page.keyboard.press("Escape")
    assert page.get_by_role("menuitem").count() == 0
