"""Write the files that follow from the manifest; `--check` only says which are out of date.

``python -m deploy.render [--check]``
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.rendering.access import render_iam, render_scheduler
from deploy.rendering.cloud_run import render_migration_job, render_service
from deploy.rendering.compose import name_service, render_compose
from deploy.rendering.dependencies import render_dependencies
from deploy.rendering.nginx import (
    CONTAINER_PORT,
    list_container_addresses,
    render_listen,
    render_nginx_conf,
    render_upstreams,
)
from deploy.rendering.routes import render_routes
from deploy.rendering.url_map import render_url_map
from deploy.stage import Stage, load_stages
from shared.api.manifest import Manifest, load_manifest

REPOSITORY = Path(__file__).resolve().parents[1]
GOOGLE = "deploy/google"
_NOTICE = "# Rendered from deploy/functions.yaml by `make render`; do not edit.\n"

Renderer = Callable[[Manifest], str]
RENDERERS: dict[str, Renderer] = {
    "deploy/nginx/nginx.conf": render_nginx_conf,
    "deploy/nginx/upstreams.compose.conf": lambda manifest: render_upstreams(
        list_container_addresses(manifest), service_version="compose"
    ),
    "deploy/nginx/listen.compose.conf": lambda manifest: render_listen([str(CONTAINER_PORT)]),
    "docker-compose.yml": render_compose,
    "shared/api/dependencies.json": render_dependencies,
    "shared/api/routes.json": render_routes,
}


def render_files(manifest: Manifest) -> dict[str, str]:
    """Every rendered file: path in the repository and text."""
    files = {path: _choose_notice(path) + render(manifest) for path, render in RENDERERS.items()}
    for stage in load_stages():
        files.update(render_stage(manifest, stage))
    return files


def _choose_notice(path: str) -> str:
    return "" if path.endswith(".json") else _NOTICE  # JSON has no comments


def render_stage(manifest: Manifest, stage: Stage) -> dict[str, str]:
    """The files of one stage on Google Cloud: path in the repository and text."""
    folder = f"{GOOGLE}/{stage.name}"
    notice = _NOTICE.replace("functions.yaml", f"functions.yaml and deploy/stages/{stage.name}.yaml")
    texts = {
        f"services/{name_service(entry)}.yaml": render_service(entry, stage) for entry in manifest.functions
    }
    texts["migrate.yaml"] = render_migration_job(stage)
    texts["url-map.yaml"] = render_url_map(manifest, stage)
    texts["iam.yaml"] = render_iam(stage.scale_manifest(manifest), stage)
    texts["scheduler.yaml"] = render_scheduler(manifest, stage)
    return {f"{folder}/{path}": notice + text for path, text in texts.items()}


def list_outdated(files: dict[str, str], folder: Path) -> list[str]:
    """The paths whose file in `folder` is missing, differs or belongs to nothing any more, sorted."""
    left_over = {str(path.relative_to(folder)) for path in (folder / GOOGLE).rglob("*.yaml")} - set(files)
    return sorted(left_over | {path for path, text in files.items() if _read(folder / path) != text})


def write_files(files: dict[str, str], folder: Path) -> list[str]:
    """Write what differs, delete what belongs to nothing; answers the paths."""
    outdated = list_outdated(files, folder)
    for path in outdated:
        target = folder / path
        if path in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path])
        else:
            target.unlink()
    return outdated


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def main(arguments: list[str] | None = None, folder: Path = REPOSITORY) -> int:
    """Render, or check; answers the exit code."""
    description = "Write the files that follow from deploy/functions.yaml."
    parser = argparse.ArgumentParser(prog="python -m deploy.render", description=description)
    parser.add_argument("--check", action="store_true", help="fail when a file is out of date; write nothing")
    check = parser.parse_args(arguments).check
    files = render_files(load_manifest())
    if check:
        outdated = list_outdated(files, folder)
        for path in outdated:
            print(f"out of date: {path}; run 'make render'", file=sys.stderr)
        return 1 if outdated else 0
    for path in write_files(files, folder):
        print(f"{'wrote' if path in files else 'deleted'} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
