"""What each page weighs, compressed, against the budget that docs/pages.md states; needs no browser."""

import gzip
import re

import pytest

from deploy.local.parts import REPOSITORY
from shared.api.pages.assets import DIST

_NAMED = re.compile(r'(?:src|href)="/assets/([^"]+\.(?:js|css))"')
_STATED = re.compile(r"^\| `(\w+)`[^|]*\| (\d+) kB \| (\d+) kB \|", re.M)
STATED = {
    name: (int(weight), int(budget))
    for name, weight, budget in _STATED.findall((REPOSITORY / "docs" / "pages.md").read_text())
}
PAGES = {"list", "view", "edit", "lineage", "docs"}


def weigh(name: str) -> float:
    """Kilobytes of a page's shell with what it names, or of the chunk that draws charts."""
    if name == "vega":
        (path,) = DIST.glob("assets/vega_view-*.js")
        return len(gzip.compress(path.read_bytes(), mtime=0)) / 1000
    shell = (DIST / f"{name}.html").read_bytes()
    files = [shell, *((DIST / "assets" / found).read_bytes() for found in _NAMED.findall(shell.decode()))]
    return sum(len(gzip.compress(content, mtime=0)) for content in files) / 1000


def test_the_weight_of_every_page_is_stated():
    assert STATED.keys() == PAGES | {"vega"}


@pytest.mark.parametrize("name", sorted(STATED))
def test_a_page_weighs_what_is_stated_and_keeps_its_budget(name):
    stated, budget = STATED[name]
    weight = weigh(name)
    assert weight <= budget
    assert abs(weight - stated) <= max(1, stated * 0.05), f"docs/pages.md states {stated} kB of {name}"


def test_a_first_chart_costs_a_new_reader_330_kilobytes_at_most():
    assert weigh("view") + weigh("vega") <= 330


def test_a_chart_can_be_asked_for_without_waiting_for_vega():
    """Tiles and tables are drawn while Vega is still on its way."""
    assert "vega_view" not in (DIST / "view.html").read_text()
