"""Cloud Run services and the migration job from the manifest and a stage.

Fields as in https://cloud.google.com/run/docs/reference/yaml/v1. `IMAGE` and `VERSION` stand for what is
only known when an image is deployed; `deploy.stages` puts it in.
"""

import json
from typing import Any

from deploy.rendering.compose import list_environment, name_service
from deploy.rendering.documents import dump_document
from deploy.rendering.nginx import CONTAINER_PORT
from deploy.stage import MIGRATION_SECRETS, NETWORK, REDIS_CA_PATH, Stage, list_secrets, name_account
from shared.api.manifest import FunctionEntry

IMAGE = "IMAGE"
VERSION = "VERSION"
REDIS_CA_SECRET = "redis-ca"  # noqa: S105 - a name
MIGRATION_JOB = "migrate"
MIGRATION_TIMEOUT_SECONDS = 600


def render_service(entry: FunctionEntry, stage: Stage) -> str:
    """The service of one function, as `gcloud run services replace` takes it."""
    scaled = stage.scale_entry(entry)
    name = name_service(entry)
    return dump_document(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {
                "name": name,
                "namespace": stage.project,
                "labels": {
                    "app": "almanac",
                    "stage": stage.name,
                    "cloud.googleapis.com/location": stage.region,
                },
                "annotations": {
                    # Only the load balancer and the project's own network; the functions authenticate themselves.
                    "run.googleapis.com/ingress": "internal-and-cloud-load-balancing",
                    "run.googleapis.com/invoker-iam-disabled": "true",
                    # Of the service, not of a revision: while a new revision starts, both together stay below.
                    "run.googleapis.com/minScale": str(scaled.min_instances),
                    "run.googleapis.com/maxScale": str(scaled.max_instances),
                },
            },
            "spec": {
                "template": _build_template(scaled, stage, name),
                "traffic": [{"percent": 100, "latestRevision": True}],
            },
        }
    )


def render_migration_job(stage: Stage) -> str:
    """The job that migrates the database, as `gcloud run jobs replace` takes it.

    One task and no retry: a migration that failed is looked at before it is tried again.
    """
    container = {
        "image": IMAGE,
        "command": ["alembic"],
        "args": ["upgrade", "head"],
        "env": [
            _value("ENVIRONMENT", stage.name),
            *(_secret(*pair) for pair in MIGRATION_SECRETS.items()),
        ],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
    }
    annotations = {"run.googleapis.com/cloudsql-instances": stage.database_connection}
    task = {
        "maxRetries": 0,
        "timeoutSeconds": MIGRATION_TIMEOUT_SECONDS,
        "serviceAccountName": stage.email(MIGRATION_JOB),
        "containers": [container],
    }
    return dump_document(
        {
            "apiVersion": "run.googleapis.com/v1",
            "kind": "Job",
            "metadata": {
                "name": MIGRATION_JOB,
                "namespace": stage.project,
                "labels": {
                    "app": "almanac",
                    "stage": stage.name,
                    "cloud.googleapis.com/location": stage.region,
                },
            },
            "spec": {
                "template": {
                    "metadata": {"annotations": annotations},
                    "spec": {"taskCount": 1, "template": {"spec": task}},
                }
            },
        }
    )


def _build_template(entry: FunctionEntry, stage: Stage, name: str) -> dict[str, Any]:
    annotations = {"run.googleapis.com/startup-cpu-boost": "true"}
    if "DATABASE_URL" in entry.secrets:
        annotations["run.googleapis.com/cloudsql-instances"] = stage.database_connection
    if "CACHE_URL" in entry.secrets:
        interface = [{"network": NETWORK, "subnetwork": NETWORK}]
        annotations["run.googleapis.com/network-interfaces"] = json.dumps(interface)
        annotations["run.googleapis.com/vpc-access-egress"] = "private-ranges-only"
    spec: dict[str, Any] = {
        "containerConcurrency": entry.concurrency,
        "timeoutSeconds": entry.timeout_seconds,
        "serviceAccountName": stage.email(name_account(entry.name)),
        "containers": [_build_container(entry, stage)],
    }
    if "CACHE_URL" in entry.secrets:
        items = [{"key": "latest", "path": REDIS_CA_PATH.rpartition("/")[2]}]
        spec["volumes"] = [
            {"name": REDIS_CA_SECRET, "secret": {"secretName": REDIS_CA_SECRET, "items": items}}
        ]
    return {"metadata": {"name": f"{name}-{VERSION}", "annotations": annotations}, "spec": spec}


def _build_container(entry: FunctionEntry, stage: Stage) -> dict[str, Any]:
    values = {**list_environment(entry), "SERVICE_VERSION": VERSION, **stage.list_settings()}
    container: dict[str, Any] = {
        "image": IMAGE,
        "ports": [{"name": "http1", "containerPort": CONTAINER_PORT}],
        "env": [
            *(_value(*pair) for pair in values.items()),
            *(_secret(*pair) for pair in list_secrets(entry).items()),
        ],
        "resources": {"limits": {"cpu": f"{entry.cpu:g}", "memory": entry.memory}},
        # The container is asked itself; requests from outside never reach /healthz, Google's frontend keeps it.
        "startupProbe": {
            "httpGet": {"path": "/healthz", "port": CONTAINER_PORT},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 60,
        },
    }
    if "CACHE_URL" in entry.secrets:
        folder = REDIS_CA_PATH.rpartition("/")[0]
        container["volumeMounts"] = [{"name": REDIS_CA_SECRET, "mountPath": folder}]
    return container


def _value(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def _secret(variable: str, secret: str) -> dict[str, Any]:
    return {
        "name": variable,
        "valueFrom": {"secretKeyRef": {"name": secret, "key": "latest"}},
    }
