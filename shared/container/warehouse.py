"""Everything between a query and BigQuery."""

from typing import TYPE_CHECKING
from uuid import UUID

from shared.container.stores import StoreServices
from shared.once import once

if TYPE_CHECKING:
    from shared.warehouse.bigquery.clients import WarehouseClients
    from shared.warehouse.bigquery.jobs import JobRunner
    from shared.warehouse.bigquery.metadata import TableMetadataReader
    from shared.warehouse.guard.guard import QueryGuard
    from shared.warehouse.models.bill import Bill
    from shared.warehouse.service import WarehouseService
    from shared.warehouse.source_state import SourceStateReader
    from shared.warehouse.spending.budgets import BudgetService
    from shared.warehouse.spending.costs import CostService
    from shared.warehouse.sql_runs import SqlRunService


class WarehouseServices(StoreServices):
    """The way to the warehouse."""

    @once
    def query_guard(self) -> "QueryGuard":
        """What SQL may do."""
        from shared.warehouse.guard.guard import QueryGuard
        from shared.warehouse.guard.policy import make_policy

        return QueryGuard(make_policy(self.settings))

    @once
    def warehouse_clients(self) -> "WarehouseClients":
        """Google's clients."""
        from shared.warehouse.bigquery.clients import WarehouseClients

        return WarehouseClients(self.settings)

    @once
    def job_runner(self) -> "JobRunner":
        """Jobs at BigQuery."""
        from shared.warehouse.bigquery.jobs import JobRunner

        return JobRunner(self.warehouse_clients, self.settings)

    @once
    def budgets(self) -> "BudgetService":
        """What may be spent."""
        from shared.warehouse.spending.budgets import BudgetService

        def find_bill(job_id: str, reservation_id: UUID) -> "Bill | None":
            return self.job_runner.find_bill(job_id, reservation_id)

        # Who reads costs asks BigQuery only about jobs whose process died.
        return BudgetService(self.database, self.settings, self.clock, find_bill)

    @once
    def costs(self) -> "CostService":
        """What was spent, and what is left."""
        from shared.warehouse.spending.costs import CostService

        return CostService(self.database, self.settings, self.budgets)

    @once
    def table_metadata(self) -> "TableMetadataReader":
        """What BigQuery says about tables."""
        from shared.warehouse.bigquery.metadata import TableMetadataReader

        return TableMetadataReader(self.warehouse_clients, self.settings)

    @once
    def source_states(self) -> "SourceStateReader":
        """When tables last changed."""
        from shared.warehouse.source_state import SourceStateReader

        return SourceStateReader(self.table_metadata, self.query_guard)

    @once
    def warehouse(self) -> "WarehouseService":
        """Every query's one way to BigQuery."""
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
            QuerySpender(self.settings, self.warehouse_clients, self.job_runner, self.budgets, run_log),
            PartitionReader(self.table_metadata, self.query_guard),
            RefusalExplainer(self.warehouse_clients, self.table_metadata),
        )

    @once
    def sql_runs(self) -> "SqlRunService":
        """Queries typed by people."""
        from shared.warehouse.sql_runs import SqlRunService

        return SqlRunService(self.warehouse, self.settings)
