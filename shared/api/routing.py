"""From a request to the manifest's route, and who may call it: credentials, the manifest's rule, CSRF.

functions-framework hands a handler every method and sub-path, so 404 and 405 are decided here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import flask

from shared.api.routes import Route, RouteAuth
from shared.auth.authenticator import Authenticator
from shared.auth.principals import Principal, Role
from shared.auth.session_tokens import CSRF_HEADER_NAME, SESSION_COOKIE_NAME, require_csrf_token
from shared.errors import ForbiddenError, MethodNotAllowedError, NotFoundError, UnauthenticatedError

_PARAMETER = re.compile(r"\{(\w+)(?::(int))?\}")
# No name has a control character.
_PATTERNS = {"": r"[^/\x00-\x1f\x7f]+", "int": r"[0-9]{1,18}"}


class RouteMatch(NamedTuple):
    """A route and its path parameters (`int` where the template says so)."""

    route: Route
    parameters: Mapping[str, str | int]


class Router:
    """Matches the paths of one function."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(_compile(route.path), _name_integers(route.path), route) for route in routes]

    def match(self, method: str, path: str) -> RouteMatch:
        """The route for `method` and `path`. HEAD goes where GET goes.

        Raises NotFoundError for an unknown path and MethodNotAllowedError for a known one.
        """
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        for pattern, integers, route in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if wanted in route.methods:
                return RouteMatch(route, _convert(found.groupdict(), integers))
            allowed.update(route.methods)
        if allowed:
            raise MethodNotAllowedError(method, sorted(allowed))
        raise NotFoundError(
            f"There is nothing at {path}.", remediation="The paths of the API are in /openapi.json."
        )


def _compile(template: str) -> re.Pattern[str]:
    literal_ends = 0
    pattern = ""
    for found in _PARAMETER.finditer(template):
        pattern += re.escape(template[literal_ends : found.start()])
        pattern += f"(?P<{found.group(1)}>{_PATTERNS[found.group(2) or '']})"
        literal_ends = found.end()
    return re.compile(pattern + re.escape(template[literal_ends:]))


def _name_integers(template: str) -> frozenset[str]:
    return frozenset(found.group(1) for found in _PARAMETER.finditer(template) if found.group(2) == "int")


def _convert(values: Mapping[str, str], integers: frozenset[str]) -> Mapping[str, str | int]:
    return {name: int(value) if name in integers else value for name, value in values.items()}


_CSRF_VARIABLE = "HTTP_" + CSRF_HEADER_NAME.upper().replace("-", "_")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Credentials(NamedTuple):
    """What the request brought: session cookie, Authorization header, CSRF header."""

    session_token: str | None
    authorization: str | None
    csrf_token: str | None


def read_credentials(request: flask.Request) -> Credentials:
    """Credentials of a request, unverified."""
    # From the WSGI environment: Flask's views of it, all cookies parsed, cost a fifth of a whole answer.
    environ = request.environ
    return Credentials(
        session_token=_find_cookie(environ.get("HTTP_COOKIE", ""), SESSION_COOKIE_NAME),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        csrf_token=environ.get(_CSRF_VARIABLE),
    )


def _find_cookie(header: str, name: str) -> str | None:
    """The first cookie called `name` in a Cookie header (RFC 6265, section 4.2.1)."""
    for pair in header.split(";"):
        key, _, value = pair.partition("=")
        if key.strip() == name:
            return value.strip()
    return None


def authorize(
    route: Route, credentials: Credentials, method: str, get_authenticator: Callable[[], Authenticator]
) -> Principal | None:
    """The caller, when the route's rule lets them in; None for anybody on a public route.

    Raises UnauthenticatedError without valid credentials and ForbiddenError without the role, or when a
    cookie alone (no CSRF token) tries to change state.
    """
    if route.auth is RouteAuth.PUBLIC:
        return None
    principal = get_authenticator().authenticate(credentials.session_token, credentials.authorization)
    if principal is None:
        raise UnauthenticatedError("This call needs a session or a bearer token.")
    if method not in _SAFE_METHODS and principal.via == "session":
        require_csrf_token(credentials.session_token or "", credentials.csrf_token)
    _check_rule(route, principal)
    return principal


def _check_rule(route: Route, principal: Principal) -> None:
    if principal.kind == "service_account":
        if route.auth is RouteAuth.SCHEDULER:
            return
        raise ForbiddenError(f"The service account {principal.email} may only call scheduler routes.")
    needed = Role.ADMIN if route.auth is RouteAuth.ADMIN else route.role
    if principal.role < needed:
        raise ForbiddenError(f"This call needs the role {needed}; {principal.email} has {principal.role}.")
