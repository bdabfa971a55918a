"""A dashboard's query as a request to the warehouse."""

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.plans.expansion import QueryUnit
from shared.warehouse.models.queries import QueryRequest, RunPurpose
from shared.warehouse.models.refresh_budget import RefreshBudget


def make_request(
    unit: QueryUnit,
    definition: DashboardDefinition,
    *,
    actor: str,
    version: int | None = None,
    attempt: int = 0,
    refresh_budget: RefreshBudget | None = None,
) -> QueryRequest:
    """The request for `unit`, bounded by the dashboard's own budget."""
    return QueryRequest(
        sql=unit.sql,
        parameters=unit.parameters,
        default_dataset=definition.dataset,
        max_bytes_billed=definition.budget.per_query_bytes,
        max_rows=unit.max_rows,
        purpose=RunPurpose.PRECOMPUTE,
        actor=actor,
        slug=definition.slug,
        query_name=unit.names[0],
        version=version,
        fingerprint=unit.fingerprint,
        attempt=attempt,
        dashboard_day_limit_bytes=definition.budget.per_day_bytes,
        refresh_budget=refresh_budget,
    )
