"""Pipe operators of GoogleSQL: `FROM t |> WHERE … |> AGGREGATE …`.

https://cloud.google.com/bigquery/docs/reference/standard-sql/pipe-syntax. Each stays the operator it is, in its
order: names that one makes are seen by those behind it, range variables until one takes them away.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import TokenType, exp

from shared.sql.nodes import PipeOperator, PipeQuery
from shared.sql.queries import QueryParser


class GoogleSqlParser(QueryParser):
    """The parser of BigQuery's queries, pipes included."""

    def _parse_pipes(self, query: exp.Query) -> exp.Query:
        operators: list[PipeOperator] = []
        while self._match(TokenType.PIPE_GT):
            operators.append(self._parse_operator_of(self._curr.text.upper() if self._curr else ""))
        return self.expression(PipeQuery(this=query, operators=operators))

    def _parse_operator_of(self, word: str) -> PipeOperator:
        if self._is_join():
            # Its condition is not the next operator's: joins do not nest here.
            return self._make("JOIN", expressions=self._parse_join_clause())
        set_operator = self._parse_set_operator()
        if set_operator is not None:
            kind, arguments = set_operator
            return self._make(
                "SET_OPERATION", set_operation=kind(**arguments), queries=self._parse_operands()
            )
        readers = self._readers()
        if word not in readers or self._is_at(TokenType.IDENTIFIER):
            known = ", ".join(sorted([*readers, "JOIN", "UNION"]))
            self.raise_error(f"Expected one of {known}")
        if word in ("PIVOT", "UNPIVOT", "WHERE", "ORDER BY", "TABLESAMPLE"):
            return self._make(word, this=readers[word]() or self.raise_error(f"Expected {word}"))
        self._advance()
        made = readers[word]()
        return made if isinstance(made, PipeOperator) else self._make(word, **made)

    def _readers(self) -> dict[str, Callable[[], Any]]:
        return {
            "SELECT": self._read_select,
            "EXTEND": self._read_columns,
            "WINDOW": self._read_columns,
            "AGGREGATE": self._read_aggregate,
            "SET": lambda: {"expressions": self._parse_csv(self._parse_assigned)},
            "DROP": lambda: {"expressions": self._parse_csv(self._parse_name)},
            "RENAME": lambda: {"expressions": self._parse_csv(self._parse_renamed)},
            "AS": lambda: {"alias": exp.TableAlias(this=self._parse_name())},
            "DISTINCT": dict,
            "WHERE": self._parse_where,
            "ORDER BY": self._parse_order,
            "LIMIT": self._read_limit,
            "PIVOT": self._parse_pivot_clause,
            "UNPIVOT": self._parse_pivot_clause,
            "TABLESAMPLE": self._parse_sample,
            "CALL": self._read_call,
            "WITH": self._read_with,
            "ASSERT": lambda: {"expressions": self._parse_csv(self._parse_disjunction)},
        }

    def _make(self, kind: str, **arguments: Any) -> PipeOperator:
        return self.expression(PipeOperator(kind=kind, **arguments))

    def _read_select(self) -> dict[str, Any]:
        select = self._parse_select_list()
        windows = self._parse_window_clause()
        if windows:
            select.set("windows", windows)
        return {"this": select}

    def _read_columns(self) -> dict[str, Any]:
        return {"expressions": self._parse_items(), "windows": self._parse_window_clause()}

    def _read_aggregate(self) -> dict[str, Any]:
        """`AGGREGATE a, b GROUP [AND ORDER] BY c`; each of them may be sorted."""
        expressions = []
        if not self._is_at(TokenType.GROUP_BY) and not self._is_group_and_order():
            expressions = self._parse_csv(self._parse_sorted)
        group = None
        if self._match(TokenType.GROUP_BY):
            group = self._parse_grouped()
        elif self._is_group_and_order():
            self._advance(3)
            group = self._parse_grouped()
        if not expressions and not group:
            self.raise_error("Expected an aggregate or GROUP BY")
        return {"expressions": expressions, "group": group}

    def _is_group_and_order(self) -> bool:
        return self._match_text_seq("GROUP", "AND", "ORDER BY", advance=False)

    def _parse_grouped(self) -> list[exp.Expr]:
        def parse_item() -> exp.Expr | None:
            return self._parse_grouping_sets() or self._parse_cube_or_rollup() or self._parse_sorted()

        return self._parse_csv(parse_item)

    def _parse_sorted(self) -> exp.Expr | None:
        """An expression with its alias, and with its place in the order when one is written."""
        item = self._parse_expression()
        is_sorted = self._curr.token_type in (TokenType.ASC, TokenType.DESC)
        return self._parse_ordered(lambda: item) if is_sorted else item

    def _parse_assigned(self) -> exp.Expr:
        name = self._parse_name()
        if not self._match(TokenType.EQ):
            self.raise_error("Expected =")
        value = self._parse_disjunction() or self.raise_error("Expected an expression")
        return self.expression(exp.Alias(this=value, alias=name))

    def _parse_renamed(self) -> exp.Expr:
        old = self._parse_name()
        self._match(TokenType.ALIAS)
        return self.expression(exp.Alias(this=old, alias=self._parse_name()))

    def _read_limit(self) -> dict[str, Any]:
        count = self._parse_disjunction() or self.raise_error("Expected a number")
        offset = [self._parse_disjunction()] if self._match(TokenType.OFFSET) else []
        return {"this": count, "expressions": offset}

    def _read_call(self) -> dict[str, Any]:
        table = self._parse_table_path()
        if not isinstance(table.this, exp.Func | exp.Dot):
            self.raise_error("Expected a table function")
        alias = self._parse_source_alias()
        return {"this": table, "alias": alias and exp.TableAlias(this=alias)}

    def _read_with(self) -> dict[str, Any]:
        with_ = self._parse_with(skip_with_token=True)
        self._match(TokenType.COMMA)
        return {"with_": with_}

    def _parse_operands(self) -> list[exp.Expr]:
        """The queries of a set operation, each in brackets."""

        def parse_operand() -> exp.Expr:
            if not self._is_at(TokenType.L_PAREN):
                self.raise_error("Expected (")
            query: exp.Expr = self._parse_query_primary()
            return query

        return self._parse_csv(parse_operand)
