"""The second witness: what BigQuery itself says about a query that passed."""

from collections.abc import Iterator, Sequence

from shared.errors import SqlNotAllowedError, TableNotAllowedError
from shared.sql.folding import upper_name
from shared.sql.violations import Violation, raise_violations
from shared.warehouse.guard.policy import GuardedQuery, GuardPolicy
from shared.warehouse.models.tables import INFORMATION_SCHEMA, TableRef

# "Queries that reference more than 50 tables will not have a complete list":
# https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2
COMPLETE_LIST_BELOW = 50


def check_witness(
    policy: GuardPolicy,
    guarded: GuardedQuery,
    statement_type: str | None,
    referenced_tables: Sequence[TableRef],
    referenced_routines: Sequence[str],
) -> None:
    """Raise SqlNotAllowedError or TableNotAllowedError unless the dry run confirms what the guard saw."""
    doubts = _find_doubts(policy, guarded, statement_type, referenced_tables)
    routines = _find_routines(policy, guarded, referenced_routines)
    raise_violations(guarded.sql, [*doubts, *routines])


def _find_doubts(
    policy: GuardPolicy, guarded: GuardedQuery, statement_type: str | None, referenced: Sequence[TableRef]
) -> Iterator[Violation]:
    if statement_type != "SELECT":
        message = f"BigQuery reads this as {statement_type or 'an unknown statement'}; only SELECT runs."
        yield Violation(SqlNotAllowedError, "statement", message, statement_type or "", 0)
    for table in referenced:
        if not _is_confirmed(policy, guarded, table):
            message = f"The query reads {table}, perhaps through a view, which is not in ALLOWED_DATASETS."
            yield Violation(
                TableNotAllowedError, "table", message, str(table), _offset_of(guarded, str(table))
            )
    stored = [table for table in guarded.tables if not table.is_metadata]
    if stored and not referenced:
        message = f"BigQuery did not say which tables are read; the text names {stored[0]}."
        remedy = "Without its word nothing runs: name tables that exist, one by one instead of by a wildcard."
        yield Violation(TableNotAllowedError, "table", message, "", 0, remedy)
    if len(referenced) >= COMPLETE_LIST_BELOW and not all(table.is_wildcard for table in guarded.tables):
        # A wildcard matches no view: a query of wildcards alone hides nothing behind the end of the list.
        message = f"The query reads {len(referenced)} tables or more; BigQuery does not list that many."
        remedy = "Filter _TABLE_SUFFIX down to fewer tables, or read the wildcard in a query of its own."
        yield Violation(TableNotAllowedError, "table", message, f"{len(referenced)} tables", 0, remedy)


def _find_routines(
    policy: GuardPolicy, guarded: GuardedQuery, routines: Sequence[str]
) -> Iterator[Violation]:
    """Every stored routine that is not on the list: the text names none but those, so a view calls it."""
    for routine in routines:
        if not policy.allows_routine(routine):
            message = f"The query calls the stored routine {routine}, perhaps through a view; it may reach anything."
            yield Violation(SqlNotAllowedError, "function", message, routine, _offset_of(guarded, routine))


def _offset_of(guarded: GuardedQuery, name: str) -> int:
    return max(guarded.sql.find(name.rpartition(".")[2]), 0)


def _is_confirmed(policy: GuardPolicy, guarded: GuardedQuery, table: TableRef) -> bool:
    if upper_name(table.dataset) == INFORMATION_SCHEMA:
        # BigQuery may name the metadata view without its dataset; the text has said which dataset it is.
        view = upper_name(f"{INFORMATION_SCHEMA}.{table.table}")
        return any(named.table == view for named in guarded.tables)
    return policy.allows(table)
