"""Whether the bounds on what may be billed let a dashboard's queries run at all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.settings import Settings


@dataclass(frozen=True)
class QueryBill:
    """What one job is expected to bill at least, what is reserved for it, and its cap, in bytes."""

    names: Sequence[str]
    expected: int
    reserved: int
    cap: int


@dataclass(frozen=True)
class Bound:
    """A budget that every job of a refresh counts against; `key` is its place in the file's `budget`, if any.

    `name` is what has to be raised: that key, or the setting of the environment when it is the lower one.
    """

    name: str
    limit: int
    key: str | None = None


def list_bounds(definition: DashboardDefinition, settings: Settings) -> list[Bound]:
    """The budgets a refresh counts against."""
    own = definition.budget
    return [
        _choose(
            "per_refresh", own.per_refresh_bytes, "MAX_BYTES_PER_REFRESH", settings.max_bytes_per_refresh
        ),
        _choose(
            "per_day", own.per_day_bytes, "MAX_BYTES_PER_DASHBOARD_DAY", settings.max_bytes_per_dashboard_day
        ),
        Bound("MAX_BYTES_PER_USER_DAY", settings.max_bytes_per_user_day),
        Bound("MAX_BYTES_PER_ENVIRONMENT_DAY", settings.max_bytes_per_environment_day),
    ]


def describe_bounds(
    document: ParsedDashboard, bills: Sequence[QueryBill], bounds: Iterable[Bound]
) -> Iterator[Diagnostic]:
    """Errors about what can never run, warnings about a refresh whose budget ends before its last query."""
    runnable = [bill for bill in bills if bill.expected <= bill.cap]
    dearest = {name: bill for bill in sorted(bills, key=lambda bill: bill.expected) for name in bill.names}
    for name, bill in dearest.items():
        if bill.expected > bill.cap:  # variants of one query fail alike: the dearest says what is needed
            yield _describe_cap(document, name, bill)
    for bound in bounds:
        largest = max(runnable, key=lambda bill: bill.reserved, default=None)
        expected = sum(bill.expected for bill in runnable)
        if largest is not None and largest.reserved > bound.limit:
            needs = f"{largest.names[0]} reserves {largest.reserved} bytes; {bound.name} is {bound.limit}"
            advice = f"lower budget.per_query, or raise {bound.name} to {largest.reserved} bytes or more."
            yield _describe_bound(document, bound, Severity.ERROR, f"{needs}, so it never runs", advice)
        elif expected > bound.limit:
            needs = f"a refresh of all {len(runnable)} queries is billed {expected} bytes"
            advice = f"raise {bound.name} to {expected} bytes or more."
            problem = f"{needs}; {bound.name} is {bound.limit}, so some of them fail"
            yield _describe_bound(document, bound, Severity.WARNING, problem, advice)


def _choose(key: str, own: int | None, setting: str, limit: int) -> Bound:
    return Bound(setting, limit) if own is None or own > limit else Bound(f"budget.{key}", own, key)


def _describe_cap(document: ParsedDashboard, name: str, bill: QueryBill) -> Diagnostic:
    own = document.definition.budget.per_query_bytes if document.definition else None
    pointer = "/budget/per_query" if own == bill.cap else join_pointer("/queries", name)
    return report(
        document,
        DiagnosticCode.CAP_TOO_LOW,
        f"{name} is billed {bill.expected} bytes; its cap is {bill.cap}, so it never runs",
        f"Raise {'budget.per_query' if own == bill.cap else 'MAX_BYTES_PER_QUERY'} to {bill.expected} bytes or "
        "more, or make the query cheaper; each table is billed 10 MiB at least.",
        pointer,
        span=None if own == bill.cap else document.positions.key(pointer),
        received=str(bill.cap),
        allowed=[f"at least {bill.expected}"],
    )


def _describe_bound(
    document: ParsedDashboard, bound: Bound, severity: Severity, problem: str, advice: str
) -> Diagnostic:
    return report(
        document,
        DiagnosticCode.REFRESH_OVER_BUDGET,
        problem,
        f"Make the queries cheaper, {advice}",
        f"/budget/{bound.key}" if bound.key else "/queries",
        severity=severity,
        received=str(bound.limit),
    )
