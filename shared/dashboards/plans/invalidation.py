"""What a save would make useless of what is computed for the current version."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.dashboards.definition.parameter_values import ParameterValue
from shared.dashboards.keys import payload_key
from shared.dashboards.plans.expansion import Expansion, VariantQueries


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


def find_invalidated(slug: str, version: int, before: Expansion, after: Expansion) -> Invalidation:
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
