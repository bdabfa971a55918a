"""What anybody may read, from the function that serves it."""

import gzip
import re
from pathlib import Path

import functions_framework
import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.api.pages.messages import build_sign_in_problem_page
from shared.errors import ForbiddenError

VIEWER = Path(__file__).resolve().parents[2] / "functions" / "viewer" / "main.py"


@pytest.fixture
def viewer(container) -> FlaskClient:
    return functions_framework.create_app("viewer", str(VIEWER)).test_client()


def test_the_description_of_the_api_is_served_as_it_is(viewer):
    answer = viewer.get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.json["info"]["version"] == "1.2.3"
    OpenAPIV31SpecValidator(answer.json).validate()


def test_the_schema_of_dashboard_files_is_a_json_schema(viewer):
    answer = viewer.get("/schema/dashboard.json")
    assert answer.content_type == "application/schema+json"
    Draft202012Validator.check_schema(answer.json)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", b"Dashboards"),
        ("/view/nyc-flights", b"Dashboard"),
        ("/view/nyc-flights/lineage", b"Lineage"),
        ("/edit/nyc-flights", b"Editor"),
        ("/docs", b"API"),
        ("/sessions", b"Sessions"),
        ("/signed-out", b"You are signed out"),
    ],
)
def test_each_page_is_a_shell_under_a_strict_policy(viewer, path, title):
    answer = viewer.get(path)
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert b"<title>" + title + " · Almanac</title>".encode() in answer.data


def test_an_asset_is_compressed_for_who_can_read_that(viewer):
    name = re.search(rb'src="(/assets/[^"]+[.]js)"', viewer.get("/").data)
    assert name is not None
    path = name.group(1).decode()
    plain = viewer.get(path)
    packed = viewer.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "immutable" in plain.headers["Cache-Control"]


def test_what_a_sign_in_problem_says_is_escaped():
    page = build_sign_in_problem_page(ForbiddenError("<img src=x> @remedy@ is not allowed"))
    text = page.get_data(as_text=True)
    assert page.status_code == 403
    assert "&lt;img src=x&gt; @remedy@ is not allowed" in text
    assert "<img" not in text


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/nope", "/view", "/view/", "/edit/", "/view/a/b", "/docs/x", "//view/a/"])
def test_a_person_at_an_unknown_address_gets_a_page_and_a_program_json(viewer, path):
    page = viewer.get(path, headers=BROWSER)
    assert (page.status_code, page.content_type) == (404, "text/html; charset=utf-8")
    assert b"<h1>There is nothing here</h1>" in page.data
    assert b'href="/"' in page.data
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert viewer.get(path).json["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/view/nyc-flights/", "/view/nyc-flights"),
        ("/view/nyc-flights/lineage/?level=column", "/view/nyc-flights/lineage?level=column"),
        ("/edit/a%20b//", "/edit/a%20b"),
        ("/docs/", "/docs"),
    ],
)
def test_a_slash_too_many_leads_to_the_page(viewer, path, location):
    answer = viewer.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (308, location)


def test_the_icon_has_an_address_that_stays(viewer):
    answer = viewer.get("/icon.svg")
    assert (answer.status_code, answer.content_type) == (200, "image/svg+xml")
    assert answer.data.startswith(b"<svg")


def test_nobody_has_to_sign_in(viewer, authenticator):
    assert {viewer.get(path).status_code for path in ("/", "/openapi.json", "/schema/dashboard.json")} == {
        200
    }
    assert authenticator.calls == 0


@pytest.mark.parametrize(
    "path",
    [
        "/openapi.yaml",
        "/schema/",
        "/schema/../openapi.json",
        "/main.py",
        "/assets/list.html",
        "/assets/../build.json",
    ],
)
def test_nothing_else_is_served(viewer, path):
    assert viewer.get(path).status_code == 404
