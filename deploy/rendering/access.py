"""Who may do what in a stage, for deploy/terraform, and what Cloud Scheduler calls, for `deploy.stages`."""

from typing import Any

from deploy.rendering.cloud_run import MIGRATION_JOB, REDIS_CA_SECRET
from deploy.rendering.compose import name_service
from deploy.rendering.documents import dump_document
from deploy.stage import MIGRATION_SECRETS, Stage, list_secrets, name_account
from shared.api.manifest import FunctionEntry, Manifest, Schedule

# The scheduler's own bound: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs
_MAX_ATTEMPT_SECONDS = 1800
_SECRET_ROLE = "roles/secretmanager.secretAccessor"  # noqa: S105 - a role
_DATABASE_ROLE = "roles/cloudsql.client"
JOB_ROLE = "roles/bigquery.jobUser"
# Given on each dataset of ALLOWED_DATASETS: on the project it would open every table there is.
DATA_ROLE = "roles/bigquery.dataViewer"
# BigQuery shows an account only the jobs it created, and what a process that died left running is settled by whichever
# function comes next; a ledger that was lost is read back from the list of all. Made by deploy/terraform/accounts.tf:
# bigquery.jobs.get, bigquery.jobs.listAll and bigquery.jobs.update.
SETTLER_ROLE = "almanacJobSettler"


def render_iam(manifest: Manifest, stage: Stage) -> str:
    """Every binding of the functions' service accounts: on the project, the bucket, a dataset or a secret."""
    bindings = [binding for entry in manifest.functions for binding in _list_bindings(entry, stage)]
    migrator = stage.email(MIGRATION_JOB)
    bindings.append(_on_project(_DATABASE_ROLE, migrator))
    bindings += [_on_secret(secret, migrator) for secret in MIGRATION_SECRETS.values()]
    return dump_document({"project": stage.project, "bucket": stage.bucket, "bindings": bindings})


def render_scheduler(manifest: Manifest, stage: Stage) -> str:
    """Every scheduled call: an HTTP job that signs an ID token for the service's address."""
    jobs = [
        _build_job(entry, entry.schedule, stage) for entry in manifest.functions if entry.schedule is not None
    ]
    return dump_document({"project": stage.project, "location": stage.region, "jobs": jobs})


def _list_bindings(entry: FunctionEntry, stage: Stage) -> list[dict[str, str]]:
    member = stage.email(name_account(entry.name))
    bindings = []
    for role in entry.service_account.roles:
        if role == DATA_ROLE:
            bindings += [_on_dataset(dataset, role, member) for dataset in stage.list_own_datasets()]
        else:
            on = _on_bucket if role.startswith("roles/storage.") else _on_project
            bindings.append(on(role, member))
    if JOB_ROLE in entry.service_account.roles:
        bindings.append(_on_project(f"projects/{stage.project}/roles/{SETTLER_ROLE}", member))
    if "DATABASE_URL" in entry.secrets:
        bindings.append(_on_project(_DATABASE_ROLE, member))
    bindings += [_on_secret(secret, member) for secret in list_secrets(entry).values()]
    if "CACHE_URL" in entry.secrets:
        bindings.append(_on_secret(REDIS_CA_SECRET, member))
    return bindings


def _on_project(role: str, member: str) -> dict[str, str]:
    return {"on": "project", "role": role, "member": member}


def _on_bucket(role: str, member: str) -> dict[str, str]:
    return {"on": "bucket", "role": role, "member": member}


def _on_dataset(dataset: str, role: str, member: str) -> dict[str, str]:
    return {"on": "dataset", "dataset": dataset, "role": role, "member": member}


def _on_secret(secret: str, member: str) -> dict[str, str]:
    return {"on": "secret", "secret": secret, "role": _SECRET_ROLE, "member": member}


def _build_job(entry: FunctionEntry, schedule: Schedule, stage: Stage) -> dict[str, Any]:
    return {
        "name": f"{name_service(entry)}-heartbeat",
        "schedule": schedule.cron,
        "timeZone": schedule.time_zone,
        "uri": f"https://{stage.domain}{schedule.path}",
        "body": schedule.body,
        "attemptDeadlineSeconds": min(entry.timeout_seconds, _MAX_ATTEMPT_SECONDS),
        "serviceAccount": stage.scheduler_email,
        "audience": f"https://{stage.domain}",
        # A call that failed is repeated by the next beat; one repetition covers an instance that was just replaced.
        "maxRetryAttempts": 1,
    }
