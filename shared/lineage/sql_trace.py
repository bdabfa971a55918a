"""Everything lineage learns from one query's SQL; never an exception."""

import logging
from dataclasses import dataclass

from shared.lineage.column_flows import OutputColumn, SourceColumn
from shared.lineage.sources import QuerySource
from shared.lineage.sql_columns import trace_columns
from shared.lineage.sql_tables import Deadline, QueryTables, SchemaIndex, SqlUnresolvedError, parse_query

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class SqlTrace:
    """The tables, columns and clause columns of a query; `unresolved` says why some of them are missing."""

    tables: tuple[str, ...] = ()
    outputs: tuple[OutputColumn, ...] = ()
    clauses: tuple[SourceColumn, ...] = ()
    clauses_unresolved: tuple[str, ...] = ()
    unresolved: str | None = None


def trace_sql(source: QuerySource, schemas: SchemaIndex, deadline: Deadline) -> SqlTrace:
    """As much of the query as can be traced: columns too, or only its tables, or nothing but the reason."""
    tables: tuple[str, ...] = ()
    try:
        deadline.check()
        parsed = parse_query(source.sql)
        named = QueryTables(parsed, source)
        tables = tuple(named.names)
        columns = trace_columns(parsed, named, schemas, deadline)
    except SqlUnresolvedError as error:
        return SqlTrace(tables, unresolved=str(error))
    # Lineage is told beside a save, so nothing that a tree nobody expected makes of it may stop one; each fault is
    # logged with its stack.
    except Exception as error:
        _LOGGER.warning("lineage: the parser failed", exc_info=True)
        return SqlTrace(tables, unresolved=f"the parser cannot resolve it ({type(error).__name__})")
    return SqlTrace(tables, columns.outputs, columns.clauses, columns.unresolved)
