"""The query guard: the one gate every query passes before anything is sent to BigQuery.

It fails closed. The text alone decides first: size, lexical structure, nesting, one statement of the right
kind, functions, parameters. Then one rule per class judges the parsed tree. `check_dry_run` asks BigQuery's
own reading of the same text as a second witness.
"""

from collections.abc import Sequence

from shared.sql.lexer import Lexeme
from shared.sql.parsing import TOO_DEEP, ParsedSql, read_statement
from shared.sql.violations import make_error, raise_violations
from shared.warehouse.guard.calls import CallRule
from shared.warehouse.guard.columns_rule import ColumnNameRule
from shared.warehouse.guard.completeness import CompletenessRule
from shared.warehouse.guard.dry_run import check_witness
from shared.warehouse.guard.functions import NON_DETERMINISTIC_WORDS
from shared.warehouse.guard.parameters_rule import ParameterRule
from shared.warehouse.guard.policy import GuardedQuery, GuardPolicy
from shared.warehouse.guard.rules import AnonymousCallRule, NodeRule, SizeRule, TreeRule, check_table_count
from shared.warehouse.guard.tables_rule import TableRule
from shared.warehouse.models.tables import TableRef

__all__ = ["GuardPolicy", "GuardedQuery", "QueryGuard"]


class QueryGuard:
    """Lets through single SELECTs over allowed tables and nothing else. Safe to share between threads."""

    def __init__(self, policy: GuardPolicy) -> None:
        """Raises ValueError when an allowed dataset of the policy is not `dataset` or `project.dataset`."""
        self._policy = policy
        _ = policy.datasets
        self._text_rules = (CallRule(policy), ParameterRule())
        self._tree_rules: tuple[TreeRule, ...] = (
            SizeRule(),
            NodeRule(),
            AnonymousCallRule(policy),
            CompletenessRule(),
            ColumnNameRule(),
        )

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

    def _check(self, sql: str, default_dataset: str | None) -> GuardedQuery:
        parsed = self._parse(sql)
        check_table_count(sql, parsed.tree)
        raise_violations(sql, (found for rule in self._tree_rules for found in rule.find(parsed)))
        table_rule = TableRule(self._policy, default_dataset)
        raise_violations(sql, table_rule.find(parsed))
        tables = tuple(sorted(table_rule.tables))
        return GuardedQuery(
            sql=sql,
            tree=parsed.tree,
            tables=tables,
            deterministic=_is_deterministic(parsed.lexemes, tables),
            uses_wildcard=any(table.is_wildcard for table in tables),
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
