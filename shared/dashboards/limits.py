"""Bounds on what validation reads and accepts; the caller fills in those of its environment."""

import sys
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ValidationLimits:
    """Bounds of one validation.

    `max_bytes` holds for each YAML and each SQL file; `max_depth` and `max_nodes` for the YAML tree;
    `max_rows_per_query` and `max_variants` are the environment's.
    """

    max_bytes: int = 1_000_000
    max_depth: int = 32
    max_nodes: int = 20_000
    max_rows_per_query: int = 50_000
    max_variants: int = 64


DEFAULT_LIMITS = ValidationLimits()

SAVED_LIMITS = replace(DEFAULT_LIMITS, max_bytes=sys.maxsize, max_depth=sys.maxsize, max_nodes=sys.maxsize)
"""For what is saved: it was within the bounds of its day, and must be read whatever they are now."""
