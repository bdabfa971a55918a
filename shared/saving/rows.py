"""From a compiled dashboard to rows of the index."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.plans.plan import CompiledDashboard, PlanTotals
from shared.dashboards.saved.catalog import dump_definition
from shared.dashboards.saved.content import list_named_files, read_text
from shared.database.models.dashboards import Dashboard, DashboardVersion
from shared.database.repositories.dashboards import DashboardUpdate

if TYPE_CHECKING:
    from shared.saving.service import SavedVersion


def make_dashboard(one: CompiledDashboard, now: datetime) -> Dashboard:
    """The index entry of a first version."""
    return Dashboard(current_version=1, created_at=now, updated_at=now, **_describe(_definition(one)))


def make_update(one: CompiledDashboard, dashboard_id: UUID, version: int, now: datetime) -> DashboardUpdate:
    """The index entry as a new version says."""
    described = _describe(_definition(one))
    described.pop("slug")
    return DashboardUpdate(id=dashboard_id, current_version=version, updated_at=now, **described)


def make_version(
    one: CompiledDashboard,
    saved: "SavedVersion",
    dashboard_id: UUID,
    author: str,
    message: str,
    now: datetime,
) -> DashboardVersion:
    """The row of a new version; its blobs are still to be written."""
    return DashboardVersion(
        dashboard_id=dashboard_id,
        version=saved.version,
        yaml_text=read_text(one.parsed.source),
        files=list_named_files(one.parsed),
        content_sha256=saved.content_sha256,
        blob_path=saved.blob_path,
        blob_revision=None,
        author=author,
        message=message,
        plan_totals=dump_totals(saved.plan.totals),
        definition=dump_definition(_definition(one)),
        created_at=now,
    )


def dump_totals(totals: PlanTotals) -> dict[str, object]:
    """Plan totals as JSON; money as decimal strings."""
    return {key: value if isinstance(value, int) else str(value) for key, value in asdict(totals).items()}


def _definition(one: CompiledDashboard) -> DashboardDefinition:
    if one.parsed.definition is None:
        raise ValueError("only a valid dashboard has an index entry")
    return one.parsed.definition


def _describe(definition: DashboardDefinition) -> dict[str, Any]:
    return {
        "slug": definition.slug,
        "title": definition.title,
        "description": definition.description,
        "owner": definition.owner or "",
        "tags": list(definition.tags),
        "schedule": definition.refresh.schedule,
        "time_zone": definition.refresh.time_zone,
    }
