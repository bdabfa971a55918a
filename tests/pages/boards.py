"""Dashboards that a test saves, looks at and takes away again."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page

from tests.fixtures.stack import RunningStack


@contextmanager
def computed_dashboard(stack: RunningStack, slug: str, yaml: str) -> Iterator[str]:
    """Save and compute a dashboard; it is gone afterwards."""
    body = {"dashboards": [{"path": f"{slug}.yaml", "yaml": yaml}]}
    saved = stack.call("POST", "/dashboards/save", json=body)
    assert saved.status_code == 200, saved.text
    computed = stack.call("POST", "/precompute", json={"slugs": [slug]})
    assert computed.status_code == 200, computed.text
    yield slug
    stack.query("UPDATE dashboards_index SET deleted_at = now() WHERE slug = :slug", slug=slug)


def hover_mark(page: Page, chart: str, marks: str = "path", at: int = 0) -> dict[str, str]:
    """What the tooltip of a mark says, by its titles."""
    page.mouse.move(0, 0)
    page.locator(f"[data-chart={chart}] svg .role-mark {marks}").nth(at).hover(force=True)
    page.locator(".tooltip:not([hidden])").wait_for()
    rows = page.locator(".tooltip tr")
    return {
        rows.nth(index).locator("th").inner_text(): rows.nth(index).locator("td").inner_text()
        for index in range(rows.count())
    }
