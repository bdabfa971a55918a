"""Rendering: what the repository holds is what the manifest says."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import render
from deploy.rendering.nginx import PAGES, list_container_addresses, render_nginx_conf, render_upstreams
from deploy.rendering.nginx_cache import CACHED
from shared.api.manifest import Manifest, load_manifest
from shared.api.routes import RouteAuth
from shared.auth.principals import Role


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the rendered files."""
    for path in render.render_files(load_manifest()):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(render.REPOSITORY / path, tmp_path / path)
    return tmp_path


def test_the_rendered_files_of_the_repository_are_up_to_date(folder: Path) -> None:
    assert render.main(["--check"], folder) == 0


@pytest.mark.parametrize("path", render.RENDERERS)
def test_check_names_a_file_that_was_edited_and_leaves_it(
    folder: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / path).write_text("edited")
    assert render.main(["--check"], folder) == 1
    assert capsys.readouterr().err == f"out of date: {path}; run 'make render'\n"
    assert (folder / path).read_text() == "edited"


def test_a_file_of_a_function_that_is_gone_is_named_and_deleted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = folder / "deploy/google/prod/services/gone.yaml"
    stray.write_text("kind: Service\n")
    assert render.main(["--check"], folder) == 1
    assert "deploy/google/prod/services/gone.yaml" in capsys.readouterr().err
    assert render.main([], folder) == 0
    assert not stray.exists()


def test_check_names_a_file_that_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deploy/nginx/nginx.conf").unlink()
    assert render.main(["--check"], folder) == 1
    assert "deploy/nginx/nginx.conf" in capsys.readouterr().err


def test_rendering_writes_only_what_differs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deploy/nginx/listen.compose.conf").unlink()
    assert render.main([], folder) == 0
    assert capsys.readouterr().out == "wrote deploy/nginx/listen.compose.conf\n"
    assert render.main(["--check"], folder) == 0


def test_every_route_has_a_location_with_the_timeout_of_its_function() -> None:
    manifest = load_manifest()
    text = render_nginx_conf(manifest)
    for entry in manifest.functions:
        forward = (
            f"proxy_pass http://fn_{entry.name};\n            proxy_read_timeout {entry.timeout_seconds}s;"
        )
        # A cached route has another location, for what the cache must not answer; pages have two of no route,
        # for the icon and for what is nowhere.
        others = 2 if entry.name == PAGES else 0
        assert text.count(forward) == len(entry.routes) * (2 if entry.name in CACHED else 1) + others
    assert not re.search(r"@\w+@", text)


@pytest.mark.parametrize(
    "change", [{"auth": RouteAuth.PUBLIC}, {"role": Role.EDITOR}, {"methods": ("GET", "POST")}]
)
def test_a_cached_route_that_asks_for_more_than_the_verifier_checks_is_refused(
    change: dict[str, object],
) -> None:
    data = load_manifest().get("data")
    changed = data.model_copy(update={"routes": (replace(data.routes[0], **change),)})
    with pytest.raises(ValueError, match="cannot be cached"):
        render_nginx_conf(Manifest(functions=(changed,)))


def test_every_function_has_an_upstream_named_like_its_cloud_run_service() -> None:
    addresses = list_container_addresses(load_manifest())
    assert addresses["dashboards_validate"] == "dashboards-validate:8080"
    text = render_upstreams(addresses, "1.0")
    assert text.count("upstream fn_") == len(addresses)


@pytest.mark.parametrize("version", ["", 'x"; deny all', "x" * 65, "a b"])
def test_a_version_that_could_break_the_configuration_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        render_upstreams({}, version)
