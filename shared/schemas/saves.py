"""Saving a dashboard."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from shared.saving.models import SavedVersion, SaveItem
from shared.schemas.base import ExpectedVersion, RequestModel, ResponseModel
from shared.schemas.dashboards import DashboardItem
from shared.schemas.plans import PlanTotalsModel
from shared.schemas.versions import DiffModel


class SaveDashboardItem(DashboardItem):
    """One dashboard to save; `expected_version` 0 means that it must not exist yet."""

    expected_version: ExpectedVersion | None = None

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
