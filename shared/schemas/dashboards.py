"""Validate, compile, save, list."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.dashboards.diff import DashboardDiff
from shared.dashboards.library import DashboardDetail, DashboardListing, DashboardOverview
from shared.dashboards.parsed import DashboardSource
from shared.dashboards.plan import CompiledDashboard
from shared.dashboards.saving import SavedVersion, SaveItem
from shared.dashboards.validation import ValidationResult
from shared.database.models.dashboards import Dashboard, LastRefresh
from shared.database.repositories.paging import Page
from shared.database.repositories.versions import VersionSummary
from shared.schemas.base import Money, PageMetadata, RequestModel, ResponseModel


class DashboardItem(RequestModel):
    """One dashboard file; `files` holds the SQL files it names, by the path written after `file:`."""

    path: str = Field("-", min_length=1, max_length=1000, examples=["dashboards/nyc-flights.yaml"])
    yaml: str = Field(description="The text of the file.")
    files: dict[str, str] = Field(default_factory=dict, examples=[{"sql/daily.sql": "SELECT 1 AS one"}])

    def to_source(self) -> DashboardSource:
        """What the services read."""
        # SQL reads a byte order mark as a name; that of the YAML is dropped where it is read.
        files = {name: text.removeprefix("\ufeff") for name, text in self.files.items()}
        return DashboardSource(self.path, self.yaml, files)


class ValidateRequest(RequestModel):
    """Dashboards to validate."""

    dashboards: list[DashboardItem] = Field(min_length=1, max_length=1000)


class CompileRequest(RequestModel):
    """Dashboards to plan: files, or slugs of saved ones."""

    dashboards: list[DashboardItem] = Field(default_factory=list, max_length=1000)
    slugs: list[str] = Field(default_factory=list, max_length=1000)
    variants: Literal["default", "all"] = "all"

    @model_validator(mode="after")
    def _check_one_source(self) -> Self:
        if bool(self.dashboards) == bool(self.slugs):
            raise ValueError("send either dashboards or slugs")
        return self


class SaveDashboardItem(DashboardItem):
    """One dashboard to save; `expected_version` 0 means that it must not exist yet."""

    expected_version: int | None = Field(None, ge=0)

    def to_item(self) -> SaveItem:
        """What the service takes."""
        return SaveItem(self.to_source(), self.expected_version)


class SaveRequest(RequestModel):
    """Dashboards to save, all or none."""

    dashboards: list[SaveDashboardItem] = Field(min_length=1, max_length=1000)
    message: str = Field("", max_length=1000)
    dry_run: bool = False


class SaveQuery(BaseModel):
    """The query string beside a raw YAML body."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = False
    message: str = Field("", max_length=1000)


class EditModel(ResponseModel):
    """A mechanical fix: replace the stretch by `new_text`."""

    line: int
    column: int
    end_line: int
    end_column: int
    new_text: str


class DiagnosticModel(ResponseModel):
    """One finding; lines and columns count from 1, the end column is one past the last character."""

    code: str
    severity: str
    message: str
    remediation: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    pointer: str
    received: str | None
    allowed: list[str]
    suggestion: str | None
    edit: EditModel | None


class ValidationItem(ResponseModel):
    """The verdict on one file."""

    path: str
    slug: str | None
    valid: bool
    diagnostics: list[DiagnosticModel]


class ValidateResponse(ResponseModel):
    """Verdicts in input order."""

    results: list[ValidationItem]

    @classmethod
    def from_results(cls, results: Sequence[ValidationResult]) -> Self:
        """The answer of the service."""
        return cls(results=[ValidationItem.model_validate(result) for result in results])


class OutputFieldModel(ResponseModel):
    """A column of a query's output."""

    name: str
    type: str
    mode: str
    fields: list["OutputFieldModel"]


class PartitionUseModel(ResponseModel):
    """A partitioned table; `filtered` says whether a condition on `column` lets BigQuery leave partitions out."""

    table: str
    column: str
    filtered: bool
    required: bool


class PlannedQueryModel(ResponseModel):
    """One job of a refresh; `usd_estimated` is the price of the bytes read, `usd_billed_expected` of those billed."""

    fingerprint: str
    names: list[str]
    parameters: dict[str, Any]
    output_schema: list[OutputFieldModel]
    referenced_tables: list[str]
    bytes_estimated: int
    bytes_billed_expected: int
    bytes_billed_max: int
    cap_bytes: int
    usd_estimated: Money
    usd_billed_expected: Money
    cache_key: str
    fresh: bool
    deterministic: bool
    wave: int
    partitions: list[PartitionUseModel]


class PlanTotalsModel(ResponseModel):
    """Sums, if every refresh ran every query; a month is a twelfth of a year of the declared schedule.

    Bytes are read; billed ones are rounded up, 10 MB per table at least; dollars are of the billed ones.
    """

    queries: int
    variants: int
    bytes_per_refresh: int
    bytes_billed_per_refresh: int
    usd_per_refresh: Money
    refreshes_per_month: Money
    bytes_per_month: int
    bytes_billed_per_month: int
    usd_per_month: Money


class InvalidatedQueryModel(ResponseModel):
    """A query of the current version with results that would not be read any more; reason: changed, removed."""

    name: str
    reason: str
    fingerprints: list[str]


class InvalidatedVariantModel(ResponseModel):
    """A variant of the current version whose payload would not be served any more; reason: changed, removed."""

    parameters: dict[str, Any]
    reason: str
    payload_key: str


class InvalidationModel(ResponseModel):
    """What saving would make useless of the current version; empty when nothing has to be computed again."""

    version: int
    queries: list[InvalidatedQueryModel]
    variants: list[InvalidatedVariantModel]


class PlanModel(ResponseModel):
    """What a refresh would read, cost and replace."""

    slug: str
    title: str
    version: int
    variants: list[dict[str, Any]]
    queries: list[PlannedQueryModel]
    waves: list[list[str]]
    totals: PlanTotalsModel
    invalidates: InvalidationModel | None = Field(description="null before the first version")


class CompileItem(ValidationItem):
    """The verdict on one file and, when it is valid, its plan."""

    plan: PlanModel | None


class CompileResponse(ResponseModel):
    """Plans in input order."""

    results: list[CompileItem]

    @classmethod
    def from_compiled(cls, compiled: Sequence[CompiledDashboard]) -> Self:
        """The answer of the service."""
        return cls(results=[CompileItem.model_validate(one) for one in compiled])


class NameChangesModel(ResponseModel):
    """Names that came, went, or changed."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class QueryChangesModel(NameChangesModel):
    """Queries that came, went, or changed; `reformatted` are those whose SQL means the same as before."""

    reformatted: list[str]


class DiffModel(ResponseModel):
    """The difference between two versions; `text` is a unified diff.

    `settings` are the other top-level keys whose value differs; one that is left out has its default.
    """

    queries: QueryChangesModel
    charts: NameChangesModel
    parameters: NameChangesModel
    settings: list[str]
    text: str
    bytes_per_refresh_before: int | None
    bytes_per_refresh_after: int | None
    usd_per_month_before: Money | None
    usd_per_month_after: Money | None

    @classmethod
    def from_diff(cls, diff: DashboardDiff) -> Self:
        """The answer of the service."""
        return cls.model_validate(diff)


class SaveItemResponse(ResponseModel):
    """What became of one dashboard; `changed` is False when its content was saved already."""

    slug: str
    version: int
    changed: bool
    blob_path: str
    blob_revision: str | None
    content_sha256: str
    diff: DiffModel
    totals: PlanTotalsModel


class SaveResponse(ResponseModel):
    """Saved versions in input order."""

    dry_run: bool
    results: list[SaveItemResponse]

    @classmethod
    def from_saved(cls, saved: Sequence[SavedVersion], *, dry_run: bool) -> Self:
        """The answer of the service."""
        return cls(dry_run=dry_run, results=[_describe_saved(one) for one in saved])


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
            definition=detail.version.definition,
        )


def _describe_saved(one: SavedVersion) -> SaveItemResponse:
    return SaveItemResponse(
        slug=one.slug,
        version=one.version,
        changed=one.changed,
        blob_path=one.blob_path,
        blob_revision=one.blob_revision,
        content_sha256=one.content_sha256,
        diff=DiffModel.from_diff(one.diff),
        totals=PlanTotalsModel.model_validate(one.plan.totals),
    )
