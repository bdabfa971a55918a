"""What comes from a dashboard or the warehouse stays text, and the pages obey a strict policy."""

import csv
import re

import pytest
from playwright.sync_api import expect

from shared.api.manifest import load_manifest
from shared.api.routes import RouteAuth
from tests.fixtures.stack import ADMIN, EDITOR, VIEWER
from tests.pages.boards import computed_dashboard

pytestmark = pytest.mark.timeout(400)

HOSTILE = "<img src=x onerror=window.pwned=1>"
DASHBOARD = f"""\
version: 1
slug: hostile-words
title: "{HOSTILE}"
description: "{HOSTILE}"
owner: data@example.com
tags: [sample]
dataset: nyc
parameters:
  - {{name: word, type: STRING, default: "{HOSTILE}", description: "{HOSTILE}"}}
queries:
  words:
    sql: |
      SELECT @word AS word, '{HOSTILE}' AS bold, COUNT(*) AS flights
      FROM flights WHERE flight_date BETWEEN '2013-01-01' AND '2013-01-02' GROUP BY word
charts:
  - {{id: words_metric, title: "{HOSTILE}", query: words, type: metric, value: word}}
  - {{id: words_table, title: "{HOSTILE}", query: words, type: table}}
  - id: words_bar
    title: "{HOSTILE}"
    query: words
    mark: {{type: bar, tooltip: true}}
    encoding:
      x: {{field: word, type: nominal, title: "{HOSTILE}"}}
      y: {{field: flights, type: quantitative, title: "{HOSTILE}"}}
      color: {{field: bold, type: nominal}}
"""


NAMES = ("constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "__proto__")
NAMED = "\n".join(
    [
        "version: 1", "slug: hostile-names", "title: Names of object members", "dataset: nyc", "queries:",
        "  rows: {sql: 'SELECT " + ", ".join(f"n AS {name}" for name in NAMES) + " FROM UNNEST([1, 2, 3]) AS n'}",
        "charts:",
        "  - {id: table, title: Table, query: rows, type: table}",
        "  - {id: metric, title: Metric, query: rows, type: metric, value: constructor}",
        *(
            f"  - {{id: c{index}, title: Chart {index}, query: rows, mark: {{type: bar, tooltip: true}}, "
            f"encoding: {{x: {{field: {name}, type: ordinal}}, y: {{field: {name}, type: quantitative, "
            f"aggregate: sum}}, color: {{field: {name}, type: nominal}}}}}}"
            for index, name in enumerate(NAMES)
        ),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile_dashboard(stack):
    with computed_dashboard(stack, "hostile-words", DASHBOARD) as slug:
        yield slug


def test_hostile_words_are_shown_as_words_everywhere(visitor, hostile_dashboard):
    page = visitor.page
    for path in (f"/view/{hostile_dashboard}", "/", f"/view/{hostile_dashboard}/lineage"):
        visitor.open(path)
        page.get_by_text(HOSTILE[:20]).first.wait_for(state="attached")  # a long name is cut in the graph
        page.wait_for_load_state("networkidle")
        assert page.locator("main img").count() == 0
        assert page.evaluate("window.pwned") is None
    visitor.open_dashboard(hostile_dashboard)
    page.locator(".is-drawing svg .mark-rect path").first.hover()
    page.locator(".tooltip").get_by_text(HOSTILE).first.wait_for()
    assert page.evaluate("window.pwned") is None
    assert page.locator("h1").inner_text() == HOSTILE
    assert visitor.complaints == []


def test_columns_called_like_members_of_objects_are_columns(stack, visitor):
    with computed_dashboard(stack, "hostile-names", NAMED) as slug:
        visitor.open_dashboard(slug)
        page = visitor.page
        expect(page.locator(".is-drawing svg .role-mark path")).to_have_count(3 * len(NAMES))
        assert page.locator("[data-chart=metric] .metric").inner_text() == "1"
        assert page.locator("[data-chart=table] tbody td").all_inner_texts() == [
            number for number in "123" for _ in NAMES
        ]
        for kind, wanted in (("CSV", b"constructor,prototype,"), ("SVG", b"__proto__")):
            page.get_by_role("button", name=f"Menu of Chart {len(NAMES) - 1}").click()
            with page.expect_download() as download:
                page.get_by_role("menuitem", name=f"Download {kind}").click()
            assert wanted in download.value.path().read_bytes()
        page.locator("[data-chart=c0] svg .role-mark path").first.hover()
        expect(page.locator(".tooltip")).to_contain_text("constructor")
        assert visitor.complaints == []


@pytest.mark.parametrize("kind", ["CSV", "SVG"])
def test_hostile_words_leave_as_words(visitor, hostile_dashboard, kind):
    visitor.open_dashboard(hostile_dashboard)
    visitor.page.locator("[data-chart=words_bar] .menu").click()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("menuitem", name=f"Download {kind}").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    if kind == "CSV":
        (_, row) = csv.reader(text.splitlines())
        assert row[:2] == [HOSTILE, HOSTILE]
    else:
        assert "&lt;img" in text
        assert "<img" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/view/nyc-flights",
        "/view/nyc-flights/lineage",
        "/edit/nyc-flights",
        "/sessions",
        "/signed-out",
        "/docs",
    ],
)
def test_pages_allow_no_inline_script_no_eval_and_no_other_origin(visitor, path):
    response = visitor.page.goto(f"{visitor.stack.url}{path}")
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    text = response.text()
    assert "<style" not in text
    assert 'style="' not in text
    assert text.count("<script") == text.count('<script type="module" crossorigin src="/assets/')


def test_a_script_that_gets_into_the_page_does_not_run(visitor):
    visitor.open_dashboard("nyc-flights")
    blocked = visitor.page.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
            const script = document.createElement('script');
            try { script.textContent = 'window.pwned = 1'; document.body.append(script); }
            catch (error) { resolve(error.name); }
        })"""
    )
    assert blocked in {"require-trusted-types-for", "script-src-elem", "TypeError"}
    assert visitor.page.evaluate("window.pwned") is None


def test_assets_are_kept_for_ever_compressed_and_typed(stack, visitor):
    page = visitor.context.request.get(f"{stack.url}/").text()
    names = [part.split('"')[0] for part in page.split("/assets/")[1:]]
    assert names
    for name in names:
        answer = stack.call("GET", f"/assets/{name}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        expected = {
            "js": "text/javascript; charset=utf-8",
            "css": "text/css; charset=utf-8",
            "svg": "image/svg+xml",
        }
        assert answer.headers["Content-Type"] == expected[name.rsplit(".", 1)[1]]


@pytest.mark.parametrize(
    "name", ["..%2Flist.html", "%2e%2e%2fbuild.json", "nothing-1234.js", ".hidden.js", "list.html"]
)
def test_nothing_but_assets_is_served_there(stack, name):
    answer = stack.call("GET", f"/assets/{name}")
    assert answer.status_code == 404


def test_no_state_changing_call_takes_the_cookie_without_the_pages_token(new_visitor):
    visitor = new_visitor()
    visitor.sign_in(ADMIN, "/sessions")
    visitor.page.wait_for_selector(".sessions li")
    calls = [
        (method, re.sub(r"{[^}]*}", "x", route.path))
        for function in load_manifest().functions
        for route in function.routes
        if route.auth is not RouteAuth.PUBLIC
        for method in route.methods
        if method not in {"GET", "HEAD"}
    ]
    assert len(calls) >= 10
    for method, path in calls:
        refused = visitor.context.request.fetch(f"{visitor.stack.url}{path}", method=method, data={})
        assert refused.status == 403, path
        # Not for want of a role: an administrator has them all.
        assert "X-CSRF-Token" in refused.json()["error"]["message"], path
    assert visitor.context.request.get(f"{visitor.stack.url}/auth/session").status == 200


def test_pages_hold_nothing_of_the_service_before_sign_in(stack, new_visitor):
    shell = new_visitor().context.request.get(f"{stack.url}/view/nyc-flights").text()
    for secret in ("New York flights", EDITOR, VIEWER, "csrf", "token"):
        assert secret not in shell
