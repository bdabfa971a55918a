"""The steps of each command, in order; made without asking anybody, so that they can be shown first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.rendering.cloud_run import MIGRATION_JOB
from deploy.rendering.url_map import NAME as URL_MAP
from deploy.stages.stage import Stage


@dataclass(frozen=True)
class Step:
    """One gcloud call and why. With `probe`, `command` runs when the probe finds something, else `otherwise`."""

    why: str
    command: Sequence[str]
    probe: Sequence[str] = field(default=())
    otherwise: Sequence[str] = field(default=())


def list_apply_steps(stage: Stage, documents: Mapping[str, Any], folder: Path) -> list[Step]:
    """The database, then the functions, then the routes, then the schedule.

    The database comes first because a migration keeps to what the running version can read (docs/operations.md,
    "Migrations"). Accounts, rights and backends are deploy/terraform's: whoever deploys needs no right to give rights.
    """
    return [
        *_list_migration_steps(stage, folder),
        *_list_service_steps(stage, documents, folder),
        Step(
            "route every path to its function",
            ["compute", "url-maps", "import", URL_MAP, f"--source={folder / 'url-map.yaml'}", "--global"],
        ),
        *_list_scheduler_steps(documents["scheduler.yaml"]),
    ]


def list_rollback_steps(stage: Stage, targets: Mapping[str, str]) -> list[Step]:
    """All requests of each service to the revision in `targets`."""
    return [
        Step(
            f"send {service} to {revision}",
            ["run", "services", "update-traffic", service, f"--to-revisions={revision}=100", _region(stage)],
        )
        for service, revision in targets.items()
    ]


def list_destroy_steps(stage: Stage, documents: Mapping[str, Any]) -> list[Step]:
    """Everything `apply` made; what deploy/terraform made, the data included, stays."""
    location = f"--location={documents['scheduler.yaml']['location']}"
    steps = [
        _delete(f"stop calling {job['name']}", ["scheduler", "jobs"], job["name"], location)
        for job in documents["scheduler.yaml"]["jobs"]
    ]
    steps += [
        _delete(f"delete the function {name}", ["run", "services"], name, _region(stage))
        for name in list_services(documents)
    ]
    return [*steps, _delete("delete the migration job", ["run", "jobs"], MIGRATION_JOB, _region(stage))]


def list_services(documents: Mapping[str, Any]) -> list[str]:
    """The names of the Cloud Run services."""
    return [
        document["metadata"]["name"] for path, document in documents.items() if path.startswith("services/")
    ]


def _list_migration_steps(stage: Stage, folder: Path) -> list[Step]:
    return [
        Step(
            "put the migration job in place",
            ["run", "jobs", "replace", str(folder / "migrate.yaml"), _region(stage)],
        ),
        Step(
            "migrate the database and wait for it",
            ["run", "jobs", "execute", MIGRATION_JOB, "--wait", _region(stage)],
        ),
    ]


def _list_service_steps(stage: Stage, documents: Mapping[str, Any], folder: Path) -> list[Step]:
    return [
        Step(
            f"a new revision of {name}; it gets requests once it answers its startup probe",
            ["run", "services", "replace", str(folder / "services" / f"{name}.yaml"), _region(stage)],
        )
        for name in list_services(documents)
    ]


def _list_scheduler_steps(scheduler: Mapping[str, Any]) -> list[Step]:
    location = f"--location={scheduler['location']}"
    steps = []
    for job in scheduler["jobs"]:
        arguments = [
            job["name"], location, f"--schedule={job['schedule']}", f"--time-zone={job['timeZone']}",
            f"--uri={job['uri']}", "--http-method=POST", f"--message-body={job['body']}",
            f"--oidc-service-account-email={job['serviceAccount']}", f"--oidc-token-audience={job['audience']}",
            f"--attempt-deadline={job['attemptDeadlineSeconds']}s",
            f"--max-retry-attempts={job['maxRetryAttempts']}",
        ]  # fmt: skip
        content_type = "Content-Type=application/json"
        steps.append(
            Step(
                f"call {job['uri']} at {job['schedule']}",
                ["scheduler", "jobs", "update", "http", *arguments, f"--update-headers={content_type}"],
                probe=["scheduler", "jobs", "describe", job["name"], location],
                otherwise=["scheduler", "jobs", "create", "http", *arguments, f"--headers={content_type}"],
            )
        )
    return steps


def _delete(why: str, group: Sequence[str], name: str, place: str) -> Step:
    return Step(why, [*group, "delete", name, place], probe=[*group, "describe", name, place])


def _region(stage: Stage) -> str:
    return f"--region={stage.region}"
