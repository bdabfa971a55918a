"""The environment variables of the local stack's functions; the names are those of `shared.settings`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers.oidc import OidcServer
from shared.api.manifest import FunctionEntry
from shared.settings import Settings

PROJECT = "local"
DATASET = "nyc"
ADMIN_EMAIL = "admin@example.com"
EDITOR_EMAIL = "editor@example.com"
SCHEDULER_EMAIL = "scheduler@local.iam.gserviceaccount.com"
EMULATOR_DEFAULTS = {
    "ALLOWED_DATASETS": DATASET,
    # The emulator shares a laptop's cores with everything else; BigQuery answers a metadata call in milliseconds.
    "WAREHOUSE_CALL_TIMEOUT_SECONDS": "30",
    "WAREHOUSE_METADATA_TIMEOUT_SECONDS": "8",
}
GOOGLE_DEFAULTS = {"MAX_BYTES_PER_ENVIRONMENT_DAY": "10 GB"}
"""With real BigQuery the first hour must not cost more than a few cents."""
# What Cloud Run mounts from Secret Manager: a function gets those its manifest entry lists, and no others.
SECRETS = frozenset({"DATABASE_URL", "CACHE_URL", "OIDC_CLIENT_SECRET"})


@dataclass(frozen=True)
class Decision:
    """Settings that the stack decides itself, and why a developer's own are not used."""

    reason: str
    values: Mapping[str, str]

    def list_overruled(self, chosen: Mapping[str, str]) -> list[str]:
        """Those of its settings that `chosen` sets to something else; a default that was copied is no choice."""
        return [
            name
            for name, value in self.values.items()
            if chosen.get(name) and chosen[name] != value and not _is_default(name, chosen[name])
        ]


AT_GOOGLE = Decision(
    "queries go to BigQuery itself, by STACK=google",
    {"BIGQUERY_ENDPOINT": "", "BIGQUERY_STORAGE_ENDPOINT": ""},
)
IN_GCS = Decision("files are kept in Cloud Storage itself, by STORAGE=gcs", {"STORAGE_ENDPOINT": ""})


def decide_emulator(endpoint: str, storage_endpoint: str) -> Decision:
    """Queries go to the emulator, in its own project."""
    return Decision(
        "queries go to the emulator; STACK=google takes BigQuery itself",
        {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "BIGQUERY_ENDPOINT": endpoint,
            "BIGQUERY_STORAGE_ENDPOINT": storage_endpoint,
        },
    )


def decide_files(state_dir: Path) -> Decision:
    """Dashboards and payloads are kept in files below `state_dir`."""
    return Decision(
        f"files are kept in {state_dir}; STORAGE=gcs takes Cloud Storage itself",
        {
            "DASHBOARD_STORE_URL": f"git:{state_dir / 'workdir'}",
            "PAYLOAD_STORE_URL": f"file:{state_dir / 'payloads'}",
            "STORAGE_ENDPOINT": "",
        },
    )


def list_decisions(*, public_url: str, database_url: str, cache_url: str, oidc: OidcServer) -> list[Decision]:
    """What every stack decides itself: its own addresses and accounts."""
    return [
        Decision("this is the local stack", {"ENVIRONMENT": "local"}),
        Decision("the address is nginx's, on PORT_NGINX", {"PUBLIC_URL": public_url}),
        Decision(
            "the stack starts a PostgreSQL of its own, on PORT_POSTGRES",
            {"DATABASE_URL": database_url},
        ),
        Decision("the stack starts a Valkey of its own, on PORT_CACHE", {"CACHE_URL": cache_url}),
        Decision("only the stack's nginx stands before the functions", {"TRUSTED_PROXIES": "127.0.0.1"}),
        Decision(
            "a sign-in provider of the stack's own knows the accounts, on PORT_OIDC",
            {
                "OIDC_ISSUER": oidc.issuer,
                "OIDC_DISCOVERY_URL": oidc.discovery_url,
                "OIDC_CLIENT_ID": oidc.client_id,
                "OIDC_CLIENT_SECRET": oidc.client_secret,
                "CLI_OIDC_CLIENT_ID": oidc.cli_client_id,
                "CLI_OIDC_CLIENT_SECRET": "",
                "ALLOWED_EMAILS": "",
                "ALLOWED_DOMAINS": "example.com",
                "ADMIN_EMAILS": ADMIN_EMAIL,
                "EDITOR_EMAILS": EDITOR_EMAIL,
                "SERVICE_ACCOUNT_EMAILS": SCHEDULER_EMAIL,
            },
        ),
    ]


def build_environment(
    defaults: Mapping[str, str], chosen: Mapping[str, str], decisions: Sequence[Decision]
) -> dict[str, str]:
    """Every setting of the stack.

    What the developer chose, such as budgets, counts more than `defaults`, and what the stack decides more than that.
    """
    names = set(Settings.list_environment_names())
    own = {name: value for name, value in chosen.items() if value and name in names}
    decided = {name: value for decision in decisions for name, value in decision.values.items()}
    return {**defaults, **own, **decided}


def explain_overruled(chosen: Mapping[str, str], decisions: Sequence[Decision]) -> list[str]:
    """One sentence for each decision that leaves something unused which the developer chose."""
    overruled = ((decision.list_overruled(chosen), decision.reason) for decision in decisions)
    return [
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not used: {reason}."
        for names, reason in overruled
        if names
    ]


def select_environment(environment: Mapping[str, str], entry: FunctionEntry) -> dict[str, str]:
    """`environment` without the secrets that `entry` does not list. Raises LookupError for an unknown one."""
    unknown = set(entry.secrets) - SECRETS
    if unknown:
        listed = ", ".join(sorted(unknown))
        raise LookupError(f"{entry.name} lists unknown secrets in deploy/functions.yaml: {listed}")
    withheld = SECRETS - set(entry.secrets)
    return {name: value for name, value in environment.items() if name not in withheld}


def _is_default(name: str, value: str) -> bool:
    field = name.lower()
    return bool(getattr(Settings(**{field: value}), field) == getattr(Settings, field))
