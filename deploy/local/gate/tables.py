"""Tables as the gate sees them: columns down to their leaves, partitioning, version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

Path = tuple[str, ...]
INGESTION_TIME = "_partitiontime"

_SCALAR_NAMES = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
    "BIGDECIMAL": "BIGNUMERIC",
}


class TableName(NamedTuple):
    """`project.dataset.table`."""

    project: str
    dataset: str
    table: str

    def __str__(self) -> str:
        return ".".join(self)

    def to_rest(self) -> dict[str, str]:
        """BigQuery's TableReference."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.table}

    @classmethod
    def from_rest(cls, reference: Mapping[str, str]) -> Self:
        """The name in a TableReference."""
        return cls(reference["projectId"], reference["datasetId"], reference["tableId"])


@dataclass(frozen=True)
class Field:
    """A column, or a field of a STRUCT. `type` is the GoogleSQL name; `repeated` makes it an ARRAY of it."""

    name: str
    type: str
    repeated: bool
    fields: tuple["Field", ...] = ()

    @classmethod
    def from_rest(cls, resource: Mapping[str, Any]) -> Self:
        """The field in a TableFieldSchema."""
        name = str(resource["type"]).upper()
        return cls(
            resource["name"],
            _SCALAR_NAMES.get(name, name),
            resource.get("mode") == "REPEATED",
            tuple(cls.from_rest(child) for child in resource.get("fields") or ()),
        )


@dataclass(frozen=True)
class Leaf:
    """One stored column: a scalar at the end of a chain of STRUCTs and ARRAYs. `path` is in lower case."""

    path: Path
    chain: tuple[Field, ...]


class Unit(StrEnum):
    """What one partition covers."""

    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"
    RANGE = "RANGE"


@dataclass(frozen=True)
class Partitioning:
    """How a table is split. `column` is in lower case, `_partitiontime` for ingestion time.

    `start`, `end` and `interval` belong to RANGE, that is partitions of an INT64 column.
    """

    column: str
    type: str
    unit: Unit
    start: int = 0
    end: int = 0
    interval: int = 0


@dataclass(frozen=True)
class Table:
    """A table, view or materialized view, at one version of its data."""

    name: TableName
    kind: str
    fields: tuple[Field, ...]
    partitioning: Partitioning | None
    clustered: bool
    modified_ms: int
    rows: int
    view_query: str | None = None
    requires_filter: bool = False

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every stored column; `_partitiontime` is one of an ingestion-time partitioned table."""
        return tuple(_leaves(self.stored_fields, ()))

    @property
    def stored_fields(self) -> tuple[Field, ...]:
        """The columns, with the pseudo-column of ingestion time where there is one."""
        if self.partitioning and self.partitioning.column == INGESTION_TIME:
            return (*self.fields, Field(INGESTION_TIME, "TIMESTAMP", repeated=False))
        return self.fields

    @property
    def version(self) -> tuple[object, ...]:
        """Equal as long as the data and the columns are the same."""
        return (self.modified_ms, self.rows, self.fields, self.partitioning, self.view_query)


def _leaves(fields: Sequence[Field], above: tuple[Field, ...]) -> Iterator[Leaf]:
    for field in fields:
        chain = (*above, field)
        if field.fields:
            yield from _leaves(field.fields, chain)
        else:
            yield Leaf(tuple(link.name.lower() for link in chain), chain)


def read_table(resource: Mapping[str, Any], modified_ms: int) -> Table:
    """The table in a REST Table resource, last changed at `modified_ms`."""
    fields = tuple(Field.from_rest(field) for field in (resource.get("schema") or {}).get("fields") or ())
    return Table(
        name=TableName.from_rest(resource["tableReference"]),
        kind=resource.get("type", "TABLE"),
        fields=fields,
        partitioning=_read_partitioning(resource, fields),
        clustered=bool((resource.get("clustering") or {}).get("fields")),
        modified_ms=modified_ms,
        rows=int(resource.get("numRows") or 0),
        view_query=(resource.get("view") or {}).get("query"),
        requires_filter=bool(
            resource.get("requirePartitionFilter")
            or (resource.get("timePartitioning") or {}).get("requirePartitionFilter")
        ),
    )


def _read_partitioning(resource: Mapping[str, Any], fields: Sequence[Field]) -> Partitioning | None:
    types = {field.name.lower(): field.type for field in fields}
    if by_range := resource.get("rangePartitioning"):
        bounds = {key: int(value) for key, value in by_range["range"].items()}
        return Partitioning(by_range["field"].lower(), "INT64", Unit.RANGE, **bounds)
    by_time = resource.get("timePartitioning")
    if not by_time:
        return None
    column = (by_time.get("field") or INGESTION_TIME).lower()
    column_type = types.get(column, "TIMESTAMP")
    # The emulator describes PARTITION BY RANGE_BUCKET in DDL as time partitioning, without its bounds.
    if column_type not in ("DATE", "DATETIME", "TIMESTAMP"):
        return None
    return Partitioning(column, column_type, Unit(by_time.get("type") or "DAY"))
