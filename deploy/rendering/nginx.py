"""nginx's configuration from the manifest: one location per route, one upstream per function."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.rendering.nginx_cache import (
    CACHED,
    render_cache_zones,
    render_cached_location,
    render_verifier,
)
from deploy.rendering.nginx_errors import render_error_pages, render_health
from deploy.rendering.nginx_headers import render_hidden_headers, render_security_headers
from shared.api.manifest import FunctionEntry, Manifest
from shared.api.routes import Route
from shared.settings import Settings

TEMPLATE = Path(__file__).resolve().parents[1] / "nginx" / "nginx.conf.template"
CONTAINER_PORT = 8080
# Functions that answer line by line while they work; buffering would hold the lines back.
STREAMING = frozenset({"dashboards_compile", "precompute", "prompts"})
# The function that has a page for what does not exist; a load balancer sends it every other path as well.
PAGES = "viewer"

_PARAMETER = re.compile(r"\{\w+(?::(int))?\}")
_PARAMETER_PATTERNS = {None: "[^/]+", "int": "[0-9]{1,18}"}


def render_nginx_conf(manifest: Manifest) -> str:
    """The text of nginx.conf; the same for every environment."""
    max_body_bytes: int = Settings.max_body_bytes
    parts = {
        "@max_body_bytes@": str(max_body_bytes * 11 // 10),
        "@hidden_headers@": _indent(render_hidden_headers(), 4),
        "@security_headers@": _indent(render_security_headers()),
        "@cache_zones@": _indent(render_cache_zones(manifest), 4),
        "@error_pages@": _indent(render_error_pages()),
        "@fallback@": _indent(_render_fallback(manifest)),
        "@locations@": _indent(_render_locations(manifest)),
    }
    text = TEMPLATE.read_text()
    for marker, part in parts.items():
        text = text.replace(marker, part)
    return text


def render_upstreams(addresses: Mapping[str, str], service_version: str) -> str:
    """The text of upstreams.conf: `addresses` maps a function's name to its `host:port`."""
    blocks = [_render_upstream(name, address) for name, address in addresses.items()]
    version = f'map "" $service_version {{\n    default "{_check_version(service_version)}";\n}}'
    return "\n\n".join([version, *blocks]) + "\n"


def render_listen(addresses: Iterable[str]) -> str:
    """The text of listen.conf."""
    return "".join(f"listen {address};\n" for address in addresses)


def list_container_addresses(manifest: Manifest) -> dict[str, str]:
    """Where each function listens when every one is a container named like its Cloud Run service."""
    return {entry.name: f"{entry.name.replace('_', '-')}:{CONTAINER_PORT}" for entry in manifest.functions}


def _render_upstream(name: str, address: str) -> str:
    # gunicorn closes an idle connection after 2 s; nginx must let go first, or a request meets a closed one.
    return (
        f"upstream fn_{name} {{\n"
        f"    server {address} max_fails=0;\n"
        f"    keepalive 16;\n"
        f"    keepalive_timeout 1s;\n"
        f"    keepalive_requests 10000;\n"
        f"}}"
    )


def _render_locations(manifest: Manifest) -> str:
    blocks = [_render_location(entry, route) for entry in manifest.functions for route in entry.routes]
    if verifier := render_verifier(manifest):
        blocks.insert(0, verifier)
    if not any(route.path == "/healthz" for entry in manifest.functions for route in entry.routes):
        blocks.insert(0, render_health())
    return "\n\n".join(blocks)


def _render_fallback(manifest: Manifest) -> str:
    """What is at no route: a page for people, from the function that has pages, and the envelope for programs."""
    if not any(entry.name == PAGES for entry in manifest.functions):
        return "location / {\n    return 404;\n}"
    proxy = f"proxy_pass http://fn_{PAGES};\n    proxy_read_timeout {manifest.get(PAGES).timeout_seconds}s;"
    # Browsers ask for it at addresses without a page, which could name another.
    icon = f"location = /favicon.ico {{\n    rewrite ^ /icon.svg break;\n    {proxy}\n}}"
    check = 'if ($wants_page = "") {\n        return 404;\n    }'
    return f"{icon}\n\nlocation / {{\n    {check}\n    {proxy}\n}}"


def _render_location(entry: FunctionEntry, route: Route) -> str:
    if entry.name in CACHED:
        return render_cached_location(entry, route, _render_matcher(route.path))
    lines = [
        f"proxy_pass http://fn_{entry.name};",
        f"proxy_read_timeout {entry.timeout_seconds}s;",
    ]
    if entry.name in STREAMING:
        lines.append("proxy_buffering off;")
    body = "\n".join(f"    {line}" for line in lines)
    return f"location {_render_matcher(route.path)} {{\n{body}\n}}"


def _render_matcher(template: str) -> str:
    """An exact match, or a regular expression when the path has parameters (`{slug}`, `{version:int}`)."""
    pattern = ""
    literal_start = 0
    for found in _PARAMETER.finditer(template):
        pattern += re.escape(template[literal_start : found.start()]) + _PARAMETER_PATTERNS[found.group(1)]
        literal_start = found.end()
    if not pattern:
        return f"= {template}"
    return f'~ "^{pattern}{re.escape(template[literal_start:])}$"'


def _check_version(version: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}", version):
        raise ValueError(f"{version!r} is not a version; letters, digits, '.', '_', '+' and '-' are accepted")
    return version


def _indent(text: str, spaces: int = 8) -> str:
    return "\n".join(" " * spaces + line if line else "" for line in text.splitlines())
