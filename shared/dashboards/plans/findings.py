"""What dry runs say against a dashboard, in diagnostics at their lines of the file.

Queries that the guard or BigQuery refuses, or about which BigQuery was late; charts whose fields no query returns;
partitions that are read whole; and bounds on what may be billed that do not let the queries run.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.plans.expansion import Expansion
from shared.dashboards.validators.base import report
from shared.dashboards.validators.fields import SchemaFieldValidator
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import SqlPlace, locate_line, move_bigquery_position
from shared.dashboards.yaml.positions import join_pointer
from shared.errors import AlmanacError, LateAnswerError
from shared.settings import Settings
from shared.warehouse.models.queries import DryRun, OutputField, PartitionUse


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


def check_dry_runs(
    document: ParsedDashboard,
    definition: DashboardDefinition,
    expansion: Expansion,
    dry_runs: Mapping[str, DryRun | AlmanacError],
    settings: Settings,
) -> list[Diagnostic]:
    """Everything that the dry runs of `expansion`, by fingerprint, have against the dashboard."""
    found = _check_queries(document, expansion, dry_runs)
    found.extend(
        describe_bounds(document, _list_bills(expansion, dry_runs), list_bounds(definition, settings))
    )
    return found


def describe_late(document: ParsedDashboard, query: str) -> Diagnostic:
    """The diagnostic of a query of which nothing is known yet, at its name."""
    pointer = join_pointer("/queries", query)
    return report(
        document,
        DiagnosticCode.SQL_NOT_CHECKED,
        f"BigQuery did not answer the dry run of {query!r} in time",
        LateAnswerError.remediation,
        pointer,
        span=document.positions.key(pointer),
    )


def describe_dry_run_error(document: ParsedDashboard, query: str, error: AlmanacError) -> Diagnostic:
    """The diagnostic of a query that was refused before it could run."""
    moved = move_bigquery_position(error.message, document, query)
    place = _find_place(document, query, error) or moved.place
    return report(
        document,
        DiagnosticCode.SQL_REFUSED,
        moved.message.rstrip("."),
        error.remediation,
        place.pointer,
        span=place.span,
        path=place.path,
        received=error.code.value,
        suggestion=next((str(one["suggestion"]) for one in error.details if "suggestion" in one), None),
    )


def describe_partition_use(document: ParsedDashboard, query: str, use: PartitionUse) -> Diagnostic:
    """The warning about a partitioned table that a query reads without a filter, at the query's SQL."""
    pointer = join_pointer("/queries", query)
    return report(
        document,
        DiagnosticCode.PARTITION_NOT_FILTERED,
        f"{query} reads every {use.part} of {use.table}",
        f"{use.advice}.",
        pointer,
        span=document.positions.key(pointer),
        severity=Severity.WARNING,
        received=use.table,
        allowed=[use.column],
    )


def _find_place(document: ParsedDashboard, query: str, error: AlmanacError) -> SqlPlace | None:
    """The position in the details, where the guard and the translation of BigQuery's errors put it."""
    for detail in error.details:
        line, column = detail.get("line"), detail.get("column")
        if isinstance(line, int) and isinstance(column, int):
            return locate_line(document, query, line, column)
    return None


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


def _check_queries(
    document: ParsedDashboard, expansion: Expansion, dry_runs: Mapping[str, DryRun | AlmanacError]
) -> list[Diagnostic]:
    """Diagnostics of the queries BigQuery refuses, and of charts whose fields the others do not return."""
    found: list[Diagnostic] = []
    schemas: dict[str, list[tuple[str, str, str]]] = {}
    members: dict[str, list[tuple[str, str, str]]] = {}
    for unit in expansion.units:
        answer = dry_runs[unit.fingerprint]
        for name in unit.names:
            if isinstance(answer, DryRun):
                schemas[name] = [(field.name, field.type, field.mode) for field in answer.fields]
                members[name] = list(_list_members(answer.fields))
                unfiltered = (use for use in answer.partitions if not use.filtered)
                found.extend(describe_partition_use(document, name, use) for use in unfiltered)
            elif isinstance(answer, LateAnswerError):
                found.append(describe_late(document, name))
            else:
                found.append(describe_dry_run_error(document, name, answer))
    found.extend(SchemaFieldValidator(schemas, members).validate(document))
    # Variants of one query fail alike; one diagnostic says it.
    return list(dict.fromkeys(found))


def _list_members(fields: Sequence[OutputField], path: str = "") -> Iterator[tuple[str, str, str]]:
    """What is inside the STRUCTs among `fields`, at any depth, by the path to it; what repeats is not looked into."""
    for field in fields:
        name = f"{path}{field.name}"
        if path:
            yield name, field.type, field.mode
        if field.mode != "REPEATED":
            yield from _list_members(field.fields, f"{name}.")


def _list_bills(expansion: Expansion, dry_runs: Mapping[str, DryRun | AlmanacError]) -> list[QueryBill]:
    planned = [(unit, dry_runs[unit.fingerprint]) for unit in expansion.units]
    return [
        QueryBill(unit.names, plan.bytes_billed_expected or 0, plan.bytes_billed_max, plan.cap_bytes)
        for unit, plan in planned
        if isinstance(plan, DryRun)
    ]
