"""The only reader of the environment.

Every setting of every function is a field below; `.env.sample` lists the same names (a test compares the
two). Byte sizes are written as BigQuery users say them (`10 GB`, `500 MiB`) or as plain bytes.
"""

import os
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from shared.sizes import parse_bytes


def _split_list(value: object) -> object:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _read_size(value: object) -> object:
    return parse_bytes(value) if isinstance(value, str) else value


def _check_time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no IANA time zone; write for example Europe/Berlin") from error
    return value


def _check_base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"{value!r} is no URL; write for example https://dashboards.example.com")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
ByteSize = Annotated[int, BeforeValidator(_read_size), Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
StringList = Annotated[list[str], BeforeValidator(_split_list)]
TimeZoneName = Annotated[str, AfterValidator(_check_time_zone)]


class Environment(StrEnum):
    """Where this process runs."""

    LOCAL = "local"
    STAGING = "staging"
    PROD = "prod"


class Settings(BaseModel):
    """Settings of one process: what is given, else the environment's (names in upper case), else the default.

    Read here and not by pydantic-settings, whose import was a sixth of a cold start. An empty variable counts
    as unset.
    """

    model_config = ConfigDict(extra="ignore")

    # --- which environment
    environment: Environment = Environment.LOCAL
    service_version: str = "dev"
    public_url: BaseUrl = Field("http://localhost:8080", description="Base URL browsers use.")
    log_level: str = "INFO"

    # --- BigQuery
    google_cloud_project: str = Field("local", description="Project that runs and pays for jobs.")
    bigquery_location: str = "US"
    bigquery_endpoint: str | None = Field(None, description="REST endpoint of an emulator; unset: Google's.")
    bigquery_storage_endpoint: str | None = Field(None, description="host:port of an emulator's gRPC.")
    allowed_datasets: StringList = Field(
        default_factory=list,
        description="`dataset` or `project.dataset`, comma separated; empty allows none.",
    )
    allowed_table_functions: StringList = Field(default_factory=list)
    max_bytes_per_query: ByteSize = Field(10 * 10**9, description="Upper bound of any single query's cap.")
    max_bytes_per_refresh: ByteSize = 50 * 10**9
    max_bytes_per_user_day: ByteSize = 50 * 10**9
    max_bytes_per_dashboard_day: ByteSize = 100 * 10**9
    max_bytes_per_environment_day: ByteSize = 500 * 10**9
    budget_time_zone: TimeZoneName = Field("UTC", description="IANA zone in which a budget's day begins.")
    price_per_tib_usd: Decimal = Field(Decimal("6.25"), ge=0, description="On-demand price per TiB billed.")
    warehouse_timeout_seconds: float = Field(60.0, gt=0, description="Deadline of one job, retries included.")
    warehouse_call_timeout_seconds: float = Field(
        10.0, gt=0, description="Deadline of one call that starts a job, asks for it or reads its rows."
    )
    warehouse_metadata_timeout_seconds: float = Field(
        5.0, gt=0, description="When a dry run or metadata call without an answer is given up as an outage."
    )
    reservation_grace_seconds: float = Field(
        60.0,
        gt=0,
        description="How long after a job's deadline its reservation stands when nobody settles it.",
    )
    refresh_lease_seconds: float = Field(
        30.0, ge=1, description="How long a query stays reserved for a worker that is not heard of any more."
    )
    drain_seconds: float = Field(
        3.0, ge=0, description="How long a refresh goes on after its process was told to stop."
    )
    warehouse_parallelism: int = Field(8, ge=1, le=64, description="Jobs and dry runs at once, per process.")
    storage_read_min_rows: int = Field(
        5000, ge=1, description="Results with more rows are read by the Storage Read API."
    )

    # --- PostgreSQL
    database_url: SecretStr = SecretStr("postgresql+pg8000://almanac:almanac@127.0.0.1:5432/almanac")
    database_pool_size: int = Field(4, ge=2)
    database_connect_timeout_seconds: Seconds = 3.0
    database_statement_timeout_seconds: Seconds = 10.0

    # --- cache
    cache_url: SecretStr = Field(SecretStr("memory://"), description="redis://, rediss:// or memory://")
    cache_timeout_seconds: Seconds = 1.0
    cache_memory_max_bytes: ByteSize = 64 * 1024**2
    payload_memory_seconds: float = Field(
        1.0, ge=0, description="How long a process serves a payload again without asking the cache."
    )
    cache_ttl_seconds: int = Field(30 * 86400, ge=1, description="A safety net, not freshness.")

    # --- blob stores
    dashboard_store_url: str = Field("git:.local/workdir", description="git:PATH or gs://BUCKET/PREFIX")
    payload_store_url: str = Field("file:.local/payloads", description="file:PATH or gs://BUCKET/PREFIX")
    storage_endpoint: str | None = Field(None, description="Endpoint of a GCS emulator; unset: Google's.")
    storage_timeout_seconds: Seconds = 10.0

    # --- payloads and requests
    max_body_bytes: ByteSize = 2 * 10**6
    max_payload_bytes: ByteSize = Field(10 * 10**6, description="Encoded bytes of one payload, uncompressed.")
    max_rows_per_query: int = Field(50_000, ge=1, description="Upper bound of a query's max_rows.")
    max_variants_per_dashboard: int = Field(64, ge=1)

    # --- retention
    on_demand_refresh_days: int = Field(
        7,
        ge=0,
        description="How long after it was last read a variant computed on demand is refreshed along.",
    )
    retention_days: int = Field(
        30, ge=1, description="How long what is served no more is kept: payloads and results."
    )

    # --- sign-in
    oidc_issuer: str = "https://accounts.google.com"
    oidc_discovery_url: str = "https://accounts.google.com/.well-known/openid-configuration"
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    cli_oidc_client_id: str = Field("", description="Published at /auth/config; an accepted audience.")
    cli_oidc_client_secret: str = Field("", description="Public too, as RFC 8252 has it for native apps.")
    allowed_emails: StringList = Field(default_factory=list)
    allowed_domains: StringList = Field(default_factory=list)
    admin_emails: StringList = Field(default_factory=list)
    editor_emails: StringList = Field(default_factory=list, description="Addresses or @domain; `*` for all.")
    service_account_emails: StringList = Field(
        default_factory=list, description="Service accounts whose ID tokens may call scheduler endpoints."
    )
    bearer_audiences: StringList = Field(
        default_factory=list,
        description="Audiences accepted in bearer ID tokens, besides public_url and client id.",
    )
    session_idle_seconds: int = Field(12 * 3600, ge=60)
    session_absolute_seconds: int = Field(7 * 86400, ge=60)
    session_cache_seconds: int = Field(5, ge=0, description="How long an earlier check is believed.")
    oidc_timeout_seconds: float = 5.0

    # --- telemetry
    otel_traces_exporter: str = Field("console", pattern="^(console|otlp|none)$")
    otel_exporter_otlp_endpoint: str | None = None

    def __init__(self, **given: Any) -> None:
        named = {name.lower(): value for name, value in os.environ.items() if value}
        fields = type(self).model_fields
        super().__init__(**{name: named[name] for name in fields if name in named} | given)

    def list_environment_names(self) -> Iterable[str]:
        """The environment variables this class reads, in declaration order."""
        return (name.upper() for name in type(self).model_fields)


@cache
def get_settings() -> Settings:
    """The settings of this process, read once, on first use."""
    return Settings()
