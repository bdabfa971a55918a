"""axe finds nothing serious, in light and dark, on a desk and in the hand; screenshots on request."""

import os
from collections.abc import Iterator
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
    "editor": ("/edit/nyc-flights", ".findings-head.fine"),
    "docs": ("/docs", ".opblock"),
    "sessions": ("/sessions", ".sessions li"),
    "signed-out": ("/signed-out", "h1"),
}
# The rules about colours see the same in the hand, and all the others the same in the dark.
_COLOURS = ["color-contrast", "link-in-text-block"]
_RULES: dict[str, dict[str, object]] = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": _COLOURS}},
    "phone": {"rules": {name: {"enabled": False} for name in _COLOURS}},
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
        assert find_serious(visitor.page, look) == [], f"{name} in {look}"
        width = LOOKS[look]["viewport"]["width"]
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.mark.parametrize("look", LOOKS)
def test_nor_is_anything_serious_in_what_opens_on_a_page(new_visitor, look):
    visitor = new_visitor(**LOOKS[look])
    visitor.sign_in()
    for open_part in (open_menu_and_dialog, open_findings, open_operations, open_columns):
        for part in open_part(visitor):
            assert find_serious(visitor.page, look) == [], f"{part} in {look}"
            take_screenshot(visitor.page, f"{part}-{look}", full_page=False)


def open_menu_and_dialog(visitor) -> Iterator[str]:
    visitor.open_dashboard("nyc-flights")
    visitor.page.locator("[data-chart=delay_by_day] .menu").click()
    visitor.page.get_by_role("menuitem", name="SQL").wait_for()
    yield "menu"
    visitor.page.get_by_role("menuitem", name="SQL").click()
    visitor.page.get_by_role("dialog").locator("pre").wait_for()
    yield "dialog"


def open_findings(visitor) -> Iterator[str]:
    page = visitor.page
    visitor.open("/edit/nyc-flights")
    page.locator("#findings .fine").wait_for()
    page.locator("#code .cm-content").click()
    page.keyboard.press("ControlOrMeta+Home")
    page.keyboard.insert_text("wrong: [\n")
    page.locator("#findings li").first.wait_for()
    assert page.locator("#findings li").first.bounding_box()["y"] < page.viewport_size["height"] - 40
    yield "findings"
    if page.get_by_role("button", name="Result", exact=True).is_visible():
        page.get_by_role("button", name="Result", exact=True).click()
    page.locator("#outdated").filter(has_text="Out of date").wait_for()
    yield "outdated"


def open_operations(visitor) -> Iterator[str]:
    visitor.open("/docs")
    for path in ("/dashboards/validate", "/dashboards/{slug}"):
        operation = visitor.page.locator(f".opblock:has([data-path='{path}'])").first
        operation.locator(".opblock-summary-control").click()
        operation.locator(".try-out__btn").click()
        if "{slug}" in path:
            operation.locator(".parameters input").first.fill("nyc-flights")
        operation.locator(".execute").click()
        operation.locator(".live-responses-table .microlight").first.wait_for()
        yield f"operation{path.count('{')}"
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= visitor.page.viewport_size["width"]


def open_columns(visitor) -> Iterator[str]:
    visitor.open("/view/nyc-flights/lineage?level=column&focus=delay_by_day")
    visitor.page.locator(".node.focus").wait_for()
    yield "columns"


def find_serious(page, look: str) -> list[tuple[str, list[object]]]:
    options = {"resultTypes": ["violations"], **_RULES[look]}
    return [
        (one["id"], [node["target"] for node in one["nodes"]])
        for one in Axe().run(page, options=options).response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


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
