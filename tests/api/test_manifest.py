"""The manifest: what it holds, and what it refuses."""

import pytest
from pydantic import ValidationError

from shared.api.manifest import get_manifest, load_manifest
from shared.api.routes import RouteAuth
from shared.auth.principals import Role
from tests.api.conftest import MANIFEST


def load_text(tmp_path, text):
    path = tmp_path / "functions.yaml"
    path.write_text(text)
    return load_manifest(path)


def test_defaults_fill_what_an_entry_leaves_out(tmp_path):
    entry = load_text(tmp_path, MANIFEST + "    memory: 2Gi\n").get("things")
    assert (entry.memory, entry.timeout_seconds) == ("2Gi", 10)


def test_a_route_without_a_role_is_for_viewers(tmp_path):
    routes = load_text(tmp_path, MANIFEST).get("things").routes
    assert [route.role for route in routes[:4]] == [Role.VIEWER, Role.VIEWER, Role.VIEWER, Role.EDITOR]


def test_an_unknown_function_is_named(tmp_path):
    with pytest.raises(LookupError, match=r"'other' has no entry in deploy/functions\.yaml"):
        load_text(tmp_path, MANIFEST).get("other")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("auth: admin", "auth: everybody"),
        ("role: editor", "role: boss"),
        ("role: editor", "rule: editor"),
        ("name: things", "name: Things!"),
        ("memory: 256Mi, ", ""),
    ],
)
def test_what_cannot_be_understood_is_refused_when_it_is_read(tmp_path, old, new):
    assert old in MANIFEST
    with pytest.raises(ValidationError):
        load_text(tmp_path, MANIFEST.replace(old, new))


def test_only_sign_in_and_documents_are_public():
    public = {
        route.path
        for entry in get_manifest().functions
        for route in entry.routes
        if route.auth is RouteAuth.PUBLIC and entry.name != "viewer"
    }
    assert public == {"/auth/login", "/auth/callback", "/auth/config"}


def test_no_two_functions_share_a_path():
    paths = [route.path for entry in get_manifest().functions for route in entry.routes]
    assert len(paths) == len(set(paths))
