"""What stands in FROM: tables, arrays, subqueries, joins, PIVOT and their aliases."""

from typing import Any

from sqlglot import TokenType, exp

from shared.sql.expressions import ExpressionParser, SqlSyntaxError

_QUERY_STARTS = frozenset({TokenType.SELECT, TokenType.FROM})
_VALUES = frozenset({TokenType.STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING, TokenType.PARAMETER})
_JOIN_WORDS = frozenset(
    {TokenType.JOIN, TokenType.INNER, TokenType.CROSS, TokenType.LEFT, TokenType.RIGHT, TokenType.FULL}
)


class SourceParser(ExpressionParser):
    """Reads the items of FROM."""

    def _parse_from_items(self, select: exp.Select) -> None:
        """The items behind the word FROM, as `from_` and `joins` of the SELECT."""
        select.set("from_", self.expression(exp.From(this=self._parse_source())))
        joins = self._parse_joined(commas=True)
        if joins:
            select.set("joins", joins)

    def _parse_joined(self, *, commas: bool) -> list[exp.Join]:
        joins: list[exp.Join] = []
        while True:
            if commas and self._match(TokenType.COMMA):
                joins.append(self.expression(exp.Join(this=self._parse_source(), kind="CROSS")))
            elif self._is_join():
                joins.extend(self._parse_join_clause())
            else:
                return joins

    def _is_join(self) -> bool:
        """Whether a join begins here; the words that it shares with set operations need a second look."""
        if self._curr.token_type not in _JOIN_WORDS:
            return False
        index = 0 if self._curr.token_type is TokenType.JOIN else 1
        if self._token_at(index) is TokenType.OUTER:
            index += 1
        return self._token_at(index) is TokenType.JOIN

    def _token_at(self, distance: int) -> TokenType | None:
        index = self._index + distance
        return self._tokens[index].token_type if index < len(self._tokens) else None

    def _parse_join_clause(self) -> list[exp.Join]:
        """A join, and the joins behind it when it has no condition of its own: `a JOIN b JOIN c ON … ON …`."""
        word = None if self._is_at(TokenType.JOIN) else self._curr.text.upper()
        if word is not None:
            self._advance()
        is_outer = self._match(TokenType.OUTER)
        if (is_outer and word not in ("LEFT", "RIGHT", "FULL")) or not self._match(TokenType.JOIN):
            self.raise_error("Expected JOIN")
        source = self._parse_source()
        side = word if word in ("LEFT", "RIGHT", "FULL") else None
        kind = "OUTER" if is_outer else word if side is None else None
        join = exp.Join(this=source, side=side, kind=kind)
        inner: list[exp.Join] = []
        if word != "CROSS" and not self._is_condition():
            inner = self._parse_joined(commas=False)
            if inner and self._is_condition():
                source.set("joins", inner)
                inner = []
        if not self._parse_join_condition(join) and word != "CROSS" and not _may_be_array(source):
            self.raise_error("Expected ON or USING")
        return [self.expression(join), *inner]

    def _is_condition(self) -> bool:
        return self._is_at(TokenType.ON) or self._is_at(TokenType.USING)

    def _parse_join_condition(self, join: exp.Join) -> bool:
        if self._match(TokenType.ON):
            join.set("on", self._parse_disjunction() or self.raise_error("Expected a condition"))
        elif self._match(TokenType.USING):
            join.set("using", self._parse_wrapped_csv(self._parse_optional_name))
        return bool(join.args.get("on") or join.args.get("using"))

    # --- one source

    def _parse_source(self) -> exp.Expr:
        if self._match(TokenType.L_PAREN):
            return self._parse_bracketed_source()
        if self._is_at(TokenType.UNNEST) and self._token_at(1) is TokenType.L_PAREN:
            return self._parse_suffixes(self._parse_array())
        return self._parse_suffixes(self._parse_table_path())

    def _parse_bracketed_source(self) -> exp.Expr:
        """A query or a join in brackets; what begins like a query may be the first table of a join."""
        if self._begins_query():
            inner: exp.Expr = self._parse_query()
            if isinstance(inner, exp.Subquery) and not self._is_at(TokenType.R_PAREN):
                inner = self._parse_join_of(self._parse_suffixes(inner))
        else:
            inner = self._parse_join_of(self._parse_source())
        self._match_r_paren()
        return self._parse_suffixes(self.expression(exp.Subquery(this=inner)))

    def _parse_join_of(self, source: exp.Expr) -> exp.Expr:
        joins = self._parse_joined(commas=False)
        if joins:
            source.set("joins", [*(source.args.get("joins") or ()), *joins])
        return source

    def _begins_query(self) -> bool:
        """Whether the first word behind all opening brackets is that of a query."""
        distance = 0
        while self._token_at(distance) is TokenType.L_PAREN:
            distance += 1
        first = self._token_at(distance)
        if first is TokenType.WITH:
            return self._token_at(distance + 1) is not TokenType.L_PAREN
        return first in _QUERY_STARTS

    def _is_query(self) -> bool:
        return not self._is_at(TokenType.L_PAREN) and self._begins_query()

    def _parse_array(self) -> exp.Unnest:
        self._advance()
        arrays = self._parse_wrapped_csv(self._parse_lambda)
        return self.expression(exp.Unnest(expressions=arrays))

    def _parse_unnest(self, with_alias: bool = True) -> exp.Unnest | None:
        """UNNEST behind IN and LIKE ANY: no source, so without alias and offset."""
        is_array = self._is_at(TokenType.UNNEST) and self._token_at(1) is TokenType.L_PAREN
        return self._parse_array() if is_array and not with_alias else None

    def _parse_table_path(self) -> exp.Expr:
        if not self._curr or not self._is_name(self._curr):
            if self._curr.token_type in _VALUES:
                message = "A table is written out by name; a parameter or a string cannot stand for it"
                raise SqlSyntaxError(message, self._curr.start, "table_name")
            self.raise_error("Expected table name")
        return self._parse_table_parts() or self.raise_error("Expected table name")

    def _parse_suffixes(self, source: exp.Expr) -> exp.Expr:
        """Alias, offset, time travel, PIVOT and sample, in BigQuery's order."""
        alias = self._parse_source_alias()
        if alias is not None:
            is_array = isinstance(source, exp.Unnest)
            source.set("alias", exp.TableAlias(columns=[alias]) if is_array else exp.TableAlias(this=alias))
        if isinstance(source, exp.Unnest | exp.Table):
            self._parse_offset_alias(source)
        if isinstance(source, exp.Table) and self._match_text_seq("FOR", "SYSTEM_TIME", "AS", "OF"):
            moment = self._parse_disjunction()
            source.set("version", exp.Version(this="TIMESTAMP", kind="AS OF", expression=moment))
        pivots = []
        while self._is_pivot():
            pivots.append(self._parse_pivot_clause())
        if pivots:
            source.set("pivots", pivots)
        sample = self._parse_sample()
        if sample is not None:
            source.set("sample", sample)
        return source

    def _parse_source_alias(self) -> exp.Identifier | None:
        if self._match(TokenType.ALIAS):
            return self._parse_name()
        return None if self._is_pivot() else self._parse_optional_name()

    def _parse_offset_alias(self, source: exp.Expr) -> None:
        if self._is_at(TokenType.WITH) and self._token_at(1) is TokenType.OFFSET:
            self._advance(2)
            named = self._match(TokenType.ALIAS)
            name = self._parse_name() if named else None if self._is_pivot() else self._parse_optional_name()
            source.set("offset", name or exp.to_identifier("offset"))

    def _parse_sample(self) -> exp.TableSample | None:
        if not self._match(TokenType.TABLE_SAMPLE):
            return None
        method = self._parse_name()
        self._match_l_paren()
        percent = self._parse_disjunction()
        if percent is None or not self._match_text_seq("PERCENT"):
            self.raise_error("Expected a number and PERCENT")
        self._match_r_paren()
        return self.expression(exp.TableSample(method=exp.var(method.name.upper()), percent=percent))

    # --- PIVOT and UNPIVOT

    def _is_pivot(self) -> bool:
        """PIVOT and UNPIVOT are words that may also be names."""
        if self._is_at(TokenType.PIVOT):
            return self._token_at(1) is TokenType.L_PAREN
        if not self._is_at(TokenType.UNPIVOT):
            return False
        following = self._next.text.upper() if self._next else ""
        return self._token_at(1) is TokenType.L_PAREN or following in ("INCLUDE", "EXCLUDE")

    def _parse_pivot_clause(self) -> exp.Pivot:
        unpivot = self._match(TokenType.UNPIVOT)
        nulls = None
        if not unpivot:
            self._advance()
        elif self._match_texts(("INCLUDE", "EXCLUDE")):
            nulls = self._prev.text.upper() == "INCLUDE"
            if not self._match_text_seq("NULLS"):
                self.raise_error("Expected NULLS")
        self._match_l_paren()
        expressions = self._parse_unpivoted() if unpivot else self._parse_csv(self._parse_expression)
        if not self._match(TokenType.FOR):
            self.raise_error("Expected FOR")
        field = self._parse_pivot_field(unpivot=bool(unpivot))
        self._match_r_paren()
        pivot = exp.Pivot(expressions=expressions, fields=[field], unpivot=bool(unpivot), include_nulls=nulls)
        alias = self._parse_source_alias()
        if alias is not None:
            pivot.set("alias", exp.TableAlias(this=alias))
        return self.expression(pivot)

    def _parse_pivot_field(self, *, unpivot: bool) -> exp.In:
        field = self._parse_name() if unpivot else self._parse_bitwise()
        if field is None or not self._match(TokenType.IN):
            self.raise_error("Expected IN")
        self._match_l_paren()
        values = self._parse_csv(self._parse_pivot_value)
        self._match_r_paren()
        return self.expression(exp.In(this=field, expressions=values))

    def _parse_unpivoted(self) -> list[exp.Expr]:
        if not self._match(TokenType.L_PAREN):
            return [self._parse_name()]
        names: list[exp.Expr] = list(self._parse_csv(self._parse_name))
        self._match_r_paren()
        return names

    def _parse_pivot_value(self) -> exp.Expr | None:
        """A value or a column with its alias, which is a name, or a literal in UNPIVOT."""
        value = self._parse_disjunction()
        named = self._match(TokenType.ALIAS)
        alias: exp.Expr | None = self._parse_optional_name()
        if alias is None and named:
            alias = self._parse_primary() or self.raise_error("Expected a name")
        return value if alias is None else self.expression(exp.PivotAlias(this=value, alias=alias))

    # --- looking ahead

    def _is_at(self, kind: TokenType) -> bool:
        return bool(self._curr) and self._curr.token_type is kind

    def _is_plain_word(self, token: Any) -> bool:
        return token.text.isidentifier() and token.token_type not in (
            TokenType.STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING, TokenType.HEX_STRING
        )  # fmt: skip

    def _is_name(self, token: Any) -> bool:
        raise NotImplementedError

    def _parse_optional_name(self) -> exp.Identifier | None:
        raise NotImplementedError

    def _parse_query(self) -> exp.Query:
        raise NotImplementedError


def _may_be_array(source: exp.Expr) -> bool:
    """Whether a source may be an array, which needs no condition: its elements belong to a row already."""
    return isinstance(source, exp.Unnest) or (isinstance(source, exp.Table) and len(source.parts) > 1)
