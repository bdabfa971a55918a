"""Statements and the verdict the guard owes each: the file `corpus.yaml`, read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from shared.warehouse.guard.guard import GuardPolicy


@dataclass(frozen=True)
class Case:
    """One statement and what is expected; None where the corpus says nothing."""

    group: str
    sql: str
    default_dataset: str | None = "nyc"
    verdict: str = "allow"
    rule: str | None = None
    found: str | None = None
    line: int | None = None
    column: int | None = None
    tables: list[str] | None = field(default=None)
    deterministic: bool = True


def read_policy() -> GuardPolicy:
    """What the file says that the guard allows; no table functions."""
    return GuardPolicy(**_read()[0])


def read_corpus() -> list[Case]:
    """All cases of the file."""
    groups = _read()[1]
    return [Case(group=group, **case) for group, cases in groups.items() for case in cases]


def _read() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(Path(__file__).with_name("corpus.yaml").read_text(encoding="utf-8")))
