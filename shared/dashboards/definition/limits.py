"""Bounds on what validation reads and accepts: those of the settings, unless the caller has an environment's own."""

import sys
from dataclasses import dataclass, replace

from shared.settings import Settings


@dataclass(frozen=True)
class SqlPolicy:
    """What SQL may read and call, as ALLOWED_DATASETS and ALLOWED_ROUTINES have it; no datasets: nobody knows."""

    project: str
    datasets: tuple[str, ...] | None = None
    routines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValidationLimits:
    """Bounds of one validation.

    `max_bytes` holds for each YAML and each SQL file; `max_depth` and `max_nodes` for the YAML tree;
    `max_rows_per_query` and `max_variants` are the environment's, and so is `sql_policy`: what SQL may read and
    call, or None where nobody knows.
    """

    max_bytes: int = Settings.max_body_bytes
    max_depth: int = 32
    max_nodes: int = 20_000
    max_rows_per_query: int = Settings.max_rows_per_query
    max_variants: int = Settings.max_variants_per_dashboard
    sql_policy: SqlPolicy | None = None


DEFAULT_LIMITS = ValidationLimits()

SAVED_LIMITS = replace(DEFAULT_LIMITS, max_bytes=sys.maxsize, max_depth=sys.maxsize, max_nodes=sys.maxsize)
"""For what is saved: it was within the bounds of its day, and must be read whatever they are now."""
