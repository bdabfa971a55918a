"""/precompute."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from shared.precompute.refresh.models import DashboardRefresh
from shared.schemas.base import (
    FALSE,
    NONE,
    SOME,
    TRUE,
    Money,
    RequestModel,
    ResponseModel,
    Slug,
    describe_choice,
)
from shared.schemas.queries import ReceiptModel
from shared.warehouse.models.bill import Accuracy


class PrecomputeRequest(RequestModel):
    """Which dashboards to refresh: some, all, or those whose schedule is due."""

    model_config = ConfigDict(
        json_schema_extra=describe_choice(
            {"slugs": SOME, "all": FALSE, "due": FALSE},
            {"slugs": NONE, "all": TRUE, "due": FALSE},
            {"slugs": NONE, "all": FALSE, "due": TRUE},
        )
    )

    slugs: list[Slug] = Field(
        default_factory=list,
        max_length=1000,
        description="One that is named twice is refreshed once, and has one result, where it came first.",
    )
    all: bool = False
    due: bool = False
    force: bool = False
    variants: Literal["default", "all"] = "all"

    @model_validator(mode="after")
    def _check_one_choice(self) -> Self:
        if sum((bool(self.slugs), self.all, self.due)) != 1:
            raise ValueError('send exactly one of "slugs": [...], "all": true and "due": true')
        return self


class VariantRequest(RequestModel):
    """One variant to compute on demand; parameters that are left out take their defaults.

    Values are JSON, or texts as in the query string of `/data`.
    """

    slug: Slug = Field(examples=["nyc-flights"])
    parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"origin": "LGA"}])
    force: bool = False


class ProblemModel(ResponseModel):
    """Why something could not be refreshed."""

    code: str
    message: str
    remediation: str


class QueryRefreshModel(ResponseModel):
    """One query of a refresh."""

    queries: list[str]
    charts: list[str]
    parameters: dict[str, Any]
    fingerprint: str
    status: str
    reason: str
    receipt: ReceiptModel
    bytes_pending: int = Field(
        description="Reserved for a job of which BigQuery has not said yet what it billed."
    )
    rows: int | None
    job_id: str | None
    error: ProblemModel | None


class RefreshTotalsModel(ResponseModel):
    """Sums over a dashboard's queries."""

    refreshed: int
    skipped_unchanged: int
    kept_previous: int
    failed: int
    bytes_billed: int
    accuracy: Accuracy
    bytes_settled: int
    bytes_pending: int
    bytes_saved: int
    usd_billed: Money | None
    usd_saved: Money | None
    payloads_kept: int = Field(description="Variants whose payload was not replaced, and says why.")


class DashboardRefreshModel(ResponseModel):
    """A dashboard's refresh."""

    slug: str
    version: int
    queries: list[QueryRefreshModel]
    variants: int
    variants_ready: int
    payload_bytes: int
    problems: list[ProblemModel]
    totals: RefreshTotalsModel


class PrecomputeResponse(ResponseModel):
    """Refreshes in input order."""

    results: list[DashboardRefreshModel]

    @classmethod
    def from_refreshes(cls, refreshes: Sequence[DashboardRefresh]) -> Self:
        """The answer of the service."""
        return cls(results=[DashboardRefreshModel.model_validate(one) for one in refreshes])
