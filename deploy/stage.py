"""A stage: a Google Cloud project that runs the service, and what is different there."""

import re
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.api.manifest import DatabaseAccess, FunctionEntry, Manifest
from shared.settings import Environment, Settings

FOLDER = Path(__file__).resolve().with_name("stages")
NETWORK = "almanac"
DATABASE = "almanac"
REDIS_CA_PATH = "/etc/almanac/redis/ca.pem"
SECRETS = ("DATABASE_URL", "CACHE_URL", "OIDC_CLIENT_SECRET")
# What the migration job signs in with, and the users that it makes.
MIGRATION_SECRETS = {
    "DATABASE_URL": "database-url-migrate",
    "DATABASE_WRITER_URL": "database-url",
    "DATABASE_READER_URL": "database-url-reader",
}
STAGES = tuple(stage.value for stage in Environment if stage is not Environment.LOCAL)
# Set by the platform, by the manifest or by the stage's own fields; a stage that set them would be ignored.
DERIVED = frozenset(
    {
        "ENVIRONMENT", "SERVICE_VERSION", "PUBLIC_URL", "GOOGLE_CLOUD_PROJECT", "DASHBOARD_STORE_URL",
        "PAYLOAD_STORE_URL", "SERVICE_ACCOUNT_EMAILS", *SECRETS, *MIGRATION_SECRETS,
    }
)  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSize(_Part):
    """The Cloud SQL instance; `max_connections` is the server's flag of that name."""

    tier: str
    high_availability: bool
    max_connections: int = Field(ge=25)


class CacheSize(_Part):
    """The Memorystore instance."""

    tier: str = Field(pattern="^(BASIC|STANDARD_HA)$")
    memory_gib: int = Field(ge=1)


class Scale(_Part):
    """Bounds of one function in this stage."""

    min_instances: int = Field(ge=0)
    max_instances: int = Field(ge=1)


class Stage(_Part):
    """One file of deploy/stages."""

    name: str
    project: str = Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")
    region: str = Field(pattern=r"^[a-z]+-[a-z]+[0-9]+$")
    domain: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")
    confirm: bool = False
    database: DatabaseSize
    cache: CacheSize
    scale: dict[str, Scale]
    settings: dict[str, str]

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        known = set(Settings.list_environment_names()) - DERIVED
        if unknown := sorted(set(self.settings) - known):
            raise ValueError(
                f"settings: {', '.join(unknown)} cannot be set here; accepted are the variables of .env.sample "
                "that are no secrets and do not follow from the stage's other fields"
            )
        Settings(**{name.lower(): value for name, value in self.settings.items()})
        return self

    @property
    def bucket(self) -> str:
        """The bucket of dashboards and payloads."""
        return f"{self.project}-almanac"

    @property
    def image_repository(self) -> str:
        """Where images are kept, without the tag or digest."""
        return f"{self.region}-docker.pkg.dev/{self.project}/almanac/almanac"

    @property
    def database_connection(self) -> str:
        """The Cloud SQL instance's connection name."""
        return f"{self.project}:{self.region}:{DATABASE}"

    @property
    def scheduler_email(self) -> str:
        """The service account that Cloud Scheduler signs its calls as."""
        return self.email("scheduler")

    def email(self, account: str) -> str:
        """The address of a service account of this project."""
        return f"{account}@{self.project}.iam.gserviceaccount.com"

    def list_settings(self) -> dict[str, str]:
        """What every function of the stage is told, the image's version apart."""
        return {
            "ENVIRONMENT": self.name,
            "PUBLIC_URL": f"https://{self.domain}",
            "GOOGLE_CLOUD_PROJECT": self.project,
            "DASHBOARD_STORE_URL": f"gs://{self.bucket}/dashboards",
            "PAYLOAD_STORE_URL": f"gs://{self.bucket}/payloads",
            "SERVICE_ACCOUNT_EMAILS": self.scheduler_email,
            # Where Cloud Run passes requests on from, inside the instance.
            "TRUSTED_PROXIES": "169.254.0.0/16",
            **self.settings,
        }

    def list_own_datasets(self) -> list[str]:
        """Those of ALLOWED_DATASETS that are in this project. What others own, they share themselves."""
        allowed = Settings(allowed_datasets=self.settings.get("ALLOWED_DATASETS", "")).allowed_datasets
        named = [name.rpartition(".") for name in allowed]
        return [dataset for project, _, dataset in named if project in ("", self.project)]

    def scale_entry(self, entry: FunctionEntry) -> FunctionEntry:
        """The manifest's entry with this stage's bounds."""
        scale = self.scale.get(entry.name)
        return entry.model_copy(update=scale.model_dump()) if scale else entry

    def scale_manifest(self, manifest: Manifest) -> Manifest:
        """The manifest with this stage's bounds. Raises LookupError for a bound of a function that is none."""
        for name in self.scale:
            manifest.get(name)
        return Manifest(functions=tuple(self.scale_entry(entry) for entry in manifest.functions))


def list_secrets(entry: FunctionEntry) -> dict[str, str]:
    """The secrets in Secret Manager that a function's variables are taken from."""
    found = {variable: variable.lower().replace("_", "-") for variable in entry.secrets}
    if entry.database is DatabaseAccess.READER and "DATABASE_URL" in found:
        found["DATABASE_URL"] = MIGRATION_SECRETS["DATABASE_READER_URL"]
    return found


def name_account(function: str) -> str:
    """The service account a function runs as; Google wants 6 to 30 characters."""
    return f"fn-{re.sub('_', '-', function)}"


def load_stage(name: str, folder: Path = FOLDER) -> Stage:
    """Read `<name>.yaml`. Raises LookupError for an unknown stage, pydantic's ValidationError for a bad file."""
    if name not in STAGES:
        raise LookupError(f"there is no stage {name!r}; accepted are {', '.join(STAGES)}")
    document = yaml.safe_load((folder / f"{name}.yaml").read_text())
    return Stage(name=name, **document)


def load_stages(folder: Path = FOLDER) -> list[Stage]:
    """Every stage."""
    return [load_stage(name, folder) for name in STAGES]
