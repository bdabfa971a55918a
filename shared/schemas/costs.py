"""/costs."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BeforeValidator, Field

from shared.database.repositories.cost_report import CostGrouping, CostLine, CostSums
from shared.schemas.base import Money, PageMetadata, ResponseModel
from shared.schemas.paging import PageQuery
from shared.sizes import dollars
from shared.warehouse.spending.costs import CostReport, CostSearch

_GROUPINGS = r"^(user|dashboard|day|environment)(,(user|dashboard|day|environment)){0,3}$"
_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_WRITTEN_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _refuse_other_than_days(value: object) -> object:
    # Pydantic alone reads a number as seconds since 1970.
    if isinstance(value, str) and not _WRITTEN_DAY.fullmatch(value):
        raise ValueError("a day is written as YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_refuse_other_than_days)]


class CostQuery(PageQuery):
    """Which days (of the budget's time zone, both included), what each line stands for, and what is left out."""

    first_day: Day | None = Field(None, alias="from", examples=["2026-01-01"])
    last_day: Day | None = Field(None, alias="to", examples=["2026-01-31"])
    by: str = Field(
        CostGrouping.DAY.value,
        pattern=_GROUPINGS,
        examples=["user,day"],
        description="user, dashboard, day or environment; several with commas between them.",
    )
    user: str | None = Field(
        None, pattern=_PRINTABLE, max_length=320, description="Only what this user cost."
    )
    slug: str | None = Field(
        None, pattern=_PRINTABLE, max_length=63, description="Only what this dashboard cost."
    )

    def to_search(self) -> CostSearch:
        """What the service takes."""
        by = tuple(dict.fromkeys(CostGrouping(name) for name in self.by.split(",")))
        return CostSearch(by, self.first_day, self.last_day, self.page, self.page_size, self.user, self.slug)


class CostSumsModel(ResponseModel):
    """Bytes, dollars and jobs.

    Budgets were charged `bytes_settled`. Of `unknown` jobs BigQuery does not tell what they billed: `bytes_billed` is
    at least that much, and so are its dollars; with slots dollars are null.
    `bytes_reserved` is held for jobs that may still run; `bytes_saved` is the sum of the receipts: what jobs would
    have billed that BigQuery's cache, or a job of another worker, answered for nothing.
    """

    bytes_billed: int
    bytes_settled: int
    unknown: int
    bytes_reserved: int
    bytes_saved: int
    usd_billed: Money | None
    usd_saved: Money | None
    queries: int
    cache_hits: int
    failures: int


class CostLineModel(CostSumsModel):
    """One user, dashboard, day (YYYY-MM-DD) or environment, or one of each that was asked for.

    `key` has their values with commas between them, `-` for what has none: a typed query is of no dashboard.
    """

    key: str
    user: str | None
    dashboard: str | None
    day: str | None
    environment: str | None

    @classmethod
    def from_line(cls, line: CostLine, usd_per_tib: Decimal | None) -> Self:
        """The line of the report."""
        values = {one.value: line.values.get(one) for one in CostGrouping}
        key = ",".join(value or "-" for value in line.values.values())
        return cls(key=key, **values, **_price(line.sums, usd_per_tib).model_dump())


class BudgetModel(ResponseModel):
    """What is left today; `resets_at` is the next midnight of `time_zone`, with its offset."""

    scope: str
    key: str
    limit_bytes: int
    used_bytes: int
    reserved_bytes: int
    remaining_bytes: int
    resets_at: str
    time_zone: str


class CostResponse(PageMetadata):
    """Lines, what all of them add up to, and today's budgets; one that is not listed is untouched.

    `total` counts lines.
    """

    first_day: date = Field(serialization_alias="from")
    last_day: date = Field(serialization_alias="to")
    by: str
    time_zone: str
    price_per_tib_usd: Money | None
    results: list[CostLineModel]
    totals: CostSumsModel
    budgets: list[BudgetModel]

    @classmethod
    def from_report(cls, report: CostReport, usd_per_tib: Decimal | None) -> Self:
        """The answer of the service."""
        lines = [CostLineModel.from_line(line, usd_per_tib) for line in report.costs.lines]
        return cls(
            page=report.page,
            page_size=report.page_size,
            total=report.costs.total,
            first_day=report.search.first_day,
            last_day=report.search.last_day,
            by=",".join(report.search.by),
            time_zone=report.search.time_zone,
            price_per_tib_usd=usd_per_tib,
            results=lines,
            totals=_price(report.costs.totals, usd_per_tib),
            budgets=[BudgetModel.model_validate(budget) for budget in report.budgets],
        )


def _price(sums: CostSums, usd_per_tib: Decimal | None) -> CostSumsModel:
    return CostSumsModel(
        bytes_billed=sums.bytes_billed,
        bytes_settled=sums.bytes_settled,
        unknown=sums.unknown,
        bytes_reserved=sums.bytes_reserved,
        bytes_saved=sums.bytes_saved,
        usd_billed=dollars(sums.bytes_billed, usd_per_tib),
        usd_saved=dollars(sums.bytes_saved, usd_per_tib),
        queries=sums.queries,
        cache_hits=sums.cache_hits,
        failures=sums.failures,
    )
