"""From query results to the payloads that `/data` serves."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.dashboards.plans.expansion import Expansion, VariantQueries
from shared.dashboards.saved.catalog import SavedDashboard
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, ConflictError, InternalError, PayloadTooLargeError
from shared.precompute.assembly.payload_building import PayloadBuilder, StoredResults, keep_with_error
from shared.precompute.assembly.payload_keeping import PayloadKeeper
from shared.precompute.assembly.result_store import ResultStore
from shared.precompute.payload.payload import Payload

ATTEMPTS = 5
"""How often payloads are built again because another worker stored newer results meanwhile."""


@dataclass(frozen=True)
class AssemblyReport:
    """`ready` payloads of the dashboard's variants can be served; `byte_count` is their encoded size.

    Of these, `not_replaced` could not be built anew and say so.
    """

    ready: int
    byte_count: int
    not_replaced: int
    problems: tuple[AlmanacError, ...]


@dataclass(frozen=True)
class _Build:
    """Payloads by variant hash; `refused` are the errors of variants that are too large."""

    payloads: dict[str, Payload]
    refused: dict[str, PayloadTooLargeError]


class PayloadAssembler:
    """Builds payloads from the results that are stored, whoever stored them."""

    def __init__(
        self, database: Database, results: ResultStore, builder: PayloadBuilder, keeper: PayloadKeeper
    ) -> None:
        self._database = database
        self._results = results
        self._builder = builder
        self._keeper = keeper

    def assemble(
        self, dashboard: SavedDashboard, expansion: Expansion, errors: Mapping[str, dict[str, object]]
    ) -> AssemblyReport:
        """Build and keep the payload of every variant that has a result for at least one query.

        `errors` are the failures, by fingerprint, of queries that never had a result. What is kept is built
        from the newest results, not from this worker's own. A result that the payload store lost is a problem
        of this dashboard, and keeps no other from being assembled.
        """
        try:
            return self._assemble(dashboard, expansion, errors)
        except InternalError as error:
            return AssemblyReport(0, 0, 0, (error,))

    def _assemble(
        self, dashboard: SavedDashboard, expansion: Expansion, errors: Mapping[str, dict[str, object]]
    ) -> AssemblyReport:
        variants = {variant.variant_hash: variant for variant in expansion.variants}
        for _ in range(ATTEMPTS):
            with self._database.begin() as uow:
                rows = uow.query_results.get_many([unit.fingerprint for unit in expansion.units])
            fragments = self._results.load_fragments(dashboard.slug, dashboard.version, rows)
            build = self._build(dashboard, variants, StoredResults(rows, fragments, errors))
            problems = self._keeper.keep(dashboard, build.payloads, variants, rows)
            if problems is not None:
                size = sum(payload.fragment.size for payload in build.payloads.values())
                refused = len(build.refused)
                return AssemblyReport(
                    len(build.payloads), size, refused, (*build.refused.values(), *problems)
                )
        conflict = ConflictError(
            f"The results of {dashboard.slug} changed {ATTEMPTS} times while its payloads were built.",
            remediation="Refresh it again; the payloads before are served meanwhile.",
        )
        return AssemblyReport(0, 0, 0, (conflict,))

    def _build(
        self, dashboard: SavedDashboard, variants: Mapping[str, VariantQueries], results: StoredResults
    ) -> _Build:
        build = _Build({}, {})
        for key, variant in variants.items():
            try:
                payload = self._builder.build(dashboard, variant, results)
            except PayloadTooLargeError as error:
                build.refused[key] = error
                continue
            if payload:
                build.payloads[key] = payload
        for key, payload in self._keeper.load(dashboard, list(build.refused)).items():
            reason = _describe_error(build.refused[key])
            build.payloads[key] = keep_with_error(payload, variants[key], results.rows, reason)
        return build


def _describe_error(error: AlmanacError) -> dict[str, object]:
    return {"code": error.code.value, "message": error.message}
