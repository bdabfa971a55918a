"""Releases take turns: Cloud Build runs two pushes side by side, and the older could replace the newer."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.stage import Stage
from deploy.stages.gcloud import Gcloud
from deploy.stages.queries import query_builds
from deploy.stages.revisions import UnchangedError

PAUSE_SECONDS = 15.0


def wait_for_turn(gcloud: Gcloud, stage: Stage, build: str | None, within_seconds: float) -> None:
    """Return when no older build of the stage is under way; of any age, when this is no build itself.

    The oldest never waits, so that one at a time goes on, in the order of the pushes. Raises UnchangedError when it
    takes longer.
    """
    deadline = time.monotonic() + within_seconds
    while older := find_older(gcloud.read(query_builds(stage)) or [], stage, build):
        if time.monotonic() > deadline:
            raise UnchangedError(f"still being released by: {', '.join(older)}")
        print(f"waiting for {', '.join(older)}", flush=True)
        time.sleep(PAUSE_SECONDS)


def find_older(builds: Sequence[Mapping[str, Any]], stage: Stage, build: str | None) -> list[str]:
    """The ids of the stage's builds that were started before `build`."""
    rivals = [one for one in builds if {"almanac", stage.name} <= set(one.get("tags", []))]
    own = [_age(one) for one in rivals if one["id"] == build]
    return [one["id"] for one in rivals if one["id"] != build and (not own or _age(one) < own[0])]


def _age(build: Mapping[str, Any]) -> tuple[str, str]:
    return str(build["createTime"]), str(build["id"])
