"""Which revision each service serves, and which one it goes back to.

A revision that passed its smoke test is marked by a traffic tag of its service: `good` is the newest that did, `before`
the one that was good before it. Tags are Cloud Run's own: whoever releases next finds them, and a revision that has one
is not deleted. The newest revision older than the serving one would not do: one that was taken back stays as ready as
any other. https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.stage import Stage
from deploy.stages.gcloud import Gcloud
from deploy.stages.queries import query_services

GOOD, BEFORE = "good", "before"


class RollbackError(Exception):
    """Not every service could go back; the message names those that stay."""


class UnchangedError(Exception):
    """Nothing was changed: it was refused, or there was nothing to do."""


@dataclass(frozen=True)
class ServiceState:
    """A service as it is deployed: the revision with its requests, the one made last, and its tags.

    `serving` is None while no revision ever became ready.
    """

    service: str
    serving: str | None
    created: str | None
    tags: Mapping[str, str]

    @property
    def version(self) -> str:
        """The version that serves, or else the one that should."""
        return (self.serving or self.created or "nothing").removeprefix(f"{self.service}-")

    def name_revision(self, version: str) -> str:
        """The revision that a release of `version` makes."""
        return f"{self.service}-{version}"

    def has_reached(self, version: str) -> bool:
        """Whether a release of `version` came as far as this service.

        A revision that is not ready counts: as the latest it would get the requests as soon as it is.
        """
        return self.name_revision(version) in (self.serving, self.created)

    def find_good(self, version: str) -> str | None:
        """The newest revision that passed its smoke test, that of `version` apart."""
        marked = (self.tags.get(GOOD), self.tags.get(BEFORE))
        return next((one for one in marked if one and one != self.name_revision(version)), None)


def read_states(gcloud: Gcloud, stage: Stage) -> dict[str, ServiceState]:
    """Every service of the stage that is deployed, by name, those the manifest no longer has included."""
    listed = gcloud.read(query_services(stage))
    states = map(parse_state, listed or [])
    return {state.service: state for state in states}


def parse_state(described: Mapping[str, Any]) -> ServiceState:
    """From one service of `services list`, as JSON."""
    status = described.get("status", {})
    traffic = [target for target in status.get("traffic", []) if target.get("revisionName")]
    served = [target for target in traffic if target.get("percent")]
    main = max(served, key=lambda target: int(target["percent"]), default=None)
    return ServiceState(
        service=str(described["metadata"]["name"]),
        serving=str(main["revisionName"]) if main else None,
        created=status.get("latestCreatedRevisionName"),
        tags={target["tag"]: target["revisionName"] for target in traffic if target.get("tag")},
    )


@dataclass(frozen=True)
class Rollback:
    """The revision each service goes to, and why others that should move cannot."""

    targets: Mapping[str, str]
    stuck: Mapping[str, str]


def choose_targets(states: Sequence[ServiceState], version: str, to_version: str | None = None) -> Rollback:
    """What leaves `version`, and where to; `to_version` is somebody's own choice of the target.

    A release that stopped half-way has left some services on the version before: those are where they should be.
    Raises UnchangedError when no service has been reached by `version`.
    """
    reached = [state for state in states if state.has_reached(version)]
    if not reached:
        served = ", ".join(sorted({state.version for state in states})) or "nothing"
        raise UnchangedError(f"no service serves {version}; served is {served}")
    targets: dict[str, str] = {}
    stuck: dict[str, str] = {}
    for state in reached:
        good = state.name_revision(to_version) if to_version else state.find_good(version)
        if good:
            targets[state.service] = good
        elif state.serving is None:
            stuck[state.service] = "has never served"
        else:
            stuck[state.service] = f"has no revision before {version} that passed a smoke test"
    return Rollback(targets, stuck)
