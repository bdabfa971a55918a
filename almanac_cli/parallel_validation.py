"""Validating many files on all processors: each file is judged on its own, slugs against each other."""

import gc
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from shared.dashboards.definition.limits import DEFAULT_LIMITS, ValidationLimits
from shared.dashboards.validation import ValidationResult, parse_dashboard, validate_dashboards
from shared.dashboards.validators.parsed import DashboardSource

MIN_FILES = 64
"""Below this, starting processes takes longer than they save."""
_CHUNK_FILES = 25
_GARBAGE_OBJECTS = 50_000


def validate_sources(
    sources: Sequence[DashboardSource],
    processes: int | None = None,
    limits: ValidationLimits = DEFAULT_LIMITS,
) -> list[ValidationResult]:
    """The verdict on each source, in input order; as `validate_dashboards` gives it, but for `parsed`.

    With many sources `parsed` holds nothing but the source: the rest stays where it was made. `processes` is
    the number of processors unless given.
    """
    count = processes or os.process_cpu_count() or 1
    if len(sources) < MIN_FILES or count < 2:
        return validate_dashboards(sources, limits)
    with _collecting_rarely():
        # Here and not in the pool: what the first loads and compiles, the forked processes have in common.
        results = _validate_chunk(limits, sources[:1])
        rest = sources[1:]
        chunks = [rest[start : start + _CHUNK_FILES] for start in range(0, len(rest), _CHUNK_FILES)]
        with ProcessPoolExecutor(min(count, len(chunks)), initializer=_collect_rarely) as pool:
            for part in pool.map(partial(_validate_chunk, limits), chunks):
                results.extend(part)
    return _add_clashes(sources, results, limits)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    usual = gc.get_threshold()
    _collect_rarely()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)


def _collect_rarely() -> None:
    """Let garbage gather: syntax trees are cycles, and looking for them after each takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS)


def _validate_chunk(limits: ValidationLimits, sources: Sequence[DashboardSource]) -> list[ValidationResult]:
    """One at a time: slugs are compared when all are known."""
    empty = parse_dashboard(DashboardSource("-", ""))
    return [
        replace(validate_dashboards([source], limits)[0], parsed=replace(empty, source=source))
        for source in sources
    ]


def _add_clashes(
    sources: Sequence[DashboardSource], results: Sequence[ValidationResult], limits: ValidationLimits
) -> list[ValidationResult]:
    """Judge again, together, the few that share a slug."""
    counts = Counter(result.slug for result in results if result.slug is not None)
    clashing = [index for index, result in enumerate(results) if counts.get(result.slug or "", 0) > 1]
    again = validate_dashboards([sources[index] for index in clashing], limits)
    judged = dict(zip(clashing, again, strict=True))
    return [judged.get(index, result) for index, result in enumerate(results)]
