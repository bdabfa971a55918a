"""The manifest `deploy/functions.yaml`, the only list of endpoints, as typed objects."""

from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from shared.api.routes import Route, explain_missing_entry

MANIFEST_PATH = Path(__file__).resolve().parents[2] / "deploy" / "functions.yaml"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceAccount(_Entry):
    """The IAM roles of the function's own service account."""

    roles: tuple[str, ...] = ()


class DatabaseAccess(StrEnum):
    """As which of the database's users a function signs in (`shared.database.service_users`)."""

    WRITER = "writer"
    READER = "reader"


class Schedule(_Entry):
    """A Cloud Scheduler job that calls the function."""

    cron: str
    time_zone: str
    path: str
    body: str


class FunctionEntry(_Entry):
    """One Cloud Run function; units: seconds, requests, instances."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    routes: tuple[Route, ...]
    memory: str
    cpu: float
    timeout_seconds: int
    concurrency: int
    min_instances: int
    max_instances: int
    service_account: ServiceAccount
    secrets: tuple[str, ...]
    database: DatabaseAccess = DatabaseAccess.WRITER
    schedule: Schedule | None = None


class Manifest(_Entry):
    """Every function of the service, in the manifest's order."""

    functions: tuple[FunctionEntry, ...]

    def get(self, name: str) -> FunctionEntry:
        """The entry called `name`. Raises LookupError naming the file when there is none."""
        for entry in self.functions:
            if entry.name == name:
                return entry
        raise LookupError(explain_missing_entry(name))


def load_manifest(path: Path = MANIFEST_PATH) -> Manifest:
    """Read the manifest; `defaults` fill what a function leaves out."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(path.read_text(), Loader=loader)  # noqa: S506 - both loaders are safe ones
    defaults = document["defaults"]
    return Manifest(
        functions=tuple(FunctionEntry(**{**defaults, **entry}) for entry in document["functions"])
    )


@cache
def get_manifest() -> Manifest:
    """The manifest of this checkout, read once."""
    return load_manifest()
