"""What would run, read and cost: the answer of compile."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from shared.schemas.base import NONE, SOME, Money, RequestModel, ResponseModel, Slug, describe_choice
from shared.schemas.dashboards import DashboardItem, ValidationItem
from shared.schemas.queries import OutputFieldModel, PartitionUseModel
from shared.warehouse.models.bill import Accuracy

if TYPE_CHECKING:
    from shared.dashboards.plans.plan import CompiledDashboard


class CompileRequest(RequestModel):
    """Dashboards to plan: files, or slugs of saved ones."""

    model_config = ConfigDict(
        json_schema_extra=describe_choice(
            {"dashboards": SOME, "slugs": NONE}, {"dashboards": NONE, "slugs": SOME}
        )
    )

    dashboards: list[DashboardItem] = Field(default_factory=list, max_length=1000)
    # One that is named twice is refused where dashboards are compared, with both places.
    slugs: list[Slug] = Field(default_factory=list, max_length=1000, json_schema_extra={"uniqueItems": True})
    variants: Literal["default", "all"] = "all"
    kept_prices: bool = Field(
        default=False,
        description="say of each query since when its price is kept; else the same input gives the same bytes",
    )

    @model_validator(mode="after")
    def _check_one_source(self) -> Self:
        if bool(self.dashboards) == bool(self.slugs):
            raise ValueError("send either dashboards or slugs")
        return self


class UnwatchedSourceModel(ResponseModel):
    """A table, view or wildcard whose changes may go unseen, and why: results are trusted up to `max_age`."""

    table: str
    reason: str


class PlannedQueryModel(ResponseModel):
    """One job of a refresh; `usd_estimated` is the price of the bytes read, `usd_billed_expected` of those billed.

    Bytes that BigQuery does not tell are null; they are at least that much where the accuracy is LOWER_BOUND.
    """

    fingerprint: str
    names: list[str]
    parameters: dict[str, Any]
    output_schema: list[OutputFieldModel]
    referenced_tables: list[str]
    bytes_estimated: int | None
    accuracy: Accuracy
    bytes_billed_expected: int | None
    bytes_billed_max: int
    cap_bytes: int
    usd_estimated: Money | None
    usd_billed_expected: Money | None
    cache_key: str
    fresh: bool
    deterministic: bool
    wave: int
    partitions: list[PartitionUseModel]
    unwatched: list[UnwatchedSourceModel]
    price_kept_from: datetime | None = Field(
        None,
        exclude_if=lambda moment: moment is None,
        description="when BigQuery said so, where no source changed since; left out unless asked for by `kept_prices`",
    )


class PlanTotalsModel(ResponseModel):
    """Sums, if every refresh ran every query; a month is a twelfth of a year of the declared schedule.

    Bytes are read; billed ones are rounded up, 10 MB per table at least; dollars are of the billed ones. All of it is
    at least that much where the accuracy is LOWER_BOUND.
    """

    queries: int
    variants: int
    accuracy: Accuracy
    bytes_per_refresh: int
    bytes_billed_per_refresh: int
    usd_per_refresh: Money | None
    refreshes_per_month: Money
    bytes_per_month: int
    bytes_billed_per_month: int
    usd_per_month: Money | None


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

    @classmethod
    def from_compiled(cls, compiled: "CompiledDashboard", *, kept_prices: bool = False) -> Self:
        """The answer of the service, with or without the moments of prices that were kept."""
        item = cls.model_validate(compiled)
        if kept_prices and item.plan is not None and compiled.plan is not None:
            for described, query in zip(item.plan.queries, compiled.plan.queries, strict=True):
                described.price_kept_from = query.kept_from
        return item


class CompileResponse(ResponseModel):
    """Plans in input order."""

    results: list[CompileItem]

    @classmethod
    def from_compiled(cls, compiled: "Sequence[CompiledDashboard]", *, kept_prices: bool = False) -> Self:
        """The answer of the service; see `CompileItem.from_compiled`."""
        return cls(results=[CompileItem.from_compiled(one, kept_prices=kept_prices) for one in compiled])
