"""What Cloud Scheduler should have, and what to change so that it does.

A job belongs to this command when its name begins with the stage's prefix; no other is ever touched.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deploy.rendering.access import MAX_ATTEMPT_SECONDS
from deploy.schedules.dashboards import ScheduledDashboard
from deploy.stages.stage import Stage
from shared.api.manifest import Manifest

FUNCTION = "precompute"
PATH = "/precompute"

type Job = Mapping[str, Any]
"""https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job"""


class ChangeKind(StrEnum):
    """What happens to a job; the value is how a plan marks it."""

    CREATE = "+"
    UPDATE = "~"
    DELETE = "-"


@dataclass(frozen=True)
class Change:
    """One call: `job` is the job wanted (or the one to go), `fields` those of it that differ."""

    kind: ChangeKind
    job: Job
    fields: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line of a plan."""
        name = self.job["name"].rpartition("/")[2]
        why = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.kind} {name}: {self.job['schedule']} {self.job['timeZone']}{why}"


def get_parent(stage: Stage) -> str:
    """The location whose jobs are looked at."""
    return f"projects/{stage.project}/locations/{stage.region}"


def get_prefix(stage: Stage) -> str:
    """What the names of this command's jobs begin with."""
    return f"{get_parent(stage)}/jobs/{stage.dashboard_job_prefix}"


def build_job(dashboard: ScheduledDashboard, stage: Stage, manifest: Manifest) -> Job:
    """The job that refreshes one dashboard, signed in as the stage's scheduler."""
    body = json.dumps({"slugs": [dashboard.slug]}).encode()
    deadline_seconds = min(manifest.get(FUNCTION).timeout_seconds, MAX_ATTEMPT_SECONDS)
    return {
        "name": f"{get_prefix(stage)}{dashboard.slug}",
        "description": f"Refreshes dashboard {dashboard.slug}; made by deploy.schedules from its refresh.schedule",
        "schedule": dashboard.cron,
        "timeZone": dashboard.time_zone,
        "attemptDeadline": f"{deadline_seconds}s",
        # A refresh that was cut off goes on where it stopped: what is done is skipped as unchanged.
        "retryConfig": {"retryCount": 1},
        "httpTarget": {
            "uri": f"https://{stage.domain}{PATH}",
            "httpMethod": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": base64.b64encode(body).decode(),
            "oidcToken": {
                "serviceAccountEmail": stage.scheduler_email,
                "audience": f"https://{stage.domain}",
            },
        },
    }


def list_changes(wanted: Sequence[Job], existing: Sequence[Job]) -> list[Change]:
    """The calls that lead from `existing` to `wanted`, in the order of names."""
    there = {job["name"]: job for job in existing}
    goals = {job["name"]: job for job in wanted}
    changes = []
    for name in sorted({*there, *goals}):
        if name not in goals:
            changes.append(Change(ChangeKind.DELETE, there[name]))
        elif name not in there:
            changes.append(Change(ChangeKind.CREATE, goals[name]))
        elif fields := _list_differing(goals[name], there[name]):
            changes.append(Change(ChangeKind.UPDATE, goals[name], fields))
    return changes


def _list_differing(wanted: Job, existing: Job) -> tuple[str, ...]:
    return tuple(name for name, value in wanted.items() if not _holds(existing.get(name), value))


def _holds(existing: object, wanted: object) -> bool:
    """True when every part of `wanted` is in `existing`, which Google completes with defaults of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(existing, Mapping) and all(
            _holds(existing.get(key), value) for key, value in wanted.items()
        )
    return existing == wanted
