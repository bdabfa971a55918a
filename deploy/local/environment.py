"""The environment variables of the local stack's functions; the names are those of `shared.settings`."""

import os
from collections.abc import Mapping
from pathlib import Path

from deploy.local.servers.oidc import OidcServer
from shared.api.manifest import FunctionEntry
from shared.settings import Settings

PROJECT = "local"
DATASET = "nyc"
ADMIN_EMAIL = "admin@example.com"
EDITOR_EMAIL = "editor@example.com"
SCHEDULER_EMAIL = "scheduler@local.iam.gserviceaccount.com"
# The emulator shares a laptop's cores with everything else; BigQuery answers a metadata call in milliseconds.
_PATIENCE = {"WAREHOUSE_CALL_TIMEOUT_SECONDS": "30", "WAREHOUSE_METADATA_TIMEOUT_SECONDS": "8"}
# What Cloud Run mounts from Secret Manager: a function gets those its manifest entry lists, and no others.
SECRETS = frozenset({"DATABASE_URL", "CACHE_URL", "OIDC_CLIENT_SECRET"})


def build_environment(
    *,
    public_url: str,
    database_url: str,
    cache_url: str,
    bigquery_endpoint: str,
    bigquery_storage_endpoint: str,
    oidc: OidcServer,
    state_dir: Path,
    chosen: Mapping[str, str],
) -> dict[str, str]:
    """Every setting of the stack.

    `chosen` are settings of the developer (`.env`), such as budgets; where the stack itself decides
    (addresses, credentials, stores, accounts) they are not asked.
    """
    names = set(Settings.list_environment_names())
    names -= set(os.environ)  # which every process of the stack inherits, and which wins over .env
    own = {name: value for name, value in chosen.items() if value and name in names}
    return (
        _PATIENCE
        | own
        | {
            "ENVIRONMENT": "local",
            "PUBLIC_URL": public_url,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "BIGQUERY_ENDPOINT": bigquery_endpoint,
            "BIGQUERY_STORAGE_ENDPOINT": bigquery_storage_endpoint,
            "ALLOWED_DATASETS": DATASET,
            "DATABASE_URL": database_url,
            "CACHE_URL": cache_url,
            "DASHBOARD_STORE_URL": f"git:{state_dir / 'workdir'}",
            "PAYLOAD_STORE_URL": f"file:{state_dir / 'payloads'}",
            # nginx.
            "TRUSTED_PROXIES": "127.0.0.1",
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
        }
    )


def select_environment(environment: Mapping[str, str], entry: FunctionEntry) -> dict[str, str]:
    """`environment` without the secrets that `entry` does not list. Raises LookupError for an unknown one."""
    unknown = set(entry.secrets) - SECRETS
    if unknown:
        listed = ", ".join(sorted(unknown))
        raise LookupError(f"{entry.name} lists unknown secrets in deploy/functions.yaml: {listed}")
    withheld = SECRETS - set(entry.secrets)
    return {name: value for name, value in environment.items() if name not in withheld}
