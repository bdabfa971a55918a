"""Compile: validate, expand, dry-run, plan. Nothing is billed."""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from datetime import datetime

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.diagnostics.diagnostic import Diagnostic
from shared.dashboards.plans.budget_diagnostics import QueryBill, describe_bounds, list_bounds
from shared.dashboards.plans.expansion import Expansion, QueryUnit, expand_dashboard
from shared.dashboards.plans.late_dry_runs import describe_late, is_late, name_queries, report_late
from shared.dashboards.plans.plan import CompiledDashboard
from shared.dashboards.plans.planning import PlanFacts, make_expansion_limits, make_plan
from shared.dashboards.plans.query_requests import make_request
from shared.dashboards.plans.warehouse_diagnostics import describe_dry_run_error, describe_partition_use
from shared.dashboards.validation import ValidationResult, build_result
from shared.dashboards.validation_service import ValidationService
from shared.dashboards.validators.fields import SchemaFieldValidator
from shared.dashboards.validators.parsed import DashboardSource
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, ErrorCode, ValidationFailedError
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.models.queries import DryRun, QueryRequest
from shared.warehouse.service import WarehouseService

BATCH_DASHBOARDS = 20
"""Dashboards whose dry runs are sent together: enough to keep all threads busy, few enough to show progress."""

_NOT_ABOUT_THE_QUERY = frozenset(
    {
        ErrorCode.WAREHOUSE_UNAVAILABLE,
        ErrorCode.WAREHOUSE_TIMEOUT,
        ErrorCode.RATE_LIMITED,
        ErrorCode.INTERNAL_ERROR,
    }
)


class CompilationService:
    """Makes plans."""

    def __init__(
        self,
        validation: ValidationService,
        warehouse: WarehouseService,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._validation = validation
        self._warehouse = warehouse
        self._database = database
        self._settings = settings
        self._clock = clock

    def compile_dashboards(
        self, sources: Sequence[DashboardSource], *, actor: str, all_variants: bool
    ) -> list[CompiledDashboard]:
        """The plan of each source, in input order; an invalid one has diagnostics and no plan.

        Every distinct query of all sources is dry-run once; a dashboard with a query that BigQuery is late with says
        so and has no plan. Raises, naming the queries, when BigQuery cannot be asked at all.
        """
        return list(self.iterate_dashboards(sources, actor=actor, all_variants=all_variants))

    def iterate_dashboards(
        self, sources: Sequence[DashboardSource], *, actor: str, all_variants: bool
    ) -> Generator[CompiledDashboard]:
        """Like `compile_dashboards`, but each plan comes as soon as its batch is done.

        All sources are validated first. Closing the generator starts no further dry runs.
        """
        validated = self._validation.validate_dashboards(sources)
        dry_runs: dict[str, DryRun | AlmanacError] = {}
        for start in range(0, len(validated), BATCH_DASHBOARDS):
            batch = validated[start : start + BATCH_DASHBOARDS]
            yield from self._compile_batch(batch, dry_runs, actor, all_variants)

    def _compile_batch(
        self,
        validated: Sequence[ValidationResult],
        dry_runs: dict[str, DryRun | AlmanacError],
        actor: str,
        all_variants: bool,
    ) -> list[CompiledDashboard]:
        """Plans of some of the sources; `dry_runs` holds what the others asked before, and grows."""
        limits = make_expansion_limits(self._settings)
        expansions = {
            index: expand_dashboard(
                result.parsed.definition, result.parsed.sql_texts, limits, all_variants=all_variants
            )
            for index, result in enumerate(validated)
            if result.valid and result.parsed.definition is not None
        }
        dry_runs |= self._dry_run(validated, expansions, dry_runs, actor)
        facts = self._read_facts(validated, expansions)
        return [
            self._finish(result, expansions.get(index), dry_runs, facts)
            for index, result in enumerate(validated)
        ]

    def _dry_run(
        self,
        validated: Sequence[ValidationResult],
        expansions: Mapping[int, Expansion],
        known: Collection[str],
        actor: str,
    ) -> dict[str, DryRun | AlmanacError]:
        units: dict[str, tuple[QueryUnit, DashboardDefinition]] = {}
        for index, expansion in expansions.items():
            definition = validated[index].parsed.definition
            for unit in expansion.units:
                if definition is not None and unit.fingerprint not in known:
                    units.setdefault(unit.fingerprint, (unit, definition))
        requests = [make_request(unit, definition, actor=actor) for unit, definition in units.values()]
        with start_span("dashboard.dry_runs", {"almanac.queries": len(requests)}):
            answers = self._warehouse.dry_run_queries(requests)
        _refuse_silence(requests, answers)
        return dict(zip(units, answers, strict=True))

    def _read_facts(
        self, validated: Sequence[ValidationResult], expansions: Mapping[int, Expansion]
    ) -> PlanFacts:
        slugs = [result.slug for index, result in enumerate(validated) if index in expansions and result.slug]
        fingerprints = [unit.fingerprint for expansion in expansions.values() for unit in expansion.units]
        with self._database.begin() as uow:
            return PlanFacts(
                now=self._clock(),
                settings=self._settings,
                current=uow.versions.get_current(slugs),
                results=uow.query_results.get_many(fingerprints),
            )

    def _finish(
        self,
        result: ValidationResult,
        expansion: Expansion | None,
        dry_runs: Mapping[str, DryRun | AlmanacError],
        facts: PlanFacts,
    ) -> CompiledDashboard:
        if expansion is None or result.parsed.definition is None:
            return CompiledDashboard(
                result.path, result.slug, result.valid, result.diagnostics, None, result.parsed
            )
        checked = build_result(result.parsed, [*_own(result), *self._check(result, expansion, dry_runs)])
        late = [
            name for unit in expansion.units if is_late(dry_runs[unit.fingerprint]) for name in unit.names
        ]
        own = {unit.fingerprint: dry_runs[unit.fingerprint] for unit in expansion.units}
        answered = {key: answer for key, answer in own.items() if isinstance(answer, DryRun)}
        plan = make_plan(result.parsed, expansion, answered, facts) if checked.valid else None
        return CompiledDashboard(
            checked.path, checked.slug, checked.valid, checked.diagnostics, plan, result.parsed,
            tuple(dict.fromkeys(late)),
        )  # fmt: skip

    def _check(
        self, result: ValidationResult, expansion: Expansion, dry_runs: Mapping[str, DryRun | AlmanacError]
    ) -> list[Diagnostic]:
        found = _check_dry_runs(result, expansion, dry_runs)
        if result.parsed.definition is not None:
            bounds = list_bounds(result.parsed.definition, self._settings)
            found.extend(describe_bounds(result.parsed, _list_bills(expansion, dry_runs), bounds))
        return found


def _refuse_silence(requests: Sequence[QueryRequest], answers: Sequence[DryRun | AlmanacError]) -> None:
    """Raise when BigQuery cannot be asked; where only some answers are late, the others are kept."""
    errors = [
        (error, request)
        for request, error in zip(requests, answers, strict=True)
        if isinstance(error, AlmanacError) and error.code in _NOT_ABOUT_THE_QUERY
    ]
    decisive = [error for error, _ in errors if not is_late(error)]
    # When all are late, so would be those of the next batches.
    if errors and (decisive or 1 < len(errors) == len(answers)):
        raise name_queries(decisive[0] if decisive else errors[0][0], [request for _, request in errors])


def describe_invalid(compiled: Sequence[CompiledDashboard]) -> AlmanacError | None:
    """The error of a compile in which a dashboard is invalid, or else not all is known; None without any."""
    names = list(
        dict.fromkeys(one.slug or one.path for one in compiled if not one.valid and not one.late_queries)
    )
    if not names:
        return report_late(compiled, "Not everything could be planned")
    return ValidationFailedError(
        f"Not valid: {', '.join(names)}.",
        remediation="Correct the diagnostics in data.results and send it again.",
    )


def _own(result: ValidationResult) -> list[Diagnostic]:
    """What the validators found: `build_result` adds the document's own again."""
    return [item for item in result.diagnostics if item not in result.parsed.diagnostics]


def _check_dry_runs(
    result: ValidationResult, expansion: Expansion, dry_runs: Mapping[str, DryRun | AlmanacError]
) -> list[Diagnostic]:
    """Diagnostics of the queries BigQuery refuses, and of charts whose fields the others do not return."""
    found: list[Diagnostic] = []
    schemas: dict[str, list[tuple[str, str, str]]] = {}
    for unit in expansion.units:
        answer = dry_runs[unit.fingerprint]
        for name in unit.names:
            if isinstance(answer, DryRun):
                schemas[name] = [(field.name, field.type, field.mode) for field in answer.fields]
                unfiltered = (use for use in answer.partitions if not use.filtered)
                found.extend(describe_partition_use(result.parsed, name, use) for use in unfiltered)
            elif is_late(answer):
                found.append(describe_late(result.parsed, name))
            else:
                found.append(describe_dry_run_error(result.parsed, name, answer))
    found.extend(SchemaFieldValidator(schemas).validate(result.parsed))
    # Variants of one query fail alike; one diagnostic says it.
    return list(dict.fromkeys(found))


def _list_bills(expansion: Expansion, dry_runs: Mapping[str, DryRun | AlmanacError]) -> list[QueryBill]:
    planned = [(unit, dry_runs[unit.fingerprint]) for unit in expansion.units]
    return [
        QueryBill(unit.names, plan.bytes_billed_expected or 0, plan.bytes_billed_max, plan.cap_bytes)
        for unit, plan in planned
        if isinstance(plan, DryRun)
    ]
