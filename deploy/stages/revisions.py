"""Which revision each service goes back to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.stages.gcloud import Gcloud
from deploy.stages.stage import Stage


class RollbackError(Exception):
    """There is nothing to go back to."""


@dataclass(frozen=True)
class ServiceHistory:
    """A service's ready revisions, oldest first, and the one that gets its requests."""

    service: str
    revisions: tuple[str, ...]
    serving: str

    @property
    def version(self) -> str:
        """The version that serves."""
        return self.serving.removeprefix(f"{self.service}-")

    def find_previous(self) -> str | None:
        """The newest ready revision that is older than the one that serves."""
        index = self.revisions.index(self.serving) if self.serving in self.revisions else 0
        return self.revisions[index - 1] if index > 0 else None


def read_history(gcloud: Gcloud, stage: Stage, service: str) -> ServiceHistory:
    """Ask Cloud Run. Raises GcloudError, and RollbackError for a service that gets no requests at all."""
    place = f"--region={stage.region}"
    described = gcloud.read(["run", "services", "describe", service, place])
    listed = gcloud.read(["run", "revisions", "list", f"--service={service}", place])
    return parse_history(service, described, listed)


def parse_history(
    service: str, described: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]
) -> ServiceHistory:
    """From `services describe` and `revisions list`, as JSON."""
    traffic: list[dict[str, Any]] = described.get("status", {}).get("traffic", [])
    served = [target for target in traffic if target.get("percent") and target.get("revisionName")]
    if not served:
        raise RollbackError(f"{service} sends its requests to no revision; deploy it first")
    serving = max(served, key=lambda target: int(target["percent"]))["revisionName"]
    ready = sorted(filter(_is_ready, listed), key=lambda one: str(one["metadata"]["creationTimestamp"]))
    return ServiceHistory(service, tuple(str(one["metadata"]["name"]) for one in ready), str(serving))


def choose_targets(histories: Sequence[ServiceHistory], version: str) -> dict[str, str]:
    """The revision each service goes back to, of those that serve `version`; the others stay as they are.

    A release that stopped half-way has left some services on the version before: those are where they should be.
    Raises RollbackError when no service serves `version`, or one of them has nothing older.
    """
    wrong = [one for one in histories if one.version == version]
    if not wrong:
        served = ", ".join(sorted({one.version for one in histories}))
        raise RollbackError(f"no service serves {version}; served are {served}")
    targets = {one.service: one.find_previous() for one in wrong}
    if stuck := [service for service, target in targets.items() if target is None]:
        raise RollbackError(f"{', '.join(stuck)} has no ready revision before {version}")
    return {service: target for service, target in targets.items() if target is not None}


def _is_ready(revision: Mapping[str, Any]) -> bool:
    conditions = revision.get("status", {}).get("conditions", [])
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
