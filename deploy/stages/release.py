"""What is released: an image, its version, and the rendered files with both put in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.render import GOOGLE, REPOSITORY
from deploy.rendering.documents import dump_document
from deploy.stages.revisions import ServiceState

_VERSION = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")
_IMAGE = re.compile(r"[a-z0-9.-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")


class ReleaseError(Exception):
    """An image or a version that cannot be released."""


@dataclass(frozen=True)
class Release:
    """An image by digest, because a tag may mean another image tomorrow, and the version answers carry."""

    image: str
    version: str

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise ReleaseError(f"{self.image!r} is not an image by digest, such as HOST/PATH/NAME@sha256:…")
        if not _VERSION.fullmatch(self.version):
            raise ReleaseError(
                f"{self.version!r} is not a version; accepted are 1 to 20 lower-case letters, digits and hyphens"
            )

    def fill_service(self, document: dict[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
        """The service document with image, version and revision name in place; it keeps the service's traffic tags."""
        template = document["spec"]["template"]
        template["metadata"]["name"] = f"{document['metadata']['name']}-{self.version}"
        (container,) = template["spec"]["containers"]
        container["image"] = self.image
        for variable in container["env"]:
            if variable["name"] == "SERVICE_VERSION":
                variable["value"] = self.version
        document["spec"]["traffic"] += [
            {"percent": 0, "revisionName": revision, "tag": tag} for tag, revision in sorted(tags.items())
        ]
        return document

    def fill_job(self, document: dict[str, Any]) -> dict[str, Any]:
        """The job document with the image in place."""
        (container,) = document["spec"]["template"]["spec"]["template"]["spec"]["containers"]
        container["image"] = self.image
        return document


def load_rendered(stage: str, root: Path = REPOSITORY) -> Mapping[str, Any]:
    """The rendered documents of a stage, by path below deploy/google/<stage>."""
    folder = root / GOOGLE / stage
    return {
        str(path.relative_to(folder)): yaml.safe_load(path.read_text())
        for path in sorted(folder.rglob("*.yaml"))
    }


def write_filled(
    documents: Mapping[str, Any], release: Release, states: Mapping[str, ServiceState], folder: Path
) -> None:
    """Write what gcloud is to read into `folder`: services and job filled, the URL map as it is."""
    for path, document in documents.items():
        if path.startswith("services/"):
            state = states.get(document["metadata"]["name"])
            document = release.fill_service(document, state.tags if state else {})
        elif path == "migrate.yaml":
            document = release.fill_job(document)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dump_document(document))
