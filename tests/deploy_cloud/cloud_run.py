"""Cloud Run's services as `gcloud run services list` gives them, and what commands make of them."""

from pathlib import Path
from typing import Any

import yaml

from shared.api.manifest import load_manifest
from tests.deploy_cloud.recorder import RecordingGcloud

IMAGE = "europe-west1-docker.pkg.dev/almanac-staging/almanac/almanac@sha256:" + "0123456789abcdef" * 4
SERVICES = [entry.name.replace("_", "-") for entry in load_manifest().functions]


def describe_service(service: str, serving: str | None, created: str, **tags: str) -> dict[str, Any]:
    """One item of `gcloud run services list`; versions instead of revisions."""
    traffic: list[dict[str, Any]] = [
        {"tag": tag, "revisionName": f"{service}-{version}"} for tag, version in tags.items()
    ]
    if serving is not None:
        traffic.append({"revisionName": f"{service}-{serving}", "percent": 100, "latestRevision": True})
    status = {"latestCreatedRevisionName": f"{service}-{created}", "traffic": traffic}
    return {"metadata": {"name": service}, "status": status}


def answer_services(
    gcloud: RecordingGcloud, serving: dict[str, str] | None = None, good: str = "v2", before: str = "v1"
) -> None:
    """Every function is deployed; `serving` says which version gets the requests, v3 by default."""
    versions = dict.fromkeys(SERVICES, "v3") | (serving or {})
    described = [
        describe_service(service, version, version, good=good, before=before)
        for service, version in versions.items()
    ]
    gcloud.answer({("services", "list"): described, ("auth", "print-identity-token"): "token"})


def read_moves(gcloud: RecordingGcloud) -> dict[str, str]:
    return {
        call[3]: one.partition("=")[2]
        for call in gcloud.calls
        for one in call
        if one.startswith("--to-revisions=")
    }


def read_tags(gcloud: RecordingGcloud) -> dict[str, list[str]]:
    return {
        call[3]: [one for one in call if "-tags=" in one]
        for call in gcloud.calls
        if call[:3] == ["run", "services", "update-traffic"]
    }


class CloudRun:
    """Revisions and traffic as Cloud Run keeps them, fed by what gcloud was told."""

    def __init__(self, gcloud: RecordingGcloud) -> None:
        self._gcloud = gcloud
        self._seen = 0
        self.serving: dict[str, str] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self.catch_up()

    def catch_up(self) -> None:
        for call in self._gcloud.calls[self._seen :]:
            if call[:3] == ["run", "services", "replace"]:
                self._replace(Path(call[3]).stem)
            elif call[:3] == ["run", "services", "update-traffic"]:
                self._move(call[3], call[4:])
        self._seen = len(self._gcloud.calls)
        described = [
            describe_service(service, version, version, **self._tags.get(service, {}))
            for service, version in self.serving.items()
        ]
        self._gcloud.answer({("services", "list"): described})

    def _replace(self, service: str) -> None:
        spec = yaml.safe_load(self._gcloud.read_sent(f"{service}.yaml"))["spec"]
        self.serving[service] = spec["template"]["metadata"]["name"].removeprefix(f"{service}-")
        kept = {one["tag"]: one["revisionName"] for one in spec["traffic"] if "tag" in one}
        self._tags[service] = {tag: name.removeprefix(f"{service}-") for tag, name in kept.items()}

    def _move(self, service: str, flags: list[str]) -> None:
        for flag in flags:
            name, _, value = flag.partition("=")
            if name == "--to-revisions":
                self.serving[service] = value.removesuffix("=100").removeprefix(f"{service}-")
            elif name == "--update-tags":
                pairs = dict(pair.split("=") for pair in value.split(","))
                self._tags[service] |= {
                    tag: revision.removeprefix(f"{service}-") for tag, revision in pairs.items()
                }
            elif name == "--remove-tags":
                del self._tags[service][value]
