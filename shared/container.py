"""The only composition root: every service is built here, once per process, on first use.

Imports stand inside the properties, so that a function loads only what it serves. Tests build a Container
with their own settings and install it with `use_container`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from shared.settings import Settings, get_settings

if TYPE_CHECKING:
    from shared.auth.action_log import ActionLog
    from shared.auth.allowlist import Allowlist
    from shared.auth.authenticator import Authenticator
    from shared.auth.identity_provider import IdentityProvider
    from shared.auth.sessions import SessionService
    from shared.auth.sign_in import SignInService
    from shared.auth.tokens import IdTokenVerifier
    from shared.cache.cache import Cache
    from shared.dashboards.catalog import DashboardCatalog
    from shared.dashboards.compilation import CompilationService
    from shared.dashboards.drift import DriftService
    from shared.dashboards.head_cache import HeadCache
    from shared.dashboards.library import DashboardLibrary
    from shared.dashboards.lineage_sources import DashboardLineage
    from shared.dashboards.publishing import BlobPublisher
    from shared.dashboards.rollback import RollbackService
    from shared.dashboards.saving import SavingService
    from shared.dashboards.validation_service import ValidationService
    from shared.database.unit_of_work import Database
    from shared.lineage.service import LineageService
    from shared.precompute.assembly import PayloadAssembler
    from shared.precompute.cached_blobs import CachedBlobs
    from shared.precompute.housekeeping import Housekeeper
    from shared.precompute.refresher import QueryRefresher
    from shared.precompute.result_store import ResultStore
    from shared.precompute.service import PrecomputeService
    from shared.precompute.serving import DataService
    from shared.precompute.source_state import SourceStateReader
    from shared.storage.blob import BlobStore
    from shared.warehouse.budgets import BudgetService
    from shared.warehouse.clients import WarehouseClients
    from shared.warehouse.costs import CostService
    from shared.warehouse.guard.guard import QueryGuard
    from shared.warehouse.jobs import JobRunner
    from shared.warehouse.metadata import TableMetadataReader
    from shared.warehouse.service import WarehouseService
    from shared.warehouse.sql_runs import SqlRunService


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Container:
    """Builds the services of one process from its settings."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.clock = clock

    # --- database, cache, storage

    @cached_property
    def database(self) -> "Database":
        """PostgreSQL."""
        from shared.database.unit_of_work import Database

        return Database(self.settings)

    @cached_property
    def cache(self) -> "Cache":
        """Redis, or memory."""
        from shared.cache.factory import open_cache

        return open_cache(self.settings)

    @cached_property
    def dashboard_store(self) -> "BlobStore":
        """Where dashboards lie."""
        from shared.storage.factory import open_dashboard_store

        return open_dashboard_store(self.settings)

    @cached_property
    def payload_store(self) -> "BlobStore":
        """Where results and payloads lie."""
        from shared.storage.factory import open_payload_store

        return open_payload_store(self.settings)

    @cached_property
    def action_log(self) -> "ActionLog":
        """The record of who did what."""
        from shared.auth.action_log import ActionLog

        return ActionLog(self.database, self.clock)

    # --- sign-in

    @cached_property
    def allowlist(self) -> "Allowlist":
        """Who may come in."""
        from shared.auth.allowlist import Allowlist

        return Allowlist(self.settings)

    @cached_property
    def identity_provider(self) -> "IdentityProvider":
        """Google, or the local provider."""
        from shared.auth.identity_provider import IdentityProvider

        return IdentityProvider(self.settings, self.clock)

    @cached_property
    def id_token_verifier(self) -> "IdTokenVerifier":
        """Checks ID tokens."""
        from shared.auth.tokens import IdTokenVerifier

        return IdTokenVerifier(self.settings, self.identity_provider, self.clock)

    @cached_property
    def sessions(self) -> "SessionService":
        """Signed-in browsers."""
        from shared.auth.sessions import SessionService

        return SessionService(self.settings, self.database, self.allowlist, self.clock)

    @cached_property
    def sign_in(self) -> "SignInService":
        """The code flow."""
        from shared.auth.oidc import OidcClient
        from shared.auth.sign_in import SignInService

        client = OidcClient(self.settings, self.identity_provider, self.id_token_verifier, self.clock)
        return SignInService(client, self.sessions)

    @cached_property
    def authenticator(self) -> "Authenticator":
        """Who is calling."""
        from shared.auth.authenticator import Authenticator

        return Authenticator(
            self.settings, self.database, self.allowlist, self.sessions, self.id_token_verifier, self.clock
        )

    # --- warehouse

    @cached_property
    def query_guard(self) -> "QueryGuard":
        """What SQL may do."""
        from shared.warehouse.guard.guard import GuardPolicy, QueryGuard

        settings = self.settings
        return QueryGuard(
            GuardPolicy(
                project=settings.google_cloud_project,
                allowed_datasets=settings.allowed_datasets,
                allowed_table_functions=settings.allowed_table_functions,
            )
        )

    @cached_property
    def warehouse_clients(self) -> "WarehouseClients":
        """Google's clients."""
        from shared.warehouse.clients import WarehouseClients

        return WarehouseClients(self.settings)

    @cached_property
    def job_runner(self) -> "JobRunner":
        """Jobs at BigQuery."""
        from shared.warehouse.jobs import JobRunner

        return JobRunner(self.warehouse_clients, self.settings)

    @cached_property
    def budgets(self) -> "BudgetService":
        """What may be spent."""
        from shared.warehouse.budgets import BudgetService

        return BudgetService(self.database, self.settings, self.clock, self.job_runner.find_billed_bytes)

    @cached_property
    def costs(self) -> "CostService":
        """What was spent, and what is left."""
        from shared.warehouse.costs import CostService

        return CostService(self.database, self.settings, self.budgets)

    @cached_property
    def table_metadata(self) -> "TableMetadataReader":
        """What BigQuery says about tables."""
        from shared.warehouse.metadata import TableMetadataReader

        return TableMetadataReader(self.warehouse_clients, self.settings)

    @cached_property
    def warehouse(self) -> "WarehouseService":
        """Every query's one way to BigQuery."""
        from shared.warehouse.partitions import PartitionReader
        from shared.warehouse.refusals import RefusalExplainer
        from shared.warehouse.run_log import QueryRunLog
        from shared.warehouse.service import WarehouseService
        from shared.warehouse.spending import QuerySpender

        run_log = QueryRunLog(self.database, self.clock)
        return WarehouseService(
            self.settings,
            self.query_guard,
            self.job_runner,
            QuerySpender(self.settings, self.warehouse_clients, self.job_runner, self.budgets, run_log),
            PartitionReader(self.table_metadata, self.query_guard),
            RefusalExplainer(self.warehouse_clients, self.table_metadata),
        )

    @cached_property
    def sql_runs(self) -> "SqlRunService":
        """Queries typed by people."""
        from shared.warehouse.sql_runs import SqlRunService

        return SqlRunService(self.warehouse, self.settings)

    # --- dashboards and lineage

    @cached_property
    def lineage(self) -> "LineageService":
        """What feeds what."""
        from shared.lineage.service import LineageService

        return LineageService(self.database, self.clock)

    @cached_property
    def dashboard_lineage(self) -> "DashboardLineage":
        """The lineage of dashboards."""
        from shared.dashboards.lineage_sources import DashboardLineage

        return DashboardLineage(self.table_metadata, self.lineage, self.settings)

    @cached_property
    def catalog(self) -> "DashboardCatalog":
        """Saved dashboards, parsed."""
        from shared.dashboards.catalog import DashboardCatalog

        return DashboardCatalog(self.database)

    @cached_property
    def library(self) -> "DashboardLibrary":
        """Saved dashboards, listed."""
        from shared.dashboards.library import DashboardLibrary

        return DashboardLibrary(self.database, self.clock, self.settings.price_per_tib_usd)

    @cached_property
    def head_cache(self) -> "HeadCache":
        """Current versions, quick."""
        from shared.dashboards.head_cache import HeadCache
        from shared.dashboards.head_reader import HeadReader

        return HeadCache(self.cache, HeadReader(self.database))

    @cached_property
    def validation(self) -> "ValidationService":
        """Diagnostics, without the warehouse."""
        from shared.dashboards.validation_service import ValidationService

        return ValidationService(self.settings)

    @cached_property
    def compilation(self) -> "CompilationService":
        """Validation and plans."""
        from shared.dashboards.compilation import CompilationService

        return CompilationService(self.validation, self.warehouse, self.database, self.settings, self.clock)

    @cached_property
    def publisher(self) -> "BlobPublisher":
        """Versions on their way to the blob store."""
        from shared.dashboards.publishing import BlobPublisher

        return BlobPublisher(self.database, lambda: self.dashboard_store)

    @cached_property
    def saving(self) -> "SavingService":
        """New versions."""
        from shared.dashboards.saving import SavingService

        return SavingService(
            self.compilation,
            self.dashboard_lineage,
            self.publisher,
            self.database,
            self.head_cache,
            self.clock,
            lambda slugs: self.precompute.assemble_dashboards(slugs),
        )

    @cached_property
    def rollback(self) -> "RollbackService":
        """Earlier versions again."""
        from shared.dashboards.rollback import RollbackService

        return RollbackService(self.saving, self.database)

    @cached_property
    def drift(self) -> "DriftService":
        """Index against blob store."""
        from shared.dashboards.drift import DriftService
        from shared.dashboards.head_reader import HeadReader

        return DriftService(
            self.database,
            lambda: self.dashboard_store,
            self.publisher,
            self.head_cache,
            HeadReader(self.database),
            lambda slugs: self.precompute.assemble_dashboards(slugs),
        )

    # --- precompute and data

    @cached_property
    def cached_blobs(self) -> "CachedBlobs":
        """Copies of what lies in the payload store."""
        from shared.precompute.cached_blobs import CachedBlobs

        return CachedBlobs(self.cache, lambda: self.payload_store, self.settings.cache_ttl_seconds)

    @cached_property
    def results(self) -> "ResultStore":
        """Encoded results."""
        from shared.precompute.result_store import ResultStore

        return ResultStore(
            self.database, self.cached_blobs, lambda: self.payload_store, self.settings, self.clock
        )

    @cached_property
    def source_states(self) -> "SourceStateReader":
        """When tables last changed."""
        from shared.precompute.source_state import SourceStateReader

        return SourceStateReader(self.table_metadata, self.query_guard)

    @cached_property
    def refresher(self) -> "QueryRefresher":
        """Queries brought up to date."""
        from shared.precompute.refresher import QueryRefresher

        return QueryRefresher(
            self.warehouse, self.source_states, self.results, self.database, self.settings, self.clock
        )

    @cached_property
    def assembler(self) -> "PayloadAssembler":
        """Payloads from results."""
        from shared.precompute.assembly import PayloadAssembler
        from shared.precompute.payload_building import PayloadBuilder
        from shared.precompute.payload_keeping import PayloadKeeper

        keeper = PayloadKeeper(
            self.database, self.cache, lambda: self.payload_store, self.settings, self.clock
        )
        return PayloadAssembler(self.database, self.results, PayloadBuilder(self.settings), keeper)

    @cached_property
    def precompute(self) -> "PrecomputeService":
        """Refreshes."""
        from shared.precompute.departure import Departure
        from shared.precompute.planning import RefreshPlanner
        from shared.precompute.service import PrecomputeService

        return PrecomputeService(
            self.catalog,
            RefreshPlanner(self.catalog, self.database, self.settings, self.clock),
            self.refresher,
            self.assembler,
            self.dashboard_lineage,
            self.database,
            self.settings,
            self.clock,
            Departure(self.settings.drain_seconds),
        )

    @cached_property
    def housekeeper(self) -> "Housekeeper":
        """Deletes what nobody needs any more."""
        from shared.precompute.housekeeping import Housekeeper

        return Housekeeper(self.database, lambda: self.payload_store, self.settings, self.clock)

    @cached_property
    def data(self) -> "DataService":
        """What `/data` serves."""
        from shared.precompute.recent_payloads import RecentPayloads
        from shared.precompute.serving import DataService

        return DataService(
            self.head_cache,
            RecentPayloads(self.settings.payload_memory_seconds, self.settings.cache_memory_max_bytes),
            self.cached_blobs,
            self.database,
            self.clock,
        )


_current: Container | None = None


def get_container() -> Container:
    """The container of this process; built from the environment on first use."""
    global _current
    if _current is None:
        _current = Container(get_settings())
    return _current


def use_container(container: Container | None) -> None:
    """Install `container` for this process; None goes back to the environment's."""
    global _current
    _current = container
