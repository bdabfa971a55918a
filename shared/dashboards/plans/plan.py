"""The plan: what a refresh of a dashboard would read, cost and replace."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.dashboards.definition.parameter_values import ParameterValue
from shared.dashboards.diagnostics.diagnostic import Diagnostic
from shared.dashboards.validation import ParsedDashboard
from shared.errors import LateAnswerError
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import OutputField, PartitionUse


@dataclass(frozen=True)
class UnwatchedSource:
    """A table, view or wildcard whose changes may go unseen, and why: its results are trusted up to `max_age`."""

    table: str
    reason: str


@dataclass(frozen=True)
class PlannedQuery:
    """One job of a refresh: one fingerprint, however many charts and variants read it.

    `bytes_estimated` is what BigQuery's dry run says it reads, and `accuracy` how exact that is: at least that for a
    LOWER_BOUND, None for what is UNKNOWN; `bytes_billed_expected` what that is billed as,
    rounding and the minimum per table included; `bytes_billed_max` the ceiling its job runs with, within
    `cap_bytes`. `usd_estimated` is the price of what is read, `usd_billed_expected` of what is billed. `fresh`
    says that a stored result is still within `max_age`. A query that is not `deterministic`, or has an `unwatched`
    source, runs again by age; any other one when what it reads has changed.
    """

    fingerprint: str
    names: tuple[str, ...]
    parameters: dict[str, ParameterValue]
    output_schema: tuple[OutputField, ...]
    referenced_tables: tuple[str, ...]
    bytes_estimated: int | None
    accuracy: Accuracy
    bytes_billed_expected: int | None
    bytes_billed_max: int
    cap_bytes: int
    usd_estimated: Decimal | None
    usd_billed_expected: Decimal | None
    cache_key: str
    fresh: bool
    deterministic: bool
    wave: int
    partitions: tuple[PartitionUse, ...]
    unwatched: tuple[UnwatchedSource, ...]
    kept_from: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PlanTotals:
    """Sums over the plan's queries, if every refresh ran all of them. A month is a twelfth of the year's schedule.

    Bytes are what is read, and apart from that what is expected to be billed. Dollars are of the latter's sum, as
    in the receipt of a refresh: the queries' own add up to it but for rounding to a millionth. Where BigQuery does not
    tell the bytes of a query, or tells the least they can be, `accuracy` is LOWER_BOUND: sums are at least that much.
    """

    queries: int
    variants: int
    accuracy: Accuracy
    bytes_per_refresh: int
    bytes_billed_per_refresh: int
    usd_per_refresh: Decimal | None
    refreshes_per_month: Decimal
    bytes_per_month: int
    bytes_billed_per_month: int
    usd_per_month: Decimal | None


class InvalidationReason(StrEnum):
    """Why something of the current version would not be used any more."""

    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True)
class InvalidatedQuery:
    """A query of the current version; `fingerprints` are its results that the new version does not read."""

    name: str
    reason: InvalidationReason
    fingerprints: tuple[str, ...]


@dataclass(frozen=True)
class InvalidatedVariant:
    """A variant of the current version whose payload cannot be carried over as it is."""

    parameters: dict[str, ParameterValue]
    reason: InvalidationReason
    payload_key: str


@dataclass(frozen=True)
class Invalidation:
    """What would be invalidated of `version`, the current one. Empty when the content stays the same."""

    version: int
    queries: tuple[InvalidatedQuery, ...] = ()
    variants: tuple[InvalidatedVariant, ...] = ()


@dataclass(frozen=True)
class DashboardPlan:
    """The plan of one dashboard; `version` is the number it has, or would get when saved.

    `invalidates` is what that save would make useless; None when there is no version yet.
    """

    slug: str
    title: str
    version: int
    variants: tuple[dict[str, ParameterValue], ...]
    queries: tuple[PlannedQuery, ...]
    waves: tuple[tuple[str, ...], ...]
    totals: PlanTotals
    invalidates: Invalidation | None


@dataclass(frozen=True)
class CompiledDashboard:
    """Diagnostics of one dashboard and, when it is valid, its plan.

    `late_queries` are those of which BigQuery said nothing in time: it is not valid, and may be next time.
    """

    path: str
    slug: str | None
    valid: bool
    diagnostics: tuple[Diagnostic, ...]
    plan: DashboardPlan | None
    parsed: ParsedDashboard
    late_queries: tuple[str, ...] = ()


def report_late(compiled: Sequence[CompiledDashboard], what: str) -> LateAnswerError | None:
    """The error of dashboards of which not all is known, naming their queries; None when there is none.

    `what` says what became of the whole, as the beginning of the sentence.
    """
    late = [one for one in compiled if one.late_queries]
    if not late:
        return None
    named = ", ".join(f"{one.slug} ({', '.join(one.late_queries)})" for one in late)
    return LateAnswerError(
        f"{what}: BigQuery did not answer in time about {named}.",
        details=[{"slug": one.slug, "query": query} for one in late for query in one.late_queries],
    )
