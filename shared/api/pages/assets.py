"""The built pages as they are served: shells, scripts and styles of `functions/viewer/web/dist`."""

import gzip
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import flask

from shared.api.security_headers import PAGE_HEADERS
from shared.errors import NotFoundError

DIST = Path(__file__).resolve().parents[3] / "functions" / "viewer" / "web" / "dist"
# Nothing inline and nothing from elsewhere; pictures of charts are data: URLs, downloads blob: ones.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Everything else is written by DOM calls alone; the browser refuses a string that would become HTML or code. The one
# policy gives a worker its address, a constant of the build whatever it is asked for: vega_trial.ts of the pages.
STRICT_POLICY = f"{PAGE_POLICY}; require-trusted-types-for 'script'; trusted-types chart-trial"
# A worker has the policy that its own file comes with, and not that of its page: it fetches nothing.
ASSET_POLICY = "default-src 'none'"
_CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_GZIP_FROM_BYTES = 1024


@dataclass(frozen=True)
class Asset:
    """One file of `dist/assets`; `gzipped` is None where compression gains nothing."""

    content: bytes
    gzipped: bytes | None
    content_type: str


def build_page(name: str, *, trusted_types: bool = True) -> flask.Response:
    """The shell `dist/{name}.html`; it holds no data, so that any visitor may have it."""
    policy = STRICT_POLICY if trusted_types else PAGE_POLICY
    return build_html(read_shell(name), policy)


def build_html(text: str, policy: str = STRICT_POLICY, status: int = 200) -> flask.Response:
    """A page under a strict policy."""
    headers = {**PAGE_HEADERS, "Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return flask.Response(text, status, headers, content_type="text/html; charset=utf-8")


def build_asset(name: str, accepts_gzip: bool) -> flask.Response:
    """A file whose name changes with its content: kept by browsers for a year. Raises NotFoundError."""
    asset = _read_asset(name)
    if asset is None:
        raise NotFoundError(f"There is no asset {name!r}.", remediation="Reload the page that named it.")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": ASSET_POLICY,
        "Vary": "Accept-Encoding",
    }
    if asset.gzipped is None or not accepts_gzip:
        return flask.Response(asset.content, headers=headers, content_type=asset.content_type)
    headers["Content-Encoding"] = "gzip"
    return flask.Response(asset.gzipped, headers=headers, content_type=asset.content_type)


def build_icon() -> flask.Response:
    """The picture that the pages name as their icon, at an address that stays."""
    (path,) = (DIST / "assets").glob("icon-*.svg")
    headers = {"Cache-Control": "public, max-age=86400"}
    return flask.Response(path.read_bytes(), headers=headers, content_type=_CONTENT_TYPES[".svg"])


@cache
def read_shell(name: str) -> str:
    """The text of a built page."""
    return (DIST / f"{name}.html").read_text()


def _read_asset(name: str) -> Asset | None:
    # Asked before the cache, which must hold files only: names of nothing would fill it.
    path = DIST / "assets" / name
    if not _NAME.fullmatch(name) or path.suffix not in _CONTENT_TYPES or not path.is_file():
        return None
    return _load_asset(name)


@cache
def _load_asset(name: str) -> Asset:
    path = DIST / "assets" / name
    content = path.read_bytes()
    gzipped = gzip.compress(content, mtime=0) if len(content) >= _GZIP_FROM_BYTES else None
    return Asset(content, gzipped, _CONTENT_TYPES[path.suffix])
