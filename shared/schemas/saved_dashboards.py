"""Dashboards and versions that are saved."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from shared.dashboards.definition.parameter_values import ParameterValue, hold_exactly, restore_value
from shared.dashboards.saved.listing import DashboardDetail, DashboardListing, DashboardOverview
from shared.database.models.dashboards import Dashboard, LastRefresh
from shared.database.repositories.paging import Page
from shared.database.repositories.versions import VersionSummary
from shared.json_values import JsonObject
from shared.schemas.base import Money, PageMetadata, ResponseModel


class DashboardSummary(ResponseModel):
    """A dashboard in a list."""

    id: UUID
    slug: str
    title: str
    description: str
    owner: str
    tags: list[str]
    current_version: int
    schedule: str | None
    time_zone: str
    created_at: datetime
    updated_at: datetime
    last_refresh_status: LastRefresh | None
    last_refresh_error: dict[str, Any] | None

    @classmethod
    def from_db_model(cls, row: Dashboard) -> Self:
        """From its index row."""
        return cls.model_validate(row)


class DashboardOverviewModel(DashboardSummary):
    """A dashboard with how fresh it is and what its last refresh billed; null when there was none.

    `as_of` and `checked_at` are those of its oldest payload; `stale` means that this is older than `max_age`, or
    that the last refresh failed.
    """

    as_of: datetime | None
    checked_at: datetime | None
    stale: bool
    last_bytes_billed: int | None
    last_usd_billed: Money | None

    @classmethod
    def from_overview(cls, overview: DashboardOverview) -> Self:
        """The answer of the service."""
        summary = DashboardSummary.from_db_model(overview.dashboard).model_dump()
        fresh = overview.freshness
        return cls(
            **summary,
            as_of=fresh and fresh.as_of,
            checked_at=fresh and fresh.checked_at,
            stale=overview.stale,
            last_bytes_billed=overview.last_bytes_billed,
            last_usd_billed=overview.last_usd_billed,
        )


class DashboardListResponse(PageMetadata):
    """A page of dashboards; `tags` and `owners` are those of all dashboards, to narrow the list to."""

    results: list[DashboardOverviewModel]
    tags: list[str]
    owners: list[str]

    @classmethod
    def from_listing(cls, listing: DashboardListing) -> Self:
        """The answer of the service."""
        page, choices = listing.page, listing.choices
        return cls(
            page=page.page,
            page_size=page.page_size,
            total=page.total,
            results=[DashboardOverviewModel.from_overview(one) for one in page.items],
            tags=list(choices.tags),
            owners=list(choices.owners),
        )


class VersionModel(ResponseModel):
    """A version without its text."""

    id: UUID
    version: int
    content_sha256: str
    blob_path: str
    blob_revision: str | None
    author: str
    message: str
    plan_totals: dict[str, Any]
    created_at: datetime


class VersionListResponse(PageMetadata):
    """A page of versions, the latest first."""

    results: list[VersionModel]

    @classmethod
    def from_page(cls, page: Page[VersionSummary]) -> Self:
        """The answer of the service."""
        results = [VersionModel.model_validate(row) for row in page.items]
        return cls(page=page.page, page_size=page.page_size, total=page.total, results=results)


class DashboardDetailResponse(DashboardSummary):
    """A dashboard with the text of one version; `definition` is the same, read and with every default."""

    version: VersionModel
    yaml: str
    files: dict[str, str]
    definition: dict[str, Any] | None

    @classmethod
    def from_detail(cls, detail: DashboardDetail) -> Self:
        """The answer of the service."""
        summary = DashboardSummary.from_db_model(detail.dashboard).model_dump()
        version = VersionModel.model_validate(detail.version)
        return cls(
            **summary,
            version=version,
            yaml=detail.version.yaml_text,
            files=detail.version.files,
            definition=_hold_parameters(detail.version.definition),
        )


def _hold_parameters(definition: JsonObject | None) -> JsonObject | None:
    """With parameters that JavaScript can hold to the last digit."""
    if definition is None:
        return None
    held = [
        {
            **parameter,
            "default": _hold(parameter, parameter["default"]),
            "values": parameter["values"] and [_hold(parameter, value) for value in parameter["values"]],
        }
        for parameter in definition["parameters"]
    ]
    return {**definition, "parameters": held}


def _hold(parameter: JsonObject, value: ParameterValue) -> ParameterValue:
    return hold_exactly(restore_value(parameter["type"], value))
