"""Everything between a query and BigQuery."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from shared.container.stores import StoreServices
from shared.once import once

if TYPE_CHECKING:
    from shared.warehouse.bigquery.clients import WarehouseClients
    from shared.warehouse.bigquery.jobs import JobRunner
    from shared.warehouse.bigquery.metadata import TableMetadataReader
    from shared.warehouse.guard.guard import QueryGuard
    from shared.warehouse.kept_dry_runs import DryRunKeeper
    from shared.warehouse.models.bill import Bill
    from shared.warehouse.service import WarehouseService
    from shared.warehouse.source_state import SourceStateReader
    from shared.warehouse.spending.budgets import BudgetService
    from shared.warehouse.spending.costs import CostService
    from shared.warehouse.spending.read_back import SpendingReader
    from shared.warehouse.spending.spender import RowsReader
    from shared.warehouse.sql_runs import SqlRunService


class WarehouseServices(StoreServices):
    """Builds what stands between a query and BigQuery: guard, budgets, jobs, metadata."""

    @once
    def query_guard(self) -> "QueryGuard":
        """The guard that every query passes before anything is sent."""
        from shared.warehouse.guard.guard import QueryGuard
        from shared.warehouse.guard.policy import make_policy

        return QueryGuard(make_policy(self.settings))

    @once
    def warehouse_clients(self) -> "WarehouseClients":
        """The holder of Google's clients, which makes them on first use."""
        from shared.warehouse.bigquery.clients import WarehouseClients

        return WarehouseClients(self.settings)

    @once
    def job_runner(self) -> "JobRunner":
        """The runner of jobs: dry runs, starts, waits, cancels."""
        from shared.warehouse.bigquery.jobs import JobRunner

        return JobRunner(self.warehouse_clients, self.settings)

    @once
    def budgets(self) -> "BudgetService":
        """The budgets: reservations before a job, settlement after it."""
        from shared.warehouse.spending.budgets import BudgetService

        def find_bill(job_id: str, reservation_id: UUID) -> "Bill | None":
            return self.job_runner.find_bill(job_id, reservation_id)

        # Who reads costs asks BigQuery only about jobs whose process died.
        return BudgetService(
            self.database,
            self.settings,
            self.clock,
            find_bill,
            lambda actor: self.spending_reader.require_ledger(actor),
        )

    @once
    def spending_reader(self) -> "SpendingReader":
        """The reader of what was spent, from BigQuery's list of jobs."""
        from shared.warehouse.bigquery.job_history import JobHistory
        from shared.warehouse.spending.read_back import SpendingReader

        history = JobHistory(self.warehouse_clients, self.settings)
        return SpendingReader(self.database, self.settings, self.clock, history.list_jobs)

    @once
    def costs(self) -> "CostService":
        """The service that reports what was spent and what is left."""
        from shared.warehouse.spending.costs import CostService

        return CostService(self.database, self.settings, self.budgets)

    @once
    def table_metadata(self) -> "TableMetadataReader":
        """The reader of tables' metadata."""
        from shared.warehouse.bigquery.metadata import TableMetadataReader

        return TableMetadataReader(self.warehouse_clients, self.settings)

    @once
    def source_states(self) -> "SourceStateReader":
        """The reader of when tables last changed."""
        from shared.warehouse.source_state import SourceStateReader

        return SourceStateReader(self.table_metadata, self.query_guard)

    @once
    def warehouse(self) -> "WarehouseService":
        """The service that dry-runs and runs queries, within guard and budgets."""
        from shared.warehouse.bigquery.results import read_rows

        return self._build_warehouse(
            partial(read_rows, clients=self.warehouse_clients, settings=self.settings)
        )

    @once
    def kept_dry_runs(self) -> "DryRunKeeper":
        """The keeper of what dry runs said, which prices plans."""
        from shared.warehouse.kept_dry_runs import DryRunKeeper

        return DryRunKeeper(self.database, self.settings, self.clock)

    @once
    def sql_runs(self) -> "SqlRunService":
        """The service of `/sql/run`: queries typed by people."""
        from shared.warehouse.bigquery.google_client import load_without_arrow
        from shared.warehouse.bigquery.samples import read_sample
        from shared.warehouse.sql_runs import SqlRunService

        load_without_arrow()
        warehouse = self._build_warehouse(
            partial(read_sample, clients=self.warehouse_clients, settings=self.settings)
        )
        return SqlRunService(warehouse, self.settings)

    def _build_warehouse[R](self, read: "RowsReader[R]") -> "WarehouseService[R]":
        from shared.warehouse.partitions.reader import PartitionReader
        from shared.warehouse.refusals import RefusalExplainer
        from shared.warehouse.service import WarehouseService
        from shared.warehouse.spending.run_log import QueryRunLog
        from shared.warehouse.spending.spender import QuerySpender

        run_log = QueryRunLog(self.database, self.clock)
        return WarehouseService(
            self.settings,
            self.query_guard,
            self.job_runner,
            QuerySpender(self.settings, self.job_runner, self.budgets, run_log, read),
            PartitionReader(self.table_metadata, self.query_guard),
            RefusalExplainer(self.warehouse_clients, self.table_metadata),
        )
