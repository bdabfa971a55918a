"""The query guard: the one gate every query passes before anything is sent to BigQuery.

It fails closed. The text alone decides first: size, lexical structure, nesting, one statement of the right
kind, functions, parameters. Then one rule per class judges the parsed tree. `check_dry_run` asks the second witness:
what BigQuery itself says of the same text.
"""

from collections.abc import Iterator, Sequence

from shared.errors import SqlNotAllowedError, TableNotAllowedError
from shared.sql.lexer import MAX_KEPT_LENGTH, Lexeme, upper_name
from shared.sql.parsing import TOO_DEEP, ParsedSql, read_statement
from shared.sql.shape import write_shape
from shared.sql.violations import Violation, make_error, raise_violations
from shared.warehouse.guard.functions import NON_DETERMINISTIC_WORDS
from shared.warehouse.guard.policy import CallRule, GuardedQuery, GuardPolicy, ParameterRule, TableRule
from shared.warehouse.guard.rules import (
    AnonymousCallRule,
    ColumnNameRule,
    CompletenessRule,
    NodeRule,
    SizeRule,
    TreeRule,
    check_table_count,
)
from shared.warehouse.models.tables import INFORMATION_SCHEMA, TableRef

__all__ = ["GuardPolicy", "GuardedQuery", "QueryGuard"]

_KEPT_SHAPES = 1000


class QueryGuard:
    """Lets through single SELECTs over allowed tables and nothing else. Safe to share between threads."""

    def __init__(self, policy: GuardPolicy) -> None:
        """Raises ValueError when an allowed dataset of the policy is not `dataset` or `project.dataset`."""
        self._policy = policy
        _ = policy.datasets
        self._admitted: set[tuple[str | None, str]] = set()
        self._text_rules = (CallRule(policy), ParameterRule())
        self._tree_rules: tuple[TreeRule, ...] = (
            SizeRule(),
            NodeRule(),
            AnonymousCallRule(policy),
            CompletenessRule(),
            ColumnNameRule(),
        )

    @property
    def project(self) -> str:
        """The project of tables that are written without one."""
        return self._policy.project

    def check(self, sql: str, default_dataset: str | None) -> GuardedQuery:
        """The query with its tables, when every rule lets it through.

        `default_dataset` (`dataset` or `project.dataset`) completes unqualified tables. Raises
        SqlNotAllowedError, SqlInvalidError or TableNotAllowedError with `details` of
        `{line, column, found, rule, message}`.
        """
        try:
            return self._check(sql, default_dataset)
        except RecursionError as error:
            # Brackets are bounded; chains that nest without any, such as JOIN b JOIN c … ON ON, end here.
            raise make_error(sql, [TOO_DEEP]) from error

    def admit(self, sql: str, default_dataset: str | None) -> None:
        """Raise as `check` does; for who asks about many texts and needs no tree.

        A text of the shape of one that passed is not parsed again. What is sent to BigQuery is checked by itself.
        """
        lexemes = read_statement(sql, self._policy.bounds).lexemes
        shape = (default_dataset, write_shape(lexemes))
        if shape in self._admitted:
            return
        self.check(sql, default_dataset)
        if len(self._admitted) >= _KEPT_SHAPES:
            self._admitted.clear()
        if len(sql) <= MAX_KEPT_LENGTH:
            self._admitted.add(shape)

    def _check(self, sql: str, default_dataset: str | None) -> GuardedQuery:
        parsed = self._parse(sql)
        check_table_count(parsed)
        raise_violations(sql, (found for rule in self._tree_rules for found in rule.find(parsed)))
        table_rule = TableRule(self._policy, default_dataset)
        raise_violations(sql, table_rule.find(parsed))
        tables = tuple(sorted(table_rule.tables))
        return GuardedQuery(
            sql=sql,
            tree=parsed.tree,
            tables=tables,
            deterministic=_is_deterministic(parsed.lexemes, tables),
        )

    def check_dry_run(
        self,
        guarded: GuardedQuery,
        statement_type: str | None,
        referenced_tables: Sequence[TableRef],
        referenced_routines: Sequence[str] = (),
    ) -> None:
        """Compare what the dry run of `guarded` saw with what was let through.

        `statement_type`, tables and routines (`project.dataset.routine`) are the dry run's; views appear there with
        what is behind them. Raises SqlNotAllowedError or TableNotAllowedError, also when the witness leaves a doubt.
        """
        check_witness(self._policy, guarded, statement_type, referenced_tables, referenced_routines)

    def _parse(self, sql: str) -> ParsedSql:
        reading = read_statement(sql, self._policy.bounds)
        # Before the parser: what it makes of names that BigQuery does not have need not be known.
        raise_violations(sql, (found for rule in self._text_rules for found in rule.find(reading.lexemes)))
        return reading.parse()


def _is_deterministic(lexemes: Sequence[Lexeme], tables: Sequence[TableRef]) -> bool:
    if any(table.is_metadata for table in tables):
        return False  # metadata changes without any table being modified
    previous = ""
    for lexeme in lexemes:
        if lexeme.kind == "word" and previous != "." and lexeme.upper in NON_DETERMINISTIC_WORDS:
            return False
        previous = lexeme.text
    return True


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
