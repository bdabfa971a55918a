"""What flows between columns, as the tracer of one query finds it."""

from dataclasses import dataclass, field

from shared.lineage.model import EdgeType

ColumnKey = tuple[str, str]
"""A table's name and one of its columns."""

STRENGTH = (EdgeType.COPIES, EdgeType.DERIVES, EdgeType.AGGREGATES)
"""Flows of values, the weakest first: copied and then aggregated is aggregated."""


@dataclass(frozen=True)
class SourceColumn:
    """A table's column and what it does to the column or query it flows into."""

    table: str
    column: str
    type: EdgeType
    exact: bool


@dataclass(frozen=True)
class OutputColumn:
    """A column the query returns; `unresolved` names what could not be traced to a table."""

    name: str
    sources: tuple[SourceColumn, ...]
    unresolved: tuple[str, ...]


@dataclass(frozen=True)
class ColumnTrace:
    """What a query returns, and the columns that decide its rows without being returned.

    `unresolved` names those of the latter that could not be traced to a table.
    """

    outputs: tuple[OutputColumn, ...]
    clauses: tuple[SourceColumn, ...]
    unresolved: tuple[str, ...]


@dataclass
class Flow:
    """What one step of the trace draws from: the strongest flow and the certainty per table column."""

    columns: dict[ColumnKey, tuple[EdgeType, bool]] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)

    def add(self, key: ColumnKey, type_: EdgeType, exact: bool) -> None:
        """Draw from a column; of two ways to the same column the stronger flow and the surer one count."""
        known_type, known_exact = self.columns.get(key, (type_, False))
        self.columns[key] = (max(type_, known_type, key=STRENGTH.index), exact or known_exact)

    def absorb(self, other: "Flow", type_: EdgeType, exact: bool) -> None:
        """Draw from all that `other` draws from, one step of kind `type_` further."""
        for key, (inner_type, inner_exact) in other.columns.items():
            self.add(key, max(type_, inner_type, key=STRENGTH.index), exact and inner_exact)
        self.unresolved |= other.unresolved
