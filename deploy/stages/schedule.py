"""Which Cloud Scheduler jobs a stage has."""

from deploy.stage import Stage
from deploy.stages.gcloud import Gcloud
from deploy.stages.queries import query_schedule


def read_scheduled(gcloud: Gcloud, stage: Stage) -> list[str]:
    """The names of the jobs that call as the stage's scheduler, those that nobody renders any more included."""
    return [str(job["name"]).rsplit("/", 1)[-1] for job in gcloud.read(query_schedule(stage)) or []]
