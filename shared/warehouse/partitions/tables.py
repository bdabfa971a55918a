"""Tables as relations: which of their columns they are partitioned by."""

from collections.abc import Mapping

from sqlglot import exp

from shared.sql.lexer import fold_name
from shared.warehouse.bigquery.metadata import TableMetadata
from shared.warehouse.models.tables import PARTITION_TIME, TableRef, parse_table
from shared.warehouse.partitions.relations import (
    NOTHING_KNOWN,
    PARTITION_DATE,
    TABLE_SUFFIX,
    Column,
    Read,
    Relation,
)

Known = Mapping[TableRef, TableMetadata]


def find_ref(table: exp.Table, project: str, dataset: str | None) -> TableRef | None:
    """The table that a node names; None for what is no table's name."""
    if not all(isinstance(part, exp.Identifier) for part in table.parts):
        return None
    try:
        return parse_table(".".join(part.name for part in table.parts), project, dataset)
    except ValueError:
        return None


def read_stored(ref: TableRef, known: Known) -> tuple[Relation, Read | None]:
    """The columns of a table or wildcard, and its reading when it is partitioned or a wildcard."""
    if ref.is_wildcard:
        read = Read()
        return Relation((), (Column(fold_name(TABLE_SUFFIX), frozenset({read})),), is_open=True), read
    metadata = known.get(ref)
    if metadata is None:
        return NOTHING_KNOWN, None
    names = [fold_name(one.name) for one in metadata.fields]
    if metadata.partition_field is None:
        return Relation(tuple(map(Column, names))), None
    read = Read()
    reads = frozenset({read})
    if metadata.partition_field == PARTITION_TIME:
        hidden = tuple(Column(fold_name(name), reads) for name in (PARTITION_TIME, PARTITION_DATE))
        return Relation(tuple(map(Column, names)), hidden), read
    partitioned_by = fold_name(metadata.partition_field)
    columns = tuple(Column(name, reads) if name == partitioned_by else Column(name) for name in names)
    return Relation(columns), read
