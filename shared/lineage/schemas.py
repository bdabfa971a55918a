"""The table schemas known while lineage is extracted."""

from collections.abc import Iterator, Mapping

from sqlglot import exp

from shared.sql.types import read_type

# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical (pseudocolumns)
_PSEUDO_COLUMNS = {"_partitiontime", "_partitiondate", "_table_suffix", "_file_name"}


class SchemaIndex:
    """Column names and types by `project.dataset.table`; column names compare without regard to case."""

    def __init__(self, table_schemas: Mapping[str, Mapping[str, str]]) -> None:
        self._types = table_schemas
        self._spelling = {
            table: {column.lower(): column for column in columns} for table, columns in table_schemas.items()
        }

    def has_table(self, table: str) -> bool:
        """True when the columns of `table` are known."""
        return table in self._spelling

    def count_columns(self, table: str) -> int:
        """How many columns `table` is known to have."""
        return len(self._spelling.get(table, ()))

    def has_column(self, table: str, column: str) -> bool:
        """True when `table` is known to have `column`, pseudo-columns included."""
        known = self._spelling.get(table)
        return known is not None and (column.lower() in known or is_pseudo_column(column))

    def spell_column(self, table: str, column: str) -> str:
        """The column's name as the schema spells it, or as it came when the schema has none."""
        if is_pseudo_column(column):
            return column.upper()
        return self._spelling.get(table, {}).get(column.lower(), column)

    def find_type(self, table: str, column: str) -> str | None:
        """The type the schema gives the column, if it does."""
        return self._types.get(table, {}).get(column)

    def list_columns(self, table: str) -> Iterator[tuple[str, exp.DataType]]:
        """The columns of `table` in its order, each with its parsed type."""
        for name, type_ in self._types.get(table, {}).items():
            yield name, read_type(type_)


def is_pseudo_column(column: str) -> bool:
    """True for a column that BigQuery has on tables that do not declare it."""
    return column.lower() in _PSEUDO_COLUMNS
