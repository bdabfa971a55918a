"""Every BigQuery type in every place that shows a value, for readers far apart: all of them read the same."""

import csv
import io

import pyarrow as pa
import pytest
from playwright.sync_api import Locator, Page, Route

from tests.fixtures.stack import RunningStack
from tests.pages.boards import computed_dashboard, hover_mark
from tests.pages.type_table import KINDS, NAMES, PARAMETERS, SCALES, STANDING_FOR, TILES, write_dashboard

pytestmark = pytest.mark.timeout(400)

UNSEEN = "\u200b"
READERS = ["America/New_York", "Asia/Tokyo", "Pacific/Apia"]


@pytest.fixture(scope="module")
def slug(stack):
    with computed_dashboard(stack, "every-type", write_dashboard()) as saved:
        yield saved


def answer_as_google(route: Route) -> None:
    """The payload, with the values that the emulator does not have."""
    answer = route.fetch()
    body = answer.text()
    for held, value in STANDING_FOR.items():
        body = body.replace(f'"{held}"', f'"{value}"')
    route.fulfill(response=answer, body=body)


def read_labels(chart: Locator, role: str) -> list[str]:
    return chart.locator(f"svg .role-{role} text").all_text_contents()


def agree(shown: list[str], names: tuple[str, ...], *, cut: bool = False) -> bool:
    """Whether all names are shown, in whatever order; `cut` where long ones may end in an ellipsis."""
    plain = [one.replace(UNSEEN, "") for one in shown]
    beginnings = [one.removesuffix("…") for one in plain if cut and one.endswith("…")]
    found = (name in plain or any(map(name.startswith, beginnings)) for name in names)
    return len(shown) == len(names) and all(found)


def save(page: Page, chart: str, item: str) -> bytes:
    page.locator(f"[data-chart={chart}] .menu").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item).click()
    return download.value.path().read_bytes()


def diagnose(stack: RunningStack, call: str, yaml: str) -> list[dict[str, str]]:
    body = {"dashboards": [{"path": "every-type.yaml", "yaml": yaml}]}
    answer = stack.call("POST", f"/dashboards/{call}", json=body)
    return list(answer.json()["data"]["results"][0]["diagnostics"])


@pytest.mark.parametrize("reader", READERS)
def test_every_type_reads_the_same_in_every_place_for_every_reader(new_visitor, slug, reader):
    visitor = new_visitor(timezone_id=reader)
    visitor.sign_in()
    visitor.page.wait_for_selector(".card h2 a")
    visitor.page.route("**/data/every-type*", answer_as_google)
    visitor.open_dashboard(slug)
    page, wrong = visitor.page, []

    def expect(place: str, field: str, shown: object, wanted: object, right: bool | None = None) -> None:
        if not (shown == wanted if right is None else right):
            wrong.append(f"{place} of {field}: {shown!r}, not {wanted!r}")

    for field, names in NAMES.items():
        bar, text = (
            page.locator(f"[data-chart={kind}_{field.replace('.', '_')}]") for kind in ("bar", "text")
        )
        for role in ("axis-label", "legend-label"):
            labels = read_labels(bar, role)
            expect(role, field, labels, names, agree(labels, names, cut=True))
        for role in ("row-header", "mark"):
            labels = read_labels(text, role)
            expect(role, field, labels, names, agree(labels, names))
        said = hover_mark(page, f"bar_{field.replace('.', '_')}", at=1).values()
        expect("tooltip", field, {one.replace(UNSEEN, "") for one in said}, {"2", names[1]})
    for name, kind in SCALES.items():
        chart = f"point_{name}"
        expect("points", name, page.locator(f"[data-chart={chart}] svg .role-mark path").count(), 2)
        (said,) = hover_mark(page, chart, at=1).values()
        expect("tooltip on a scale", name, said, kind.drawn)
    for name, tile in TILES.items():
        expect("tile", name, page.locator(f"[data-chart=tile_{name}] .metric").text_content(), tile)
    cells = page.locator("[data-chart=q] tbody td").all_text_contents()
    width = len(KINDS) + 1
    for row in range(3):
        for place, (name, kind) in enumerate(KINDS.items(), 1):
            expect("table", name, cells[row * width + place], (*kind.table, kind.null)[row])
    lines = save(page, "q", "Download CSV").decode("utf-8-sig")
    for row, line in enumerate(list(csv.reader(io.StringIO(lines)))[1:]):
        for place, (name, kind) in enumerate(KINDS.items(), 1):
            expect("CSV", name, line[place], (*kind.csv, "[]" if kind.null == "[]" else "")[row])
    for name, kind in PARAMETERS.items():
        options = page.locator(f"select[name={name}] option").all_text_contents()
        expect("drop-down", name, options, [kind.address or '""'])
    assert not wrong, "\n".join(wrong)
    assert page.locator("select[name=_zone] option:checked").inner_text() == "America/New_York"


def test_a_picture_that_is_saved_has_the_same_values(visitor, slug):
    visitor.page.route("**/data/every-type*", answer_as_google)
    visitor.open_dashboard(slug)
    for name, kind in KINDS.items():
        drawn = save(visitor.page, f"text_{name}", "Download SVG").decode().replace(UNSEEN, "")
        plain = drawn.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        for value in (*kind.names, kind.null):
            assert value in plain, name


def test_an_arrow_file_has_every_value_with_its_own_type(stack, slug):
    accept = {"Accept": "application/vnd.apache.arrow.stream"}
    answer = stack.call("GET", f"/data/{slug}?query=q", headers=accept)
    assert answer.status_code == 200, answer.text
    table = pa.ipc.open_stream(answer.content).read_all()
    types = {field.name: field.metadata[b"type"].decode() for field in table.schema if field.name in KINDS}
    assert types == {name: kind.type for name, kind in KINDS.items()}
    rows = table.select(["big", "ratio", "money", "markup", "raw"]).to_pylist()
    assert [row["big"] for row in rows] == [-(2**63), 2**53 + 1, None]
    assert str(rows[0]["ratio"]) == "-0.0"
    assert str(rows[0]["money"]) == KINDS["money"].names[0]
    assert [row["markup"] for row in rows[:2]] == list(KINDS["markup"].names)
    assert [row["raw"] for row in rows[:2]] == [b"", b"hi\x00"]


def test_every_parameter_is_read_from_an_address(stack, slug):
    query = {name: kind.address for name, kind in PARAMETERS.items()}
    answer = stack.call("GET", f"/data/{slug}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["parameters"].keys() == PARAMETERS.keys()


def test_what_has_no_meaning_is_refused_and_says_so(stack):
    """A tile of many values, a parameter of a type that no address can hold; a channel is warned of."""
    nested = [name for name, kind in KINDS.items() if kind.nested]
    tiles = "\n".join(
        f"  - {{id: tile_{name}, title: {name}, query: q, type: metric, value: {name}}}" for name in nested
    )
    yaml = write_dashboard() + "\n" + tiles
    found = diagnose(stack, "compile", yaml)
    said = [(one["code"], one["severity"]) for one in found if one["pointer"].endswith("/value")]
    assert said == [("FIELD_TYPE_MISMATCH", "error")] * len(nested)
    channels = {
        one["received"] for one in found if one["severity"] == "warning" and "/encoding/" in one["pointer"]
    }
    assert channels == {"JSON", "GEOGRAPHY", "RANGE", "STRUCT", "ARRAY"}
    for name, kind in KINDS.items():
        if kind.address is None and name != "odd" and not kind.type.startswith("ARRAY"):
            other = f"parameters:\n  - {{name: other, type: '{kind.type}', default: a}}"
            found = diagnose(stack, "validate", write_dashboard().replace("parameters:", other))
            assert [one["code"] for one in found].count("INVALID_PARAMETER_TYPE") == 1, name
