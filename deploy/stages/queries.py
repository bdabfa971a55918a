"""What is asked of gcloud before anything is changed; most answer a list as JSON."""

from deploy.stage import Stage


def query_services(stage: Stage) -> list[str]:
    """Every Cloud Run service of the stage, those the manifest no longer has included."""
    labels = f"metadata.labels.app=almanac AND metadata.labels.stage={stage.name}"
    return ["run", "services", "list", f"--region={stage.region}", f"--filter={labels}"]


def query_schedule(stage: Stage) -> list[str]:
    """Every Cloud Scheduler job that calls as the stage's scheduler, those nobody renders any more included."""
    caller = f"httpTarget.oidcToken.serviceAccountEmail={stage.scheduler_email}"
    return ["scheduler", "jobs", "list", f"--location={stage.region}", f"--filter={caller}"]


def query_builds(stage: Stage) -> list[str]:
    """The builds that are under way; one that waits for an approval is not."""
    return ["builds", "list", "--ongoing", f"--region={stage.region}"]


def query_token(stage: Stage) -> list[str]:
    """An ID token of the stage's scheduler; text. Wants the right to sign as it (deploy/terraform/accounts.tf)."""
    return [
        "auth",
        "print-identity-token",
        f"--impersonate-service-account={stage.scheduler_email}",
        f"--audiences=https://{stage.domain}",
        "--include-email",
    ]


def list_queries(stage: Stage) -> list[list[str]]:
    """All of them."""
    return [query_services(stage), query_schedule(stage), query_builds(stage), query_token(stage)]
