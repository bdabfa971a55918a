"""Compile: validate, expand, dry-run, plan. Nothing is billed."""

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.plans.expansion import (
    Expansion,
    ExpansionLimits,
    QueryUnit,
    expand_dashboard,
    make_request,
)
from shared.dashboards.plans.findings import check_dry_runs
from shared.dashboards.plans.plan import CompiledDashboard
from shared.dashboards.plans.planning import PlanFacts, make_plan
from shared.dashboards.validation import ValidationResult, ValidationService
from shared.dashboards.validators.parsed import DashboardSource
from shared.database.unit_of_work import Database
from shared.errors import (
    AlmanacError,
    ErrorCode,
    LateAnswerError,
    RateLimitedError,
    WarehouseTimeoutError,
)
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.kept_dry_runs import DryRunKeeper
from shared.warehouse.models.queries import DryRun, QueryRequest
from shared.warehouse.service import WarehouseService
from shared.warehouse.source_state import SourceStateReader

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
        kept: DryRunKeeper,
        sources: SourceStateReader,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._validation = validation
        self._warehouse = warehouse
        self._kept = kept
        self._sources = sources
        self._database = database
        self._settings = settings
        self._clock = clock

    def compile_dashboards(
        self, sources: Sequence[DashboardSource], *, actor: str, all_variants: bool
    ) -> list[CompiledDashboard]:
        """The plan of each source, in input order; an invalid one has diagnostics and no plan.

        Every distinct query of all sources is dry-run once, unless the answer of an earlier time is kept and its tables
        did not change since; a dashboard with a query that BigQuery is late with says
        so and has no plan. Raises, naming the queries, when BigQuery cannot be asked at all.
        """
        return list(self.iterate_dashboards(sources, actor=actor, all_variants=all_variants))

    def iterate_dashboards(
        self, sources: Sequence[DashboardSource], *, actor: str, all_variants: bool
    ) -> Generator[CompiledDashboard]:
        """Like `compile_dashboards`, but each plan comes as soon as its batch is done.

        All sources are validated first. Closing the generator starts no further dry runs.
        """
        # Nothing can be planned while PostgreSQL does not answer, and validating takes a while.
        self._database.reach.require()
        validated = self._validation.validate_dashboards(sources)
        dry_runs: dict[str, DryRun | AlmanacError] = {}
        reader = self._sources.begin_refresh()
        for start in range(0, len(validated), BATCH_DASHBOARDS):
            batch = validated[start : start + BATCH_DASHBOARDS]
            yield from self._compile_batch(batch, dry_runs, reader, actor, all_variants)

    def _compile_batch(
        self,
        validated: Sequence[ValidationResult],
        dry_runs: dict[str, DryRun | AlmanacError],
        reader: SourceStateReader,
        actor: str,
        all_variants: bool,
    ) -> list[CompiledDashboard]:
        """Plans of some of the sources; `dry_runs` holds what the others asked before, and grows."""
        limits = ExpansionLimits.from_settings(self._settings)
        expansions = {
            index: expand_dashboard(
                result.parsed.definition, result.parsed.sql_texts, limits, all_variants=all_variants
            )
            for index, result in enumerate(validated)
            if result.valid and result.parsed.definition is not None
        }
        dry_runs |= self._dry_run(validated, expansions, dry_runs, reader, actor)
        facts = self._read_facts(validated, expansions, dry_runs, reader)
        return [
            self._finish(result, expansions.get(index), dry_runs, facts)
            for index, result in enumerate(validated)
        ]

    def _dry_run(
        self,
        validated: Sequence[ValidationResult],
        expansions: Mapping[int, Expansion],
        known: Mapping[str, DryRun | AlmanacError],
        reader: SourceStateReader,
        actor: str,
    ) -> dict[str, DryRun | AlmanacError]:
        """What is known of each query that is not `known` yet: from a kept answer, else BigQuery is asked."""
        units: dict[str, tuple[QueryUnit, DashboardDefinition]] = {}
        for index, expansion in expansions.items():
            definition = validated[index].parsed.definition
            for unit in expansion.units:
                if definition is not None and unit.fingerprint not in known:
                    units.setdefault(unit.fingerprint, (unit, definition))
        requests = {
            key: make_request(unit, definition, actor=actor) for key, (unit, definition) in units.items()
        }
        kept = self._kept.find(requests.values(), reader)
        asked = {key: request for key, request in requests.items() if key not in kept}
        self._require_few(len(asked) + sum(not _is_kept(answer) for answer in known.values()))
        return {**kept, **self._ask(asked, reader)}

    def _ask(
        self, requests: Mapping[str, QueryRequest], reader: SourceStateReader
    ) -> dict[str, DryRun | AlmanacError]:
        if not requests:
            return {}
        asked = list(requests.values())
        with start_span("dashboard.dry_runs", {"almanac.queries": len(asked)}):
            answers = self._warehouse.dry_run_queries(asked)
        _refuse_silence(asked, answers)
        self._kept.keep(asked, answers, reader)
        return dict(zip(requests, answers, strict=True))

    def _require_few(self, dry_runs: int) -> None:
        limit = self._settings.dry_runs_per_call
        if dry_runs > limit:
            raise RateLimitedError(
                f"This call takes {dry_runs} dry runs or more; at most {limit} are made for one.",
                remediation="Send fewer dashboards at once, or compile the default variants alone.",
                retry_after_seconds=1,
            )

    def _read_facts(
        self,
        validated: Sequence[ValidationResult],
        expansions: Mapping[int, Expansion],
        dry_runs: Mapping[str, DryRun | AlmanacError],
        reader: SourceStateReader,
    ) -> PlanFacts:
        slugs = [result.slug for index, result in enumerate(validated) if index in expansions and result.slug]
        fingerprints = [unit.fingerprint for expansion in expansions.values() for unit in expansion.units]
        planned = {key: answer for key in fingerprints if isinstance(answer := dry_runs[key], DryRun)}
        states = reader.read_states({key: plan.tables for key, plan in planned.items()})
        with self._database.begin() as uow:
            return PlanFacts(
                now=self._clock(),
                settings=self._settings,
                current=uow.versions.get_current(slugs),
                results=uow.query_results.get_many(fingerprints),
                unwatched={key: state.unwatched for key, state in states.items()},
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
        own = {unit.fingerprint: dry_runs[unit.fingerprint] for unit in expansion.units}
        definition = result.parsed.definition
        checked = result.add(check_dry_runs(result.parsed, definition, expansion, own, self._settings))
        late = [
            name
            for unit in expansion.units if isinstance(own[unit.fingerprint], LateAnswerError)
            for name in unit.names
        ]  # fmt: skip
        answered = {key: answer for key, answer in own.items() if isinstance(answer, DryRun)}
        plan = make_plan(result.parsed, expansion, answered, facts) if checked.valid else None
        return CompiledDashboard(
            checked.path, checked.slug, checked.valid, checked.diagnostics, plan, result.parsed,
            tuple(dict.fromkeys(late)),
        )  # fmt: skip


def _is_kept(answer: DryRun | AlmanacError) -> bool:
    return isinstance(answer, DryRun) and answer.kept_from is not None


def _refuse_silence(requests: Sequence[QueryRequest], answers: Sequence[DryRun | AlmanacError]) -> None:
    """Raise when BigQuery cannot be asked; where only some answers are late, the others are kept."""
    errors = [
        (error, request)
        for request, error in zip(requests, answers, strict=True)
        if isinstance(error, AlmanacError) and error.code in _NOT_ABOUT_THE_QUERY
    ]
    decisive = [error for error, _ in errors if not isinstance(error, LateAnswerError)]
    # When all are late, so would be those of the next batches.
    if errors and (decisive or 1 < len(errors) == len(answers)):
        raise _name_queries(decisive[0] if decisive else errors[0][0], [request for _, request in errors])


def _name_queries(error: AlmanacError, requests: Sequence[QueryRequest]) -> AlmanacError:
    """`error` with the dashboards and queries it is about, and without the advice to change what is right."""
    remediation = LateAnswerError.remediation if isinstance(error, WarehouseTimeoutError) else None
    named: Mapping[str, None] = dict.fromkeys(f"{one.slug} ({one.query_name})" for one in requests)
    return error.__class__(
        f"{error.message} It is about {', '.join(list(named)[:10])}.",
        remediation=remediation,
        details=[*error.details, *({"slug": one.slug, "query": one.query_name} for one in requests)],
        retry_after_seconds=error.retry_after_seconds,
    )
