"""The rule about tables: every one the text names is of an allowed dataset."""

import re
from collections.abc import Iterator

from sqlglot import exp

from shared.errors import SqlInvalidError, TableNotAllowedError
from shared.sql.lexer import fold_name, make_words, upper_name
from shared.sql.parsing import ParsedSql
from shared.sql.scopes import find_quoted_arrays
from shared.sql.violations import Violation
from shared.warehouse.guard.policy import GuardPolicy
from shared.warehouse.models.tables import INFORMATION_SCHEMA, TableRef, parse_dataset

# https://cloud.google.com/bigquery/docs/tables#table_naming; a star only ends a wildcard.
_TABLE_NAME = re.compile(r"[\w \-]+\*?|\*")
# Views that exist for one dataset; the others show a whole project or region to whoever may read it.
DATASET_METADATA_VIEWS = make_words(
    """
    COLUMNS COLUMN_FIELD_PATHS CONSTRAINT_COLUMN_USAGE KEY_COLUMN_USAGE MATERIALIZED_VIEWS PARAMETERS
    PARTITIONS ROUTINES ROUTINE_OPTIONS TABLES TABLE_CONSTRAINTS TABLE_OPTIONS TABLE_SNAPSHOTS VIEWS
    """
)


class TableRule:
    """Finds the tables of one statement and judges each; `tables` holds those that passed."""

    def __init__(self, policy: GuardPolicy, default_dataset: str | None) -> None:
        self._policy = policy
        self._default_dataset = default_dataset
        self.tables: set[TableRef] = set()

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every table that is not of an allowed dataset or whose name says nothing definite."""
        arrays = [(column, column.parts) for column in find_quoted_arrays(parsed.nodes)]
        tables = [(table, table.parts) for table in parsed.tables]
        for keyword, path, function in parsed.table_arguments:
            if not self._policy.allows_routine(function):
                message = f"TABLE names what a table function reads; {function} is none that is allowed."
                yield Violation(SqlInvalidError, "table_name", message, keyword.text, keyword.start)
            # Dots inside of backticks part names as dots outside of them do.
            yield from self._judge(".".join(part.text.strip("`") for part in path).split("."), path[0].start)
        for node, parts in [*tables, *arrays]:
            offset = parsed.offset_of(node)
            if all(isinstance(part, exp.Identifier) for part in parts):
                yield from self._judge([part.name for part in parts], offset)
            else:
                message = "A table is written out by name; a parameter or an expression cannot stand for it."
                yield Violation(SqlInvalidError, "table_name", message, node.sql("bigquery")[:80], offset)

    def _judge(self, parts: list[str], offset: int) -> Iterator[Violation]:
        name = ".".join(parts)
        if self._policy.allowed_datasets is None and len(parts) == 1 and not self._default_dataset:
            return  # whoever does not know the datasets may not know the default one either
        try:
            table = self._resolve(parts)
        except ValueError as error:
            yield Violation(SqlInvalidError, "table_name", f"{error}.", name, offset)
            return
        reason = self._refuse(table)
        if reason:
            shown = table if table.dataset else name
            yield Violation(TableNotAllowedError, "table", f"{shown} {reason}.", name, offset)
        else:
            self.tables.add(table)

    def _resolve(self, parts: list[str]) -> TableRef:
        *qualifier, table = parts
        view = upper_name(table) if upper_name(table).startswith(f"{INFORMATION_SCHEMA}.") else None
        if len(qualifier) > 2:
            raise ValueError(f"{'.'.join(parts)} has too many parts; write project.dataset.table")
        if not qualifier and view:
            return TableRef(self._policy.project, "", view)
        if not qualifier and not self._default_dataset:
            raise ValueError(f"The table {table} names no dataset and there is no default for it")
        dataset = qualifier[-1] if qualifier else ""
        if len(qualifier) == 2:
            return TableRef(fold_name(qualifier[0]), dataset, view or table)
        if qualifier:
            return TableRef(fold_name(self._policy.project), dataset, view or table)
        return TableRef(*parse_dataset(self._default_dataset or "", self._policy.project), view or table)

    def _refuse(self, table: TableRef) -> str | None:
        if table.table.startswith(f"{INFORMATION_SCHEMA}."):
            if not table.dataset or fold_name(table.dataset).startswith("region-"):
                return "shows more than one dataset; write dataset.INFORMATION_SCHEMA.VIEW"
            if table.table.partition(".")[2] not in DATASET_METADATA_VIEWS:
                return "is not a view of one dataset's metadata"
        elif not _TABLE_NAME.fullmatch(table.table):
            return "is not a plain table name; decorators such as $ and @ are not accepted"
        return None if self._policy.allows(table) else "is not in ALLOWED_DATASETS"
