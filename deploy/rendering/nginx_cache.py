"""Answers that nginx gives again by itself for a few seconds, and the question whether a caller may have them.

Two caches. The answers of `/data` are the same for everybody who may read them, so they are shared; who may, the
function `auth` says for each set of credentials, and that verdict is kept under those credentials alone.
"""

import textwrap

from deploy.rendering.nginx_headers import render_hidden_headers
from shared.api.manifest import FunctionEntry, Manifest
from shared.api.routes import Route, RouteAuth
from shared.auth.principals import Role

CACHED = frozenset({"data"})
VERDICT_SECONDS = 2
# Who comes while somebody else's first answer is on its way asks again after this long: nginx wakes nobody earlier, and
# left to itself it looks twice a second.
LOCK_MILLISECONDS = 50
_VERIFIER = "auth"
_VERIFIER_PATH = "/auth/verify"
_ARROW = r"application/vnd\.apache\.arrow\.stream"


def render_cache_zones(manifest: Manifest) -> str:
    """The directives of the http block; empty when no function of `manifest` is cached."""
    if not any(entry.name in CACHED for entry in manifest.functions):
        return ""
    return f"""\
# Only what is equal for all who send it is shared. q-values, other codings and lists of media types are rare,
# and each would need a key of its own: such requests go to the function.
map $http_accept_encoding $cached_encoding {{
    default "";
    "" identity;
    identity identity;
    "~^([^;]*,)? *zstd *(,[^;]*)?$" zstd;
    "~^([^;]*,)? *gzip *(,[^;]*)?$" gzip;
}}
map $http_accept $cached_type {{
    default json;
    "~*^{_ARROW}$" arrow;
    "~*{_ARROW}" "";
}}
map $cached_encoding:$cached_type $is_uncached {{
    default "";
    "~^:" 1;
    "~:$" 1;
}}
proxy_cache_path answer_cache levels=1:2 keys_zone=answers:4m max_size=256m inactive=1m use_temp_path=off;
# The keys are credentials; nginx makes the folder readable to itself alone, and the entries go within a minute.
proxy_cache_path verdict_cache levels=1 keys_zone=verdicts:4m max_size=16m inactive=30s use_temp_path=off;"""


def render_verifier(manifest: Manifest) -> str:
    """The location that asks who is calling; empty when no function is cached."""
    if not any(entry.name in CACHED for entry in manifest.functions):
        return ""
    return f"""\
location = /_verify {{
    internal;
    proxy_pass http://fn_{_VERIFIER}{_VERIFIER_PATH};
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Request-Id $exchange_id;
    proxy_set_header traceparent $traceparent;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_ignore_headers Cache-Control Expires Vary;
    proxy_cache verdicts;
    # The whole headers: picking the session out of several cookies could pick another one than the function does.
    proxy_cache_key "$http_authorization|$http_cookie";
    proxy_cache_valid 204 {VERDICT_SECONDS}s;
}}"""


def render_cached_location(entry: FunctionEntry, route: Route, matcher: str) -> str:
    """The location of a cached route and the one for what the cache must not answer.

    Raises ValueError when the route asks for more than the verifier checks.
    """
    if route.auth is not RouteAuth.SESSION or route.role is not Role.VIEWER or route.methods != ("GET",):
        raise ValueError(f"{route.path} cannot be cached: {_VERIFIER_PATH} speaks for GET by any viewer only")
    return f"""\
location {matcher} {{
    # Refused, or nobody to ask: the function decides itself, and its refusal says why.
    auth_request /_verify;
    recursive_error_pages on;
    error_page 401 403 500 = @{entry.name};
    error_page 400 414 494 =400 /_error/400;
    error_page 413 =413 /_error/413;
    error_page 502 503 =503 /_error/503;
    error_page 504 =504 /_error/504;
    proxy_pass http://fn_{entry.name};
    proxy_read_timeout {entry.timeout_seconds}s;
    proxy_cache answers;
    proxy_cache_key "$request_uri|$cached_encoding|$cached_type";
    proxy_cache_bypass $is_uncached;
    proxy_no_cache $is_uncached;
    # How long an answer is repeated, and how much longer while the next is fetched, the function says in its headers.
    # It is fetched whole and not revalidated: an answer says how old its data is. Who set it off is answered at once;
    # the next request of the same connection waits until it is there.
    proxy_cache_background_update on;
    proxy_cache_lock on;
    proxy_cache_lock_timeout {LOCK_MILLISECONDS}ms;
    # What the key is made of.
    proxy_ignore_headers Vary;
    # A part of an answer that is replaced every few seconds is of no use.
    max_ranges 0;
{textwrap.indent(render_hidden_headers(), "    ")}
    # Those of the request that filled the cache; the server block adds this one's.
    proxy_hide_header X-Request-Id;
    proxy_hide_header traceparent;
    proxy_hide_header tracestate;
    proxy_hide_header Server-Timing;
}}

location @{entry.name} {{
    proxy_pass http://fn_{entry.name};
    proxy_read_timeout {entry.timeout_seconds}s;
}}"""
