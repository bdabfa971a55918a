"""From a dashboard and its variants to the queries that must run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.definition.head import expand_variants, hash_variant
from shared.dashboards.definition.parameter_values import ParameterValue, TypedValue, type_values
from shared.settings import Settings
from shared.sql.text import normalize_sql, read_sql
from shared.warehouse.models.bill import RefreshBudget
from shared.warehouse.models.queries import QueryParameter, QueryRequest, RunPurpose

__all__ = ["compute_fingerprint", "expand_variants", "hash_variant"]

# Part of every hash: raise it when the normal form changes, so that old answers are not taken for new ones.
_FORM = 2


def compute_fingerprint(
    sql: str,
    parameters: Mapping[str, TypedValue],
    default_dataset: str | None,
    project: str,
    max_rows: int,
    time_zone: str | None = None,
) -> str:
    """SHA-256, in hexadecimal, of everything but the data that decides a query's answer.

    Comments, white space and the case of reserved words do not count; string literals, names and quoting
    do. Of `parameters` (canonical values by name) only those the SQL uses count. `time_zone` is the one the
    job is given where the dashboard sets one; without, jobs run in UTC.
    """
    names = read_sql(sql).parameter_names
    used = {name.lower(): [value.type, value.value] for name, value in parameters.items()}
    identity: dict[str, object] = {
        "form": _FORM,
        "sql": normalize_sql(sql),
        "parameters": {name: used[name] for name in sorted(names & used.keys())},
        "dataset": default_dataset,
        "project": project,
        "max_rows": max_rows,
    }
    if time_zone is not None:
        identity["time_zone"] = time_zone
    canonical = json.dumps(
        identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass
class QueryUnit:
    """One query to run: every variant and name that has this fingerprint shares it."""

    fingerprint: str
    sql: str
    parameters: tuple[QueryParameter, ...]
    max_rows: int
    names: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, ParameterValue]:
        """The parameter values it binds, by name."""
        return {one.name: one.value for one in self.parameters if one.value is not None}


@dataclass(frozen=True)
class VariantQueries:
    """One combination of parameter values and the fingerprint of each query under it, by query name."""

    parameters: dict[str, ParameterValue]
    variant_hash: str
    fingerprints: Mapping[str, str]


@dataclass(frozen=True)
class Expansion:
    """Everything a refresh of one dashboard runs: units in first-use order, and the variants made of them."""

    units: tuple[QueryUnit, ...]
    variants: tuple[VariantQueries, ...]


@dataclass(frozen=True)
class ExpansionLimits:
    """What bounds an expansion: the job project, rows per query, variants per dashboard."""

    project: str
    max_rows: int
    max_variants: int

    @classmethod
    def from_settings(cls, settings: Settings) -> "ExpansionLimits":
        """The bounds in this environment."""
        return cls(
            settings.google_cloud_project, settings.max_rows_per_query, settings.max_variants_per_dashboard
        )


def expand_dashboard(
    definition: DashboardDefinition,
    sql_texts: Mapping[str, str],
    limits: ExpansionLimits,
    *,
    all_variants: bool,
) -> Expansion:
    """The queries of a dashboard for its default variant, or for all listed ones, deduplicated."""
    if all_variants:
        return expand_variants_of(
            definition, sql_texts, limits, expand_variants(definition, limits.max_variants)
        )
    return expand_variants_of(definition, sql_texts, limits, [definition.default_parameters()])


def expand_variants_of(
    definition: DashboardDefinition,
    sql_texts: Mapping[str, str],
    limits: ExpansionLimits,
    combinations: Sequence[dict[str, ParameterValue]],
) -> Expansion:
    """The queries of a dashboard for the combinations of parameter values given, deduplicated."""
    units: dict[str, QueryUnit] = {}
    variants: list[VariantQueries] = []
    for values in combinations:
        typed = type_values(definition.parameter_types(), values)
        fingerprints: dict[str, str] = {}
        for name, query in definition.queries.items():
            rows = min(query.max_rows, limits.max_rows)
            fingerprint = compute_fingerprint(
                sql_texts[name], typed, definition.dataset, limits.project, rows, definition.time_zone
            )
            if fingerprint not in units:
                units[fingerprint] = QueryUnit(
                    fingerprint, sql_texts[name], _bind(sql_texts[name], typed), rows
                )
            if name not in units[fingerprint].names:
                units[fingerprint].names.append(name)
            fingerprints[name] = fingerprint
        variants.append(VariantQueries(values, hash_variant(values), fingerprints))
    return Expansion(tuple(units.values()), tuple(variants))


def _bind(sql: str, typed: Mapping[str, TypedValue]) -> tuple[QueryParameter, ...]:
    used = read_sql(sql).parameter_names
    return tuple(
        QueryParameter(name, value.type, value.value)
        for name, value in sorted(typed.items())
        if name.lower() in used
    )


def make_request(
    unit: QueryUnit,
    definition: DashboardDefinition,
    *,
    actor: str,
    version: int | None = None,
    attempt: int = 0,
    refresh_budget: RefreshBudget | None = None,
) -> QueryRequest:
    """The request for `unit`, bounded by the dashboard's own budget."""
    return QueryRequest(
        sql=unit.sql,
        parameters=unit.parameters,
        default_dataset=definition.dataset,
        time_zone=definition.time_zone,
        max_bytes_billed=definition.budget.per_query_bytes,
        max_rows=unit.max_rows,
        purpose=RunPurpose.PRECOMPUTE,
        actor=actor,
        slug=definition.slug,
        query_name=unit.names[0],
        version=version,
        fingerprint=unit.fingerprint,
        attempt=attempt,
        dashboard_day_limit_bytes=definition.budget.per_day_bytes,
        refresh_budget=refresh_budget,
    )
