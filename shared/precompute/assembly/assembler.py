"""From query results to the payloads that `/data` serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shared.dashboards.plans.expansion import Expansion
from shared.dashboards.saved.catalog import SavedDashboard
from shared.database.models.runs import Payload as PayloadRow
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, ConflictError, InternalError
from shared.json_values import JsonObject
from shared.precompute.assembly.payload_building import PayloadOutline, outline_payload
from shared.precompute.assembly.payload_keeping import BuiltPayload, KeptPayload, PayloadKeeper
from shared.precompute.assembly.result_store import ResultStore, bound_result_bytes
from shared.settings import Settings

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


@dataclass
class _Assembly:
    """The payloads of a dashboard: `built` anew, or `kept` because they would say the same."""

    built: list[BuiltPayload] = field(default_factory=list)
    kept: list[KeptPayload] = field(default_factory=list)
    refusals: list[AlmanacError] = field(default_factory=list)

    def report(self, problems: Sequence[AlmanacError]) -> AssemblyReport:
        sizes = [one.payload.fragment.size for one in self.built] + [
            one.before.byte_count for one in self.kept
        ]
        return AssemblyReport(len(sizes), sum(sizes), len(self.refusals), (*self.refusals, *problems))


class PayloadAssembler:
    """Builds payloads from the results that are stored, whoever stored them."""

    def __init__(
        self, database: Database, results: ResultStore, keeper: PayloadKeeper, settings: Settings
    ) -> None:
        self._database = database
        self._results = results
        self._keeper = keeper
        self._settings = settings

    def assemble(
        self, dashboard: SavedDashboard, expansion: Expansion, errors: Mapping[str, JsonObject]
    ) -> AssemblyReport:
        """Have the payload of every variant kept that has a result for at least one query.

        `errors` are the failures, by fingerprint, of queries that never had a result. What is kept is made
        of the newest results, not of this worker's own; a payload that would say what the kept one says is not
        built. A result that the payload store lost is a problem of this dashboard, and keeps no other from
        being assembled.
        """
        try:
            return self._assemble(dashboard, expansion, errors)
        except InternalError as error:
            return AssemblyReport(0, 0, 0, (error,))

    def _assemble(
        self, dashboard: SavedDashboard, expansion: Expansion, errors: Mapping[str, JsonObject]
    ) -> AssemblyReport:
        fingerprints = sorted({unit.fingerprint for unit in expansion.units})
        for _ in range(ATTEMPTS):
            with self._database.begin() as uow:
                rows = uow.query_results.get_many(fingerprints)
            outlines = [
                outline
                for variant in expansion.variants
                if (outline := outline_payload(dashboard, variant, rows, errors, self._settings))
            ]
            assembly = self._build(dashboard, outlines)
            problems = self._keeper.keep(dashboard, assembly.built, assembly.kept, rows, fingerprints)
            if problems is not None:
                return assembly.report(problems)
        conflict = ConflictError(
            f"The results of {dashboard.slug} changed {ATTEMPTS} times while its payloads were built.",
            remediation="Refresh it again; the payloads before are served meanwhile.",
        )
        return AssemblyReport(0, 0, 0, (conflict,))

    def _build(self, dashboard: SavedDashboard, outlines: Sequence[PayloadOutline]) -> _Assembly:
        before = self._keeper.find_rows(dashboard, [one.variant.variant_hash for one in outlines])
        same = [
            row
            for one in outlines
            if (row := before.get(one.variant.variant_hash)) and row.etag == one.content_sha256
        ]
        lost = self._keeper.find_lost(same)
        kept = {row.variant_hash: row for row in same if row.variant_hash not in lost}
        assembly = _Assembly(refusals=[one.refusal for one in outlines if one.refusal])
        changed: list[PayloadOutline] = []
        for one in outlines:
            row = kept.get(one.variant.variant_hash)
            if row is None:
                changed.append(one)
            else:
                # What stands in for a payload that is refused was not found to be current.
                assembly.kept.append(KeptPayload(row, row.checked_at if one.refusal else one.checked_at))
        assembly.built += self._build_changed(dashboard, [one for one in changed if not one.refusal])
        assembly.built += self._amend_refused([one for one in changed if one.refusal], before)
        return assembly

    def _build_changed(
        self, dashboard: SavedDashboard, outlines: Sequence[PayloadOutline]
    ) -> list[BuiltPayload]:
        built: list[BuiltPayload] = []
        for group in group_by_size(outlines, bound_result_bytes(self._settings)):
            rows = {row.fingerprint: row for one in group for row in one.results}
            fragments = self._results.load_fragments(dashboard.slug, dashboard.version, rows)
            built += [BuiltPayload(one, one.build(fragments), one.checked_at) for one in group]
        return built

    def _amend_refused(
        self, outlines: Sequence[PayloadOutline], before: Mapping[str, PayloadRow]
    ) -> list[BuiltPayload]:
        """The payloads served until now in place of those that are too large, as old and checked as long ago."""
        by_variant = {one.variant.variant_hash: one for one in outlines}
        payloads = self._keeper.load([before[key] for key in by_variant if key in before])
        return [
            BuiltPayload(by_variant[key], by_variant[key].amend(payload), before[key].checked_at)
            for key, payload in payloads.items()
        ]


def group_by_size(outlines: Sequence[PayloadOutline], most_bytes: int) -> Iterator[list[PayloadOutline]]:
    """Payloads to build together, in order: what their results take encoded is in memory at once."""
    group: list[PayloadOutline] = []
    sizes: dict[str, int] = {}
    for one in outlines:
        own = {row.fingerprint: row.byte_count for row in one.results}
        if group and sum((sizes | own).values()) > most_bytes:
            yield group
            group, sizes = [], {}
        group.append(one)
        sizes |= own
    if group:
        yield group
