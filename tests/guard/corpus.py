"""Statements and the verdict the guard owes each: the file `corpus.yaml`, read."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml


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


def read_corpus() -> list[Case]:
    """All cases of the file."""
    groups = yaml.safe_load(Path(__file__).with_name("corpus.yaml").read_text(encoding="utf-8"))
    return [Case(group=group, **case) for group, cases in groups.items() for case in cases]
