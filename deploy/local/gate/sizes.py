"""BigQuery's logical size of stored values, as SQL the emulator can add up.

Sizes: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes. NULL is 0
bytes, an ARRAY is the sum of its elements and a STRUCT the sum of its fields, with nothing for themselves.
"""

from collections.abc import Sequence
from itertools import count

from deploy.local.gate.tables import Field, Leaf, Partitioning, Table, Unit

FIXED_SIZES = {
    "BOOL": 1,
    "INT64": 8,
    "FLOAT64": 8,
    "DATE": 8,
    "DATETIME": 8,
    "TIME": 8,
    "TIMESTAMP": 8,
    "NUMERIC": 16,
    "INTERVAL": 16,
    "RANGE": 16,
    "BIGNUMERIC": 32,
}
_VARIABLE_SIZES = {
    "STRING": "2 + BYTE_LENGTH({0})",
    "BYTES": "2 + BYTE_LENGTH({0})",
    "JSON": "BYTE_LENGTH(TO_JSON_STRING({0}))",
    "GEOGRAPHY": "16 + 24 * ST_NUMPOINTS({0})",
}
OUTSIDE_RANGE = -(2**62)


def size_sql(leaf: Leaf) -> str:
    """An aggregate over a table's rows: the bytes of one leaf column."""
    return f"COALESCE(SUM({_row_size('t', leaf.chain, count())}), 0)"


def _row_size(owner: str, chain: Sequence[Field], names: "count[int]") -> str:
    field, rest = chain[0], chain[1:]
    value = f"{owner}.`{field.name}`"
    if not field.repeated:
        return _row_size(value, rest, names) if rest else _value_size(value, field.type)
    element = f"e{next(names)}"
    size = _row_size(element, rest, names) if rest else _value_size(element, field.type)
    return f"(SELECT SUM({size}) FROM UNNEST({value}) AS {element})"  # noqa: S608


def _value_size(value: str, type_name: str) -> str:
    size = _VARIABLE_SIZES.get(type_name) or str(FIXED_SIZES[type_name])
    return f"IF({value} IS NULL, 0, {size.format(value)})"


def partition_sql(partitioning: Partitioning) -> str:
    """The start of a row's partition: microseconds since 1970, the INT64 itself for RANGE, or NULL.

    Rows outside the bounds of a RANGE share the key OUTSIDE_RANGE.
    """
    column = f"t.`{partitioning.column}`"
    unit = partitioning.unit
    if unit is Unit.RANGE:
        start, end, interval = partitioning.start, partitioning.end, partitioning.interval
        bucket = f"{column} - MOD({column} - {start}, {interval})"
        outside = f"{column} < {start} OR {column} >= {end}"
        return f"CASE WHEN {column} IS NULL THEN NULL WHEN {outside} THEN {OUTSIDE_RANGE} ELSE {bucket} END"
    if partitioning.type == "DATE":
        return f"UNIX_DATE(DATE_TRUNC({column}, {unit})) * 86400000000"
    if partitioning.type == "DATETIME":
        return f"UNIX_MICROS(TIMESTAMP(DATETIME_TRUNC({column}, {unit})))"
    return f"UNIX_MICROS(TIMESTAMP_TRUNC({column}, {unit}))"


def measuring_sql(table: Table) -> str:
    """A query with one row per partition: its key, its rows, then the bytes of each of `table.leaves`."""
    key = partition_sql(table.partitioning) if table.partitioning else "0"
    sizes = [size_sql(leaf) for leaf in table.leaves]
    where = ""
    if table.requires_filter and table.partitioning:  # the emulator asks for one; this keeps every row
        where = (
            f"WHERE t.`{table.partitioning.column}` IS NULL OR t.`{table.partitioning.column}` IS NOT NULL "
        )
    return f"SELECT {', '.join([key, 'COUNT(*)', *sizes])} FROM `{table.name}` AS t {where}GROUP BY 1"  # noqa: S608
