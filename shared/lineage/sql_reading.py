"""What the parts of a query have in common: where their clauses are gathered, and how queries within them are read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sqlglot import exp

from shared.lineage.column_flows import Column, Flow, SourceColumn
from shared.lineage.model import EdgeType
from shared.lineage.sql_scope import Scope
from shared.lineage.sql_values import ValueReader


@dataclass
class Clauses:
    """The columns that decide which rows there are, by what they do."""

    flows: dict[EdgeType, Flow] = field(default_factory=dict)

    def add(self, type_: EdgeType, flow: Flow) -> None:
        """Count what a clause draws from."""
        self.flows.setdefault(type_, Flow()).absorb(flow, EdgeType.COPIES, exact=True)

    def list(self) -> list[SourceColumn]:
        """Each column and what it does, sorted."""
        found = [
            (table, column, type_, exact)
            for type_, flow in self.flows.items()
            for (table, column), (_, exact) in flow.columns.items()
        ]
        return [SourceColumn(*one) for one in sorted(found)]

    def list_unresolved(self) -> tuple[str, ...]:
        """The names that could not be placed."""
        return tuple(sorted({name for flow in self.flows.values() for name in flow.unresolved}))


class QueryReading(Protocol):
    """The reader of queries, as the readers of their parts see it: a FROM, a pipe or a value may hold a query."""

    clauses: Clauses
    values: ValueReader

    def read_query(self, query: exp.Expr, outer: Scope) -> list[Column]:
        """The columns of a query, given what is seen around it."""

    def read_items(self, items: Iterable[exp.Expr], scope: Scope) -> list[Column]:
        """The columns of a SELECT list, stars written out."""

    def open_with(self, node: exp.Expr) -> None:
        """Make the CTEs of a WITH known from here on."""

    def find_cte(self, name: str) -> list[Column] | None:
        """The columns of the CTE of that name; None when there is none."""

    def add_clause(self, type_: EdgeType, clause: exp.Expr | None, scope: Scope) -> None:
        """Count what a clause draws from, queries in it included."""
