"""From a request's method and path to the manifest's route.

functions-framework hands a handler every method and sub-path, so 404 and 405 are decided here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared.api.routes import Route
from shared.errors import MethodNotAllowedError, NotFoundError

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
