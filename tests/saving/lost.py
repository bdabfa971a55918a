"""Losing stores, and what there was in them."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pg8000.native
import redis

from shared.container import Container
from tests.fixtures.functions import FunctionHost
from tests.fixtures.postgres import empty_tables


def lose_database(host: FunctionHost, emptying: pg8000.native.Connection) -> None:
    """Every row is gone, and so is what the cache knew."""
    empty_tables(emptying)
    with redis.Redis.from_url(host.container.settings.cache_url.get_secret_value()) as client:
        client.flushdb()
    host.restart_with()


def describe_index(container: Container, slugs: Iterable[str]) -> dict[str, Any]:
    """Everything that the index says of dashboards, but for the ids of its rows."""
    found: dict[str, Any] = {}
    with container.database.begin() as uow:
        rows = uow.dashboards.find_all(list(slugs))
        for slug, row in sorted(rows.items()):
            versions = uow.versions.get_many([(slug, n) for n in range(1, row.current_version + 1)])
            found[slug] = (
                _columns(row, "id"),
                [_columns(one, "id", "dashboard_id") for _, one in sorted(versions.items())],
            )
    return found


def _columns(row: Any, *left_out: str) -> dict[str, Any]:
    return {one.name: getattr(row, one.name) for one in row.__table__.columns if one.name not in left_out}


def run_git(workdir: Path, *arguments: str) -> str:
    """Git as a person in the folder would run it."""
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "safe.directory=*"]
    done = subprocess.run(["git", *who, *arguments], cwd=workdir, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def remove_object(workdir: Path, name: str) -> str:
    """Take an object out of the repository; its id."""
    oid = run_git(workdir, "rev-parse", name)
    (workdir / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    return oid
