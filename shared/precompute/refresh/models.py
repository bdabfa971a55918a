"""What a refresh reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.dashboards.definition.parameter_values import ParameterValue
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import Receipt


class RefreshStatus(StrEnum):
    """What became of one query: run again, found unchanged, failed with or without older data to keep."""

    REFRESHED = "refreshed"
    SKIPPED_UNCHANGED = "skipped_unchanged"
    KEPT_PREVIOUS = "kept_previous"
    FAILED = "failed"


@dataclass(frozen=True)
class RefreshProblem:
    """Why a query or a payload could not be refreshed."""

    code: str
    message: str
    remediation: str


@dataclass(frozen=True)
class QueryRefresh:
    """One query of a refresh; `queries` are the names that share it, `charts` the charts that draw it.

    `bytes_pending` stay reserved for a job of which nobody knows yet what it billed.
    """

    queries: tuple[str, ...]
    charts: tuple[str, ...]
    parameters: Mapping[str, ParameterValue]
    fingerprint: str
    status: RefreshStatus
    reason: str
    receipt: Receipt
    bytes_pending: int
    rows: int | None
    job_id: str | None
    error: RefreshProblem | None


@dataclass(frozen=True)
class RefreshTotals:
    """Sums over a dashboard's queries; bytes as integers, dollars as decimals.

    `bytes_billed` is at least that much where `accuracy` is LOWER_BOUND: BigQuery does not tell of every table. The
    budgets were charged `bytes_settled`. `payloads_kept` counts the variants whose payload could not be replaced and
    serves what it did before.
    """

    refreshed: int
    skipped_unchanged: int
    kept_previous: int
    failed: int
    bytes_billed: int
    accuracy: Accuracy
    bytes_settled: int
    bytes_pending: int
    bytes_saved: int
    usd_billed: Decimal | None
    usd_saved: Decimal | None
    payloads_kept: int


@dataclass(frozen=True)
class DashboardRefresh:
    """A dashboard's refresh: `variants_ready` of `variants` payloads can be served."""

    slug: str
    version: int
    queries: tuple[QueryRefresh, ...]
    variants: int
    variants_ready: int
    payload_bytes: int
    problems: tuple[RefreshProblem, ...]
    totals: RefreshTotals


@dataclass(frozen=True)
class QueryEvent:
    """One query of one dashboard is done; there will be `total` such events."""

    slug: str
    refresh: QueryRefresh
    total: int


@dataclass(frozen=True)
class StillRunning:
    """Nothing was done for some seconds; jobs go on."""


type RefreshEvent = QueryEvent | DashboardRefresh | StillRunning
