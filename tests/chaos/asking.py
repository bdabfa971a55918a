"""Calls that need PostgreSQL, and how long each took to be told that it is not there."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.fixtures.stack import EDITOR, RunningStack, wait_until
from tests.stack.test_saves import make_yaml

_SAVE = {"dashboards": [{"path": "asked.yaml", "yaml": make_yaml("asked", "Asked")}]}
CALLS: Sequence[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/dashboards", None),
    ("GET", "/dashboards/nyc-flights", None),
    ("GET", "/dashboards/nyc-flights/versions", None),
    ("GET", "/lineage/nyc-flights", None),
    ("GET", "/costs", None),
    ("POST", "/dashboards/save", _SAVE),
    ("GET", "/auth/sessions", None),
    ("POST", "/sql/run", {"sql": "SELECT COUNT(*) AS n FROM airports WHERE alt > 7", "dataset": "nyc"}),
    ("POST", "/precompute", {"slugs": ["nyc-flights"]}),
]
"""Of each function that cannot do without it."""


@dataclass(frozen=True)
class Asked:
    """What a call was told, and after how long."""

    call: str
    seconds: float
    status: int
    text: str


def ask_all(stack: RunningStack, email: str = EDITOR) -> list[Asked]:
    """All of them at once."""

    def ask(call: tuple[str, str, dict[str, Any] | None]) -> Asked:
        method, path, body = call
        began = time.monotonic()
        options = {"json": body} if body is not None else {}
        response = stack.call(method, path, email=email, **options)
        return Asked(f"{method} {path}", time.monotonic() - began, response.status_code, response.text)

    with ThreadPoolExecutor(len(CALLS)) as pool:
        return list(pool.map(ask, CALLS))


def wait_until_served(stack: RunningStack, timeout_seconds: float = 60) -> float:
    """Block until all of them are answered; how many seconds that took. Fails when it takes too long."""
    return wait_until(lambda: all(one.status < 500 for one in ask_all(stack)), timeout_seconds, 0.5)
