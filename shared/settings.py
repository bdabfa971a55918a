"""Every setting of every function.

They are the fields below; `.env.sample` lists the same names (a test compares the
two). Byte sizes are written as BigQuery users say them (`10 GB`, `500 MiB`) or as plain bytes.
"""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Annotated

from msgspec import Meta

from shared.environment import EnvironmentSettings, Reader, SecretStr
from shared.sizes import parse_bytes
from shared.time_zones import is_time_zone


def _split_list(value: object) -> object:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _read_size(value: object) -> object:
    return parse_bytes(value) if isinstance(value, str) else value


def _check_time_zone(value: str) -> str:
    if not is_time_zone(value):
        raise ValueError(f"{value!r} is no IANA time zone; write for example Europe/Berlin")
    return value


def _check_base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"{value!r} is no URL; write for example https://dashboards.example.com")
    return value.rstrip("/")


def _read_price(value: object) -> Decimal:
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal(-1)
    if not price.is_finite() or price < 0:
        raise ValueError(f"{value!r} is no price; write for example 6.25")
    return price


def _check_networks(value: list[str]) -> list[str]:
    import ipaddress  # which no cold start needs

    for network in value:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise ValueError(f"{network!r} is no network; write for example 10.0.0.0/8") from error
    return value


BaseUrl = Annotated[str, Reader(_check_base_url)]
ByteSize = Annotated[int, Reader(_read_size, "size"), Meta(gt=0)]
Price = Annotated[Decimal, Reader(_read_price, "number from 0")]
Seconds = Annotated[float, Meta(gt=0)]
StringList = Annotated[list[str], Reader(_split_list, "list")]
TimeZoneName = Annotated[str, Reader(_check_time_zone)]
NetworkList = Annotated[list[str], Reader(_split_list, "list"), Reader(_check_networks)]
NO_STRINGS: list[str] = []


class Environment(StrEnum):
    """Where this process runs."""

    LOCAL = "local"
    STAGING = "staging"
    PROD = "prod"


class PricingModel(StrEnum):
    """How BigQuery is paid: by the bytes billed, or by slots (editions and reservations)."""

    ON_DEMAND = "on_demand"
    SLOTS = "slots"


class TracesExporter(StrEnum):
    """Where spans go."""

    CONSOLE = "console"
    OTLP = "otlp"
    NONE = "none"


class Settings(EnvironmentSettings):
    """Settings of one process."""

    # --- which environment
    environment: Environment = Environment.LOCAL
    service_version: str = "dev"
    public_url: BaseUrl = "http://localhost:8080"
    """Base URL browsers use."""
    log_level: str = "INFO"

    # --- BigQuery
    google_cloud_project: str = "local"
    """Project that runs and pays for jobs."""
    bigquery_location: str = "US"
    bigquery_endpoint: str | None = None
    """REST endpoint of an emulator; unset: Google's."""
    bigquery_storage_endpoint: str | None = None
    """host:port of an emulator's gRPC."""
    allowed_datasets: StringList = NO_STRINGS
    """`dataset` or `project.dataset`, comma separated; empty allows none."""
    allowed_routines: StringList = NO_STRINGS
    max_bytes_per_query: ByteSize = 10 * 10**9
    """Upper bound of any single query's cap."""
    max_bytes_per_refresh: ByteSize = 50 * 10**9
    max_bytes_per_user_day: ByteSize = 50 * 10**9
    max_bytes_per_dashboard_day: ByteSize = 100 * 10**9
    max_bytes_per_environment_day: ByteSize = 500 * 10**9
    budget_time_zone: TimeZoneName = "UTC"
    """IANA zone in which a budget's day begins."""
    pricing_model: PricingModel = PricingModel.ON_DEMAND
    """Whether BigQuery is paid by the bytes billed or by slots."""
    price_per_tib_usd: Price = Decimal("6.25")
    """On-demand price per TiB billed."""
    warehouse_timeout_seconds: Seconds = 60.0
    """Deadline of one job, retries included."""
    warehouse_call_timeout_seconds: Seconds = 10.0
    """Deadline of one call that starts a job, asks for it or reads its rows."""
    warehouse_metadata_timeout_seconds: Seconds = 5.0
    """When a dry run or metadata call without an answer is given up as an outage."""
    reservation_grace_seconds: Seconds = 60.0
    """How long after a job's deadline its reservation stands when nobody settles it."""
    refresh_lease_seconds: Annotated[float, Meta(ge=1)] = 30.0
    """How long a query stays reserved for a worker that is not heard of any more."""
    drain_seconds: Annotated[float, Meta(ge=0)] = 3.0
    """How long a refresh goes on after its process was told to stop."""
    warehouse_parallelism: Annotated[int, Meta(ge=1, le=64)] = 8
    """Jobs and dry runs at once, per process."""
    storage_read_min_rows: Annotated[int, Meta(ge=1)] = 5000
    """Results with more rows are read by the Storage Read API."""

    # --- PostgreSQL
    database_url: SecretStr = SecretStr("postgresql+pg8000://almanac:almanac@127.0.0.1:5432/almanac")
    database_writer_url: SecretStr = SecretStr("")
    """Of the user that functions which write sign in as; read by migrations alone, which make it."""
    database_reader_url: SecretStr = SecretStr("")
    database_pool_size: Annotated[int, Meta(ge=2)] = 4
    database_connect_timeout_seconds: Seconds = 3.0
    database_statement_timeout_seconds: Seconds = 10.0
    database_outage_seconds: Annotated[int, Meta(ge=0)] = 300
    """How long callers and answers that were known are believed while PostgreSQL does not answer; 0: not at all."""

    # --- cache
    cache_url: SecretStr = SecretStr("memory://")
    """redis://, rediss:// or memory://"""
    cache_timeout_seconds: Seconds = 1.0
    cache_memory_max_bytes: ByteSize = 64 * 1024**2
    payload_memory_seconds: Annotated[float, Meta(ge=0)] = 1.0
    """How long a process serves a payload again without asking the cache."""
    cache_ttl_seconds: Annotated[int, Meta(ge=1)] = 30 * 86400
    """A safety net, not freshness."""

    # --- blob stores
    dashboard_store_url: str = "git:.local/workdir"
    """git:PATH or gs://BUCKET/PREFIX"""
    payload_store_url: str = "file:.local/payloads"
    """file:PATH or gs://BUCKET/PREFIX"""
    storage_endpoint: str | None = None
    """Endpoint of a GCS emulator; unset: Google's."""
    storage_timeout_seconds: Seconds = 10.0

    # --- payloads and requests
    max_body_bytes: ByteSize = 2 * 10**6
    body_timeout_seconds: Seconds = 20.0
    """How long a request's body may take to arrive."""
    max_payload_bytes: ByteSize = 10 * 10**6
    """Encoded bytes of one payload, uncompressed."""
    max_rows_per_query: Annotated[int, Meta(ge=1)] = 50_000
    """Upper bound of a query's max_rows."""
    max_variants_per_dashboard: Annotated[int, Meta(ge=1)] = 64

    # --- limits
    trusted_proxies: NetworkList = NO_STRINGS
    """Networks of peers whose forwarded addresses are believed."""
    logins_per_minute: Annotated[int, Meta(ge=1)] = 20
    compiles_in_flight: Annotated[int, Meta(ge=1)] = 2
    dry_runs_per_call: Annotated[int, Meta(ge=1)] = 2000
    dry_run_kept_seconds: Annotated[int, Meta(ge=0)] = 7 * 86400
    """How long the answer of a dry run prices plans while the query's tables stay as they were; 0: not at all."""

    # --- retention
    on_demand_refresh_days: Annotated[int, Meta(ge=0)] = 7
    """How long after it was last read a variant computed on demand is refreshed along."""
    retention_days: Annotated[int, Meta(ge=1)] = 30
    """How long what is served no more is kept: payloads and results."""

    # --- sign-in
    oidc_issuer: str = "https://accounts.google.com"
    oidc_discovery_url: str = "https://accounts.google.com/.well-known/openid-configuration"
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    cli_oidc_client_id: str = ""
    """Published at /auth/config; an accepted audience."""
    cli_oidc_client_secret: str = ""
    """Public too, as RFC 8252 has it for native apps."""
    allowed_emails: StringList = NO_STRINGS
    allowed_domains: StringList = NO_STRINGS
    admin_emails: StringList = NO_STRINGS
    editor_emails: StringList = NO_STRINGS
    """Addresses or @domain; `*` for all."""
    service_account_emails: StringList = NO_STRINGS
    """Service accounts whose ID tokens may call scheduler endpoints."""
    bearer_audiences: StringList = NO_STRINGS
    """Audiences accepted in bearer ID tokens, besides public_url and client id."""
    session_idle_seconds: Annotated[int, Meta(ge=60)] = 12 * 3600
    session_absolute_seconds: Annotated[int, Meta(ge=60)] = 7 * 86400
    session_cache_seconds: Annotated[int, Meta(ge=0)] = 5
    """How long an earlier check is believed."""
    oidc_timeout_seconds: float = 5.0

    # --- telemetry
    otel_traces_exporter: TracesExporter = TracesExporter.CONSOLE
    otel_exporter_otlp_endpoint: str | None = None
    trace_slow_seconds: Annotated[float, Meta(ge=0)] = 2.0
    """A request that takes this leaves its spans though its caller asked for none."""

    @property
    def usd_per_tib(self) -> Decimal | None:
        """What a TiB billed costs; None where slots are paid, of which bytes say nothing."""
        return self.price_per_tib_usd if self.pricing_model is PricingModel.ON_DEMAND else None


@cache
def get_settings() -> Settings:
    """The settings of this process, read once, on first use."""
    return Settings()
