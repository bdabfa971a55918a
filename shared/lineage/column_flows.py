"""Columns of a query while it is traced: what each is made of, what is known of its inside, what flows between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from shared.lineage.model import EVERY_COLUMN, EdgeType

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


@dataclass(frozen=True)
class Shape:
    """What is known of a value's type: the fields of a STRUCT, the shape of an ARRAY's elements."""

    fields: tuple[tuple[str, "Shape | None"], ...] = ()
    element: "Shape | None" = None

    def find(self, name: str) -> "Shape | None":
        """The shape of a field, if it is known."""
        return next((shape for field_, shape in self.fields if field_.lower() == name.lower()), None)


def read_shape(type_: exp.DataType | None) -> Shape | None:
    """The shape of a type; None when it has no inside."""
    if type_ is None or not type_.expressions:
        return None
    if type_.is_type(exp.DType.ARRAY):
        return Shape(element=read_shape(_as_type(type_.expressions[0])))
    if type_.is_type(exp.DType.STRUCT):
        return Shape(
            tuple(
                (one.name, read_shape(_as_type(one.args.get("kind"))))
                for one in type_.expressions
                if isinstance(one, exp.ColumnDef)
            )
        )
    return None


def _as_type(node: object) -> exp.DataType | None:
    return node if isinstance(node, exp.DataType) else None


@dataclass(frozen=True)
class Column:
    """A column: `name` is None for one without, and `*` for those of a table whose columns nobody knows.

    `tables` are the tables whose unknown columns a `*` stands for.
    """

    name: str | None
    flow: Flow
    shape: Shape | None = None
    tables: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as BigQuery compares it."""
        return (self.name or "").lower()

    @property
    def is_open(self) -> bool:
        """True of a `*`."""
        return self.name == EVERY_COLUMN

    def rename(self, name: str | None) -> "Column":
        """The same under another name."""
        return replace(self, name=name)


@dataclass
class Source:
    """A range variable: a table, a query or the elements of an array. `value` is what it is made of as a whole."""

    columns: list[Column]
    value: Flow
    shape: Shape | None = None
    table: str | None = None


@dataclass
class Sources:
    """What a FROM offers: its range variables by name, and its columns in the order of `SELECT *`."""

    by_name: dict[str, Source] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)


def merge_flows(flows: Iterable[Flow]) -> Flow:
    """One flow that draws from all that they draw from."""
    merged = Flow()
    for flow in flows:
        merged.absorb(flow, EdgeType.COPIES, exact=True)
    return merged


def expand_fields(shape: Shape | None, flow: Flow) -> list[Column]:
    """The fields of a STRUCT as columns: each is made of the whole."""
    return [Column(name, flow, inner) for name, inner in (shape.fields if shape else ())]


def find_columns(columns: Sequence[Column], name: str) -> Iterator[Column]:
    """The columns of that name."""
    key = name.lower()
    return (column for column in columns if column.key == key and not column.is_open)


def make_source(columns: list[Column]) -> Source:
    """A query's columns as a range variable."""
    value = Flow()
    value.absorb(merge_flows(column.flow for column in columns), EdgeType.DERIVES, exact=True)
    shape = Shape(tuple((column.name or "", column.shape) for column in columns))
    return Source(list(columns), value, shape)
