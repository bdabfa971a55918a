"""The steps of each command, in order; made without asking anybody, so that they can be shown first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.rendering.cloud_run import MIGRATION_JOB
from deploy.rendering.url_map import NAME as URL_MAP
from deploy.stage import Stage
from deploy.stages.revisions import BEFORE, GOOD, ServiceState


@dataclass(frozen=True)
class Step:
    """One gcloud call and why. With `probe`, `command` runs when the probe finds something, else `otherwise`."""

    why: str
    command: Sequence[str]
    probe: Sequence[str] = field(default=())
    otherwise: Sequence[str] = field(default=())


def list_apply_steps(
    stage: Stage,
    documents: Mapping[str, Any],
    deployed: Collection[str],
    scheduled: Collection[str],
    folder: Path,
) -> list[Step]:
    """The database, then the functions, then the routes, then the schedule; last what the manifest no longer has.

    `deployed` are the services and `scheduled` the Cloud Scheduler jobs that the stage has now.

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
        *_list_unscheduling_steps(
            stage, set(scheduled) - set(_list_jobs(documents)), "the schedule has it no more"
        ),
        *(
            _delete(
                f"delete {name}, which the manifest no longer has", ["run", "services"], name, _region(stage)
            )
            for name in sorted(set(deployed) - set(list_services(documents)))
        ),
    ]


def list_rollback_steps(
    stage: Stage, targets: Mapping[str, str], states: Mapping[str, ServiceState]
) -> list[Step]:
    """All requests of each service to the revision in `targets`, which is the good one from then on."""
    steps = []
    for service, revision in targets.items():
        flags = [f"--to-revisions={revision}=100"]
        if states[service].tags.get(GOOD) != revision:
            flags.append(f"--update-tags={GOOD}={revision}")
            flags += [f"--remove-tags={BEFORE}"] if BEFORE in states[service].tags else []
        steps.append(_move(f"send {service} to {revision}", service, flags, stage))
    return steps


def list_accept_steps(stage: Stage, states: Sequence[ServiceState]) -> list[Step]:
    """Mark what each service serves as good, and what was good as the one before."""
    steps = []
    for state in states:
        good = state.tags.get(GOOD)
        if state.serving in (None, good):
            continue
        tags = f"{GOOD}={state.serving}" + (f",{BEFORE}={good}" if good else "")
        steps.append(_move(f"mark {state.serving} as good", state.service, [f"--update-tags={tags}"], stage))
    return steps


def list_destroy_steps(
    stage: Stage, documents: Mapping[str, Any], deployed: Collection[str], scheduled: Collection[str]
) -> list[Step]:
    """Everything `apply` made; what deploy/terraform made, the data included, stays."""
    steps = _list_unscheduling_steps(stage, {*scheduled, *_list_jobs(documents)}, "nobody will answer it")
    steps += [
        _delete(f"delete the function {name}", ["run", "services"], name, _region(stage))
        for name in sorted({*deployed, *list_services(documents)})
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


def _list_unscheduling_steps(stage: Stage, jobs: Collection[str], why: str) -> list[Step]:
    location = f"--location={stage.region}"
    return [_delete(f"stop {name}: {why}", ["scheduler", "jobs"], name, location) for name in sorted(jobs)]


def _list_jobs(documents: Mapping[str, Any]) -> list[str]:
    return [job["name"] for job in documents["scheduler.yaml"]["jobs"]]


def _move(why: str, service: str, flags: Sequence[str], stage: Stage) -> Step:
    return Step(why, ["run", "services", "update-traffic", service, *flags, _region(stage)])


def _delete(why: str, group: Sequence[str], name: str, place: str) -> Step:
    return Step(why, [*group, "delete", name, place], probe=[*group, "describe", name, place])


def _region(stage: Stage) -> str:
    return f"--region={stage.region}"
