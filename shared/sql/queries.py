"""Queries of GoogleSQL: SELECT, FROM, joins, set operations, WITH. Strict, clause by clause.

https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax. Expressions within are read by
`expressions`, pipe operators behind by `pipes`.
"""

from typing import Any

from sqlglot import TokenType, exp

from shared.sql.lexer import PRIVACY_KINDS, RESERVED_WORDS, upper_name
from shared.sql.nodes import FROM_FIRST, PrivacyClause, find_star
from shared.sql.sources import SourceParser

NO_COLUMNS = "A SELECT names no column"
_SET_OPERATIONS: dict[TokenType, type[exp.SetOperation]] = {
    TokenType.UNION: exp.Union,
    TokenType.INTERSECT: exp.Intersect,
    TokenType.EXCEPT: exp.Except,
}
_LIST_ENDS = frozenset(
    {TokenType.FROM, TokenType.WHERE, TokenType.R_PAREN, TokenType.PIPE_GT, TokenType.LIMIT, TokenType.ORDER_BY,
     TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY, TokenType.WINDOW, TokenType.UNION,
     TokenType.INTERSECT, TokenType.EXCEPT}
)  # fmt: skip


class QueryParser(SourceParser):
    """Reads whole queries. The library's own entry points lead here."""

    def _parse_statement(self) -> exp.Expr | None:
        return self._parse_query()

    def _parse_select(
        self,
        nested: bool = False,
        table: bool = False,
        parse_subquery_alias: bool = True,
        parse_set_operation: bool = True,
        consume_pipe: bool = True,
    ) -> exp.Expr | None:
        if self._is_query() or ((nested or table) and self._is_at(TokenType.L_PAREN)):
            return self._parse_query()
        return None

    def _parse_query(self) -> exp.Query:
        with_ = self._parse_with()
        query: exp.Query = self._parse_query_modifiers(
            self._parse_set_operations(self._parse_query_primary())
        )
        if with_ is not None:
            if query.args.get("with_") is not None:
                self.raise_error("Expected one WITH", self._curr)
            query.set("with_", with_)
        return query

    def _parse_query_primary(self) -> Any:
        if self._match(TokenType.L_PAREN):
            query = self._parse_query()
            self._match_r_paren()
            return self.expression(exp.Subquery(this=query))
        if self._match(TokenType.FROM):
            return self._parse_from_query()
        if not self._match(TokenType.SELECT):
            self.raise_error("Expected SELECT, FROM, WITH or (")
        return self._parse_select_clauses()

    def _parse_from_query(self) -> exp.Select:
        select = exp.Select(expressions=[exp.Star()])
        select.meta[FROM_FIRST] = True
        self._parse_from_items(select)
        return self.expression(select)

    # --- SELECT

    def _parse_select_clauses(self) -> exp.Select:
        select = self._parse_select_list()
        if self._match(TokenType.FROM):
            self._parse_from_items(select)
        elif any(isinstance(item, exp.Star) for item in select.expressions):
            self.raise_error("SELECT * needs a FROM")
        for key, clause in (
            ("where", self._parse_where()),
            ("group", self._parse_group()),
            ("having", self._parse_having()),
            ("qualify", self._parse_qualify()),
            ("windows", self._parse_window_clause()),
        ):
            if clause is not None:
                select.set(key, clause)
        return select

    def _parse_select_list(self) -> exp.Select:
        """What stands between SELECT and FROM, the words before the list included."""
        privacy = self._parse_privacy()
        self._match(TokenType.ALL)
        distinct = exp.Distinct() if self._match(TokenType.DISTINCT) else None
        kind = None
        if self._is_at(TokenType.ALIAS):
            self._advance()
            if not self._match_texts(("STRUCT", "VALUE")):
                self.raise_error("Expected STRUCT or VALUE")
            kind = self._prev.text.upper()
        select = exp.Select(kind=kind, distinct=distinct, hint=privacy, expressions=self._parse_items())
        return self.expression(select)

    def _parse_items(self) -> list[exp.Expr]:
        """The columns of a SELECT; a comma may stand behind the last."""
        found: list[exp.Expr] = []
        while not self._is_list_end():
            item = self._parse_star_ops() if self._match(TokenType.STAR) else self._parse_expression()
            if item is None:
                self.raise_error("Expected a column")
            if isinstance(item, exp.Alias) and find_star(item.this):
                self.raise_error("The columns of * have names of their own", self._prev)
            found.append(item)
            if not self._match(TokenType.COMMA):
                break
        if not found:
            self.raise_error(NO_COLUMNS, self._prev)
        return found

    def _is_list_end(self) -> bool:
        return not self._curr or self._curr.token_type in _LIST_ENDS

    def _parse_group(self, skip_group_by_token: bool = False) -> exp.Group | None:
        if not skip_group_by_token and not self._match(TokenType.GROUP_BY):
            return None
        if self._match(TokenType.ALL):
            return self.expression(exp.Group(all=True))
        items = self._parse_csv(self._parse_grouping_item)
        return self.expression(exp.Group(expressions=items or self.raise_error("Expected an expression")))

    def _parse_grouping_item(self) -> exp.Expr | None:
        return self._parse_grouping_sets() or self._parse_cube_or_rollup() or self._parse_disjunction()

    def _parse_privacy(self) -> PrivacyClause | None:
        if not self._is_at(TokenType.WITH) or not self._next:
            return None
        kind = upper_name(self._next.text)
        if kind not in PRIVACY_KINDS:
            return None
        self._advance(2)
        options = self._parse_options() if self._match_text_seq("OPTIONS") else []
        return self.expression(PrivacyClause(kind=kind, expressions=options))

    def _parse_options(self) -> list[exp.Expr]:
        def parse_option() -> exp.Expr:
            name = self._parse_field_name()
            if not self._match(TokenType.EQ):
                self.raise_error("Expected =")
            return self.expression(exp.PropertyEQ(this=name, expression=self._parse_disjunction()))

        self._match_l_paren()
        found = [] if self._is_at(TokenType.R_PAREN) else self._parse_csv(parse_option)
        self._match_r_paren()
        return found

    # --- WITH, set operations, ORDER BY and LIMIT

    def _parse_with(self, skip_with_token: bool = False) -> exp.With | None:
        if not skip_with_token and not (self._is_query() and self._match(TokenType.WITH)):
            return None
        recursive = self._match(TokenType.RECURSIVE)
        ctes = [self._parse_cte()]
        while self._match(TokenType.COMMA):
            ctes.append(self._parse_cte())
        return self.expression(exp.With(expressions=ctes, recursive=recursive))

    def _parse_cte(self) -> exp.CTE:
        name = self._parse_name()
        if not self._match(TokenType.ALIAS):
            self.raise_error("Expected AS")
        self._match_l_paren()
        query = self._parse_query()
        self._match_r_paren()
        return self.expression(exp.CTE(this=query, alias=exp.TableAlias(this=name)))

    def _parse_set_operations(self, this: exp.Expr | None) -> Any:
        while isinstance(this, exp.Query):
            operation = self._parse_set_operator()
            if operation is None:
                break
            kind, arguments = operation
            right = self._parse_query_primary()
            this = self.expression(kind(this=this, expression=right, **arguments))
        return this

    def _parse_set_operator(self) -> tuple[type[exp.SetOperation], dict[str, Any]] | None:
        """`LEFT OUTER UNION ALL BY NAME` and all shorter forms; None where none stands."""
        start = self._index
        side = self._prev.text.upper() if self._match_texts(("FULL", "LEFT", "INNER")) else None
        outer = side not in (None, "INNER") and self._match(TokenType.OUTER)
        if self._curr.token_type not in _SET_OPERATIONS:
            self._retreat(start)
            return None
        kind = _SET_OPERATIONS[self._curr.token_type]
        self._advance()
        if not self._match_set((TokenType.ALL, TokenType.DISTINCT)):
            self.raise_error("Expected ALL or DISTINCT")
        arguments: dict[str, Any] = {
            "distinct": self._prev.token_type is TokenType.DISTINCT,
            "side": None if side == "INNER" else side,
            "kind": "INNER" if side == "INNER" else "OUTER" if outer else None,
        }
        self._parse_matching(arguments, plain=side is None)
        return kind, arguments

    def _parse_matching(self, arguments: dict[str, Any], *, plain: bool) -> None:
        """`BY NAME [ON (…)]` or `[STRICT] CORRESPONDING [BY (…)]`."""
        if self._match_text_seq("BY", "NAME"):
            arguments["by_name"], word = True, "ON"
        else:
            strict = self._match_text_seq("STRICT")
            if not self._match_text_seq("CORRESPONDING"):
                if strict or not plain:
                    self.raise_error("Expected BY NAME or CORRESPONDING")
                return
            arguments["by_name"], word = True, "BY"
            if plain and not strict:
                arguments["kind"] = "INNER"
        if self._match_text_seq(word):
            arguments["on"] = self._parse_wrapped_csv(self._parse_field_name)

    def _parse_query_modifiers(self, this: Any) -> Any:
        """ORDER BY, LIMIT and the pipe operators behind a query."""
        if not isinstance(this, exp.Query):
            return this
        order = self._parse_order()
        if order is not None:
            self._set_once(this, "order", order)
        if self._match(TokenType.LIMIT):
            self._set_once(this, "limit", exp.Limit(expression=self._parse_count()))
            if self._match(TokenType.OFFSET):
                this.set("offset", exp.Offset(expression=self._parse_count()))
        return self._parse_pipes(this) if self._is_at(TokenType.PIPE_GT) else this

    def _parse_count(self) -> exp.Expr:
        return self._parse_disjunction() or self.raise_error("Expected a number")

    def _set_once(self, query: exp.Query, key: str, clause: exp.Expr) -> None:
        if query.args.get(key) is not None:
            self.raise_error(f"Expected one {key.upper()}", self._prev)
        query.set(key, clause)

    def _parse_pipes(self, query: exp.Query) -> exp.Query:
        raise NotImplementedError

    # --- names

    def _parse_name(self) -> exp.Identifier:
        name = self._parse_optional_name()
        if name is None:
            is_reserved = bool(self._curr) and upper_name(self._curr.text) in RESERVED_WORDS
            known = f"{self._curr.text} is a reserved word; as a name it stands in backticks"
            self.raise_error(known if is_reserved else "Expected a name")
        return name

    def _parse_optional_name(self) -> exp.Identifier | None:
        """An identifier: quoted, or a word that is not reserved."""
        token = self._curr
        if not token or not self._is_name(token):
            return None
        self._advance()
        quoted = token.token_type is TokenType.IDENTIFIER
        return exp.Identifier(this=token.text, quoted=quoted).update_positions(token)

    def _is_name(self, token: Any) -> bool:
        if token.token_type is TokenType.IDENTIFIER:
            return True
        return self._is_plain_word(token) and upper_name(token.text) not in RESERVED_WORDS
