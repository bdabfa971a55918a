"""What every repository does: flush, tell a conflict from a fault, and write many rows in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, ClassVar, cast
from uuid import UUID

import sqlalchemy.exc
from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.database.connection.failures import UNIQUE_VIOLATION, read_server_error
from shared.database.models.base import Base
from shared.errors import ConflictError


class Repository:
    """Base of the repositories; lives as long as one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session


class RowRepository[RowT: Base](Repository):
    """Base of those whose rows callers make."""

    _CONFLICTS: ClassVar[Mapping[str, str]] = {}
    """What is wrong where a row violates a unique constraint, by the constraint's name."""

    def create_many(self, rows: Sequence[RowT]) -> list[RowT]:
        """Insert and return the rows. Raises ConflictError where one of the constraints above is violated."""
        self._session.add_all(rows)
        try:
            self._session.flush()
        except sqlalchemy.exc.DBAPIError as error:
            server = read_server_error(error)
            message = self._CONFLICTS.get(server.get("n", ""))
            if server.get("C") != UNIQUE_VIOLATION or message is None:
                raise
            raise ConflictError(message, details=[{"reason": server.get("D", "")}]) from error
        return list(rows)


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    return cast("Table", model.__table__)


def rows_of(models: Sequence[Base]) -> list[dict[str, Any]]:
    """The models as rows for one INSERT: the same columns in each, Python defaults filled in."""
    wanted = {
        column.key
        for column in table_of(type(models[0])).columns
        if column.default is not None or any(column.key in vars(model) for model in models)
    }
    return [{key: _value_of(model, key) for key in sorted(wanted)} for model in models]


def record_set(table: Table, columns: Sequence[str]) -> FromClause:
    """A table-valued expression over the JSON parameter `rows`, typed like `columns` of `table`.

    One statement and one parameter for any number of rows; see `json_rows` for the parameter.
    """
    typed = (column(name, table.c[name].type) for name in columns)
    records = func.jsonb_to_recordset(bindparam("rows", type_=JSONB)).table_valued(*typed, name="given")
    return records.render_derived(with_types=True)


def json_rows(rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """The value of the parameter `rows` of `record_set`."""
    return [{key: _to_json(value) for key, value in row.items()} for row in rows]


def take_once[T](candidates: Select[T]) -> Select[T]:
    """What a bounded SELECT … FOR UPDATE SKIP LOCKED of one column found, for the IN of an UPDATE or a DELETE.

    Written into the IN itself it may be run anew for each row of the outer table, by the plan that PostgreSQL happens
    to choose, and each run finds others: the bound would hold for none. A WITH that locks is run once.
    """
    return select(candidates.cte())


def excluded_values(table: Table, excluded: Any, keep: Iterable[str]) -> dict[str, ColumnElement[Any]]:
    """For ON CONFLICT DO UPDATE: take every column of the new row but those in `keep`."""
    kept = set(keep)
    return {column.key: excluded[column.key] for column in table.columns if column.key not in kept}


def _value_of(model: Base, key: str) -> object:
    if key in vars(model):
        return vars(model)[key]
    default = table_of(type(model)).columns[key].default
    if default is None:
        return None
    argument: Any = cast("Any", default).arg
    return argument(None) if callable(argument) else argument


def _to_json(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
