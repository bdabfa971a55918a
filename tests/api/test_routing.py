"""Which route a method and a path lead to."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.api.manifest import FunctionEntry, load_manifest
from shared.api.routing import Router
from shared.errors import MethodNotAllowedError, NotFoundError
from tests.api.conftest import MANIFEST


@pytest.fixture
def entry(tmp_path: Path) -> FunctionEntry:
    path = tmp_path / "functions.yaml"
    path.write_text(MANIFEST)
    return load_manifest(path).get("things")


@pytest.fixture
def router(entry: FunctionEntry) -> Router:
    return Router(entry.routes)


def test_a_path_without_parameters_matches_itself_only(router):
    match = router.match("GET", "/things")
    assert match.route.path == "/things"
    assert match.parameters == {}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/thing",
        "/things/",
        "/things//versions/1",
        "/THINGS",
        "/a\nb",
        "//things",
        "/things/a\0",
        "/things/\x7f",
    ],
)
def test_an_unknown_path_is_not_found(router, path):
    with pytest.raises(NotFoundError, match="There is nothing at"):
        router.match("GET", path)


def test_a_text_parameter_takes_one_segment(router):
    assert router.match("GET", "/things/a.b%c é").parameters == {"slug": "a.b%c é"}


def test_a_text_parameter_has_no_line_break(router):
    with pytest.raises(NotFoundError):
        router.match("GET", "/things/a\n")


def test_an_int_parameter_is_an_int(router):
    assert router.match("GET", "/things/one/versions/7").parameters == {"slug": "one", "version": 7}


@pytest.mark.parametrize("version", ["x", "-1", "1.5", "", "٣", "1234567890123456789"])
def test_what_is_no_int_is_not_found(router, version):
    with pytest.raises(NotFoundError):
        router.match("GET", f"/things/one/versions/{version}")


def test_a_known_path_with_another_method_names_the_methods(router):
    with pytest.raises(
        MethodNotAllowedError, match=r"^DELETE is not accepted here; accepted: GET, POST\.$"
    ) as caught:
        router.match("DELETE", "/things")
    assert caught.value.allowed == ("GET", "POST")


def test_head_goes_where_get_goes(router):
    assert router.match("HEAD", "/things").route.path == "/things"
    with pytest.raises(MethodNotAllowedError, match="HEAD is not accepted"):
        router.match("HEAD", "/edits")


def test_a_literal_dot_in_a_template_is_no_wildcard(entry):
    route = replace(entry.routes[0], path="/openapi.json")
    router = Router([route])
    assert router.match("GET", "/openapi.json").route is route
    with pytest.raises(NotFoundError):
        router.match("GET", "/openapiXjson")
