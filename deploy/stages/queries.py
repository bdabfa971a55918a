"""What is asked of gcloud before anything is changed; each answers a list as JSON."""

from deploy.stages.stage import Stage


def query_services(stage: Stage) -> list[str]:
    """Every Cloud Run service of the stage, those the manifest no longer has included."""
    labels = f"metadata.labels.app=almanac AND metadata.labels.stage={stage.name}"
    return ["run", "services", "list", f"--region={stage.region}", f"--filter={labels}"]


def query_scheduler_jobs(stage: Stage) -> list[str]:
    """Every Cloud Scheduler job there is."""
    return ["scheduler", "jobs", "list", f"--location={stage.region}"]


def query_builds(stage: Stage) -> list[str]:
    """The builds that are under way; one that waits for an approval is not."""
    return ["builds", "list", "--ongoing", f"--region={stage.region}"]


def list_queries(stage: Stage) -> list[list[str]]:
    """All of them."""
    return [query_services(stage), query_scheduler_jobs(stage), query_builds(stage)]
