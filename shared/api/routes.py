"""The routes of the manifest as the functions read them: rendered to JSON, because YAML and models start slowly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from shared.auth.principals import Role

if TYPE_CHECKING:
    from pydantic import ConfigDict

ROUTES_PATH = Path(__file__).with_name("routes.json")


class RouteAuth(StrEnum):
    """Who may call a route; the head of the manifest explains each."""

    PUBLIC = "public"
    SESSION = "session"
    SCHEDULER = "scheduler"
    ADMIN = "admin"


@dataclass(frozen=True)
class Route:
    """One path template such as `/data/{slug}` or `/x/{n:int}`, and what it takes."""

    # Where the manifest is read, Pydantic checks this dataclass too.
    __pydantic_config__: ClassVar["ConfigDict"] = {"extra": "forbid"}

    path: str
    methods: tuple[str, ...]
    auth: RouteAuth
    role: Role = Role.VIEWER


def get_routes(name: str) -> tuple[Route, ...]:
    """The routes of the function `name`. Raises LookupError naming the manifest when it has none."""
    try:
        return _load_routes()[name]
    except KeyError:
        raise LookupError(explain_missing_entry(name)) from None


def explain_missing_entry(name: str) -> str:
    """What is wrong with a function that the manifest does not name."""
    return f"{name!r} has no entry in deploy/functions.yaml; every endpoint needs one"


@cache
def _load_routes() -> Mapping[str, tuple[Route, ...]]:
    return {
        name: tuple(
            Route(one["path"], tuple(one["methods"]), RouteAuth(one["auth"]), Role(one["role"]))
            for one in routes
        )
        for name, routes in json.loads(ROUTES_PATH.read_text()).items()
    }
