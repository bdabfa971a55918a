"""From dry runs to a plan. The same input gives the same bytes."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.limits import SAVED_LIMITS
from shared.dashboards.definition.schedule import count_refreshes_per_month
from shared.dashboards.keys import payload_key, query_key
from shared.dashboards.plans.expansion import (
    Expansion,
    ExpansionLimits,
    QueryUnit,
    VariantQueries,
    expand_dashboard,
)
from shared.dashboards.plans.plan import (
    DashboardPlan,
    InvalidatedQuery,
    InvalidatedVariant,
    Invalidation,
    InvalidationReason,
    PlannedQuery,
    PlanTotals,
    UnwatchedSource,
)
from shared.dashboards.validation import parse_dashboard
from shared.dashboards.validators.parsed import DashboardSource, ParsedDashboard, hash_content
from shared.database.models.dashboards import DashboardVersion
from shared.database.models.runs import QueryResult
from shared.settings import Settings
from shared.sizes import dollars
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.models.queries import DryRun


@dataclass(frozen=True)
class PlanFacts:
    """What planning must know beside the file: saved versions by slug, stored results by fingerprint.

    `unwatched` are the sources that cannot be watched and why, by fingerprint.
    """

    now: datetime
    settings: Settings
    current: Mapping[str, DashboardVersion]
    results: Mapping[str, QueryResult]
    unwatched: Mapping[str, Mapping[str, str]]


def make_plan(
    parsed: ParsedDashboard, expansion: Expansion, dry_runs: Mapping[str, DryRun], facts: PlanFacts
) -> DashboardPlan:
    """The plan of a valid dashboard."""
    definition = parsed.definition
    if definition is None:
        raise ValueError("only a valid dashboard has a plan")
    version = _find_version(parsed, facts)
    waves = _arrange_waves(expansion, dry_runs, facts.settings.warehouse_parallelism)
    wave_of = {fingerprint: number for number, wave in enumerate(waves) for fingerprint in wave}
    queries = tuple(
        _plan_query(unit, dry_runs[unit.fingerprint], wave_of[unit.fingerprint], version, definition, facts)
        for unit in expansion.units
    )
    return DashboardPlan(
        slug=definition.slug,
        title=definition.title,
        version=version,
        variants=tuple(variant.parameters for variant in expansion.variants),
        queries=queries,
        waves=waves,
        totals=_add_up(queries, len(expansion.variants), definition.refresh.schedule, facts.settings),
        invalidates=_find_invalidated(parsed, definition, facts),
    )


def _find_version(parsed: ParsedDashboard, facts: PlanFacts) -> int:
    """The saved version with this very content, or the next number."""
    current = facts.current.get(parsed.slug or "")
    if current is None:
        return 1
    return current.version + (current.content_sha256 != hash_content(parsed))


def _find_invalidated(
    parsed: ParsedDashboard, definition: DashboardDefinition, facts: PlanFacts
) -> Invalidation | None:
    current = facts.current.get(definition.slug)
    if current is None:
        return None
    if current.content_sha256 == hash_content(parsed):
        return Invalidation(current.version)
    source = DashboardSource(current.blob_path, current.yaml_text, current.files)
    saved = parse_dashboard(source, SAVED_LIMITS)
    if saved.definition is None:
        # A release that does not read it computes nothing of it either; whoever saves it anew mends that.
        return Invalidation(current.version)
    limits = ExpansionLimits.from_settings(facts.settings)
    # A lower bound since then must not stand in the way of the save that keeps to it.
    saved_limits = replace(limits, max_variants=sys.maxsize)
    before = expand_dashboard(saved.definition, saved.sql_texts, saved_limits, all_variants=True)
    after = expand_dashboard(definition, parsed.sql_texts, limits, all_variants=True)
    return _compare_expansions(definition.slug, current.version, before, after)


def _compare_expansions(slug: str, version: int, before: Expansion, after: Expansion) -> Invalidation:
    """Compare the current version's queries and variants (`before`) with those of a new one."""
    return Invalidation(
        version,
        tuple(_compare_queries(before, after)),
        tuple(_compare_variants(slug, version, before, after)),
    )


def _compare_queries(before: Expansion, after: Expansion) -> Sequence[InvalidatedQuery]:
    kept = {unit.fingerprint for unit in after.units}
    names = {name for unit in after.units for name in unit.names}
    used: dict[str, dict[str, None]] = {}
    for variant in before.variants:
        for name, fingerprint in variant.fingerprints.items():
            used.setdefault(name, {})[fingerprint] = None
    lost = {name: tuple(one for one in found if one not in kept) for name, found in used.items()}
    return [
        InvalidatedQuery(name, _choose_reason(name in names), fingerprints)
        for name, fingerprints in sorted(lost.items()) if fingerprints
    ]  # fmt: skip


def _compare_variants(
    slug: str, version: int, before: Expansion, after: Expansion
) -> Sequence[InvalidatedVariant]:
    new = {variant.variant_hash: variant for variant in after.variants}
    return [
        InvalidatedVariant(
            variant.parameters,
            _choose_reason(variant.variant_hash in new),
            payload_key(slug, variant.variant_hash, version),
        )
        for variant in before.variants
        if not _is_same(variant, new.get(variant.variant_hash))
    ]


def _is_same(old: VariantQueries, new: VariantQueries | None) -> bool:
    return new is not None and dict(old.fingerprints) == dict(new.fingerprints)


def _choose_reason(still_there: bool) -> InvalidationReason:
    return InvalidationReason.CHANGED if still_there else InvalidationReason.REMOVED


def _arrange_waves(
    expansion: Expansion, dry_runs: Mapping[str, DryRun], parallelism: int
) -> tuple[tuple[str, ...], ...]:
    """Jobs that run side by side; the largest first, so that a refresh does not end waiting for one."""
    fingerprints = [unit.fingerprint for unit in expansion.units]
    ordered = sorted(fingerprints, key=lambda key: (-_size(dry_runs[key]), key))
    return tuple(tuple(ordered[start : start + parallelism]) for start in range(0, len(ordered), parallelism))


def _size(dry_run: DryRun) -> int:
    """What counts for the order of jobs: one whose bytes are unknown may be as large as its cap."""
    return dry_run.cap_bytes if dry_run.bytes_estimated is None else dry_run.bytes_estimated


def _plan_query(
    unit: QueryUnit,
    dry_run: DryRun,
    wave: int,
    version: int,
    definition: DashboardDefinition,
    facts: PlanFacts,
) -> PlannedQuery:
    price = facts.settings.usd_per_tib
    return PlannedQuery(
        fingerprint=unit.fingerprint,
        names=tuple(unit.names),
        parameters=unit.values,
        output_schema=dry_run.fields,
        referenced_tables=tuple(str(table) for table in dry_run.referenced_tables),
        bytes_estimated=dry_run.bytes_estimated,
        accuracy=dry_run.accuracy,
        bytes_billed_expected=dry_run.bytes_billed_expected,
        bytes_billed_max=dry_run.bytes_billed_max,
        cap_bytes=dry_run.cap_bytes,
        usd_estimated=dollars(dry_run.bytes_estimated, price),
        usd_billed_expected=dollars(dry_run.bytes_billed_expected, price),
        cache_key=query_key(definition.slug, unit.fingerprint, version),
        fresh=_is_fresh(facts.results.get(unit.fingerprint), definition.refresh.max_age_seconds, facts.now),
        deterministic=dry_run.deterministic,
        wave=wave,
        partitions=dry_run.partitions,
        unwatched=tuple(
            UnwatchedSource(name, reason) for name, reason in facts.unwatched[unit.fingerprint].items()
        ),
        kept_from=dry_run.kept_from,
    )


def _is_fresh(result: QueryResult | None, max_age_seconds: int, now: datetime) -> bool:
    return result is not None and (now - result.checked_at).total_seconds() <= max_age_seconds


def _add_up(
    queries: tuple[PlannedQuery, ...], variants: int, schedule: str | None, settings: Settings
) -> PlanTotals:
    price = settings.usd_per_tib
    per_refresh = sum(query.bytes_estimated or 0 for query in queries)
    billed = sum(query.bytes_billed_expected or 0 for query in queries)
    is_least = any(query.accuracy in (Accuracy.LOWER_BOUND, Accuracy.UNKNOWN) for query in queries)
    per_month = count_refreshes_per_month(schedule)
    billed_per_month = int((Decimal(billed) * per_month).to_integral_value())
    return PlanTotals(
        queries=len(queries),
        variants=variants,
        accuracy=Accuracy.LOWER_BOUND if is_least else Accuracy.PRECISE,
        bytes_per_refresh=per_refresh,
        bytes_billed_per_refresh=billed,
        usd_per_refresh=dollars(billed, price),
        refreshes_per_month=per_month,
        bytes_per_month=int((Decimal(per_refresh) * per_month).to_integral_value()),
        bytes_billed_per_month=billed_per_month,
        usd_per_month=dollars(billed_per_month, price),
    )
