"""Expressions of GoogleSQL, where the parser's library reads them otherwise or not at all."""

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from sqlglot import TokenType, exp
from sqlglot.errors import ParseError
from sqlglot.parsers.bigquery import BigQueryParser
from sqlglot.tokenizer_core import Token

from shared.sql.nodes import GroupedAggregate, WithExpression

_LITERALS = frozenset(
    {TokenType.STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING, TokenType.HEX_STRING, TokenType.NUMBER}
)
_SHORT_OPERANDS = frozenset({TokenType.VAR, TokenType.NUMBER, TokenType.STRING})
_EXPRESSION_ENDS = frozenset(
    {TokenType.COMMA, TokenType.R_PAREN, TokenType.ALIAS, TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY,
     TokenType.ORDER_BY, TokenType.ASC, TokenType.DESC, TokenType.LIMIT, TokenType.THEN, TokenType.ELSE, TokenType.END}
)  # fmt: skip
_OPERAND_ENDS = _EXPRESSION_ENDS | {
    TokenType.AND, TokenType.OR, TokenType.EQ, TokenType.NEQ, TokenType.LTE, TokenType.GTE, TokenType.BETWEEN,
    TokenType.IN, TokenType.IS, TokenType.LIKE,
}  # fmt: skip

_INTERVAL_PARTS = frozenset(
    {
        "YEAR",
        "QUARTER",
        "MONTH",
        "WEEK",
        "DAY",
        "HOUR",
        "MINUTE",
        "SECOND",
        "MILLISECOND",
        "MICROSECOND",
        "NANOSECOND",
    }
)


class SqlSyntaxError(ParseError):
    """The text does not parse; `start` is an offset into it, `rule` the one of the guard's that says why."""

    def __init__(self, message: str, start: int, rule: str = "syntax") -> None:
        super().__init__(message)
        self.start, self.rule = start, rule


class ExpressionParser(BigQueryParser):
    """Reads expressions; queries within them are read by the class that builds on it."""

    # It would make an array of a path that begins like a range variable, by letters that BigQuery does not hold
    # for the same and also where BigQuery sees one quoted name; `scopes` tells arrays from tables.
    SUPPORTS_IMPLICIT_UNNEST = False
    TERM: ClassVar = {
        kind: node for kind, node in BigQueryParser.TERM.items() if kind is not TokenType.COLLATE
    }
    RANGE_PARSERS: ClassVar = {
        kind: reader
        for kind, reader in BigQueryParser.RANGE_PARSERS.items()
        if kind in (TokenType.BETWEEN, TokenType.IN, TokenType.IS, TokenType.LIKE)
    }

    def raise_error(self, message: str, token: Token | None = None) -> NoReturn:
        """Raise SqlSyntaxError at the token, or where the parser stands."""
        place = token or self._curr or self._prev
        raise SqlSyntaxError(message, place.start if place else len(self.sql))

    def _parse_disjunction(self) -> exp.Expr | None:
        return self._parse_word(_EXPRESSION_ENDS) or super()._parse_disjunction()

    def _parse_bitwise(self) -> exp.Expr | None:
        return self._parse_word(_OPERAND_ENDS) or super()._parse_bitwise()

    def _parse_word(self, ends: frozenset[TokenType]) -> exp.Expr | None:
        """A name or literal that is all of an expression, as most are: no operator needs to be looked for."""
        if self._curr.token_type not in _SHORT_OPERANDS or self._next.token_type not in ends:
            return None
        start = self._index
        word = self._parse_type()
        if self._index != start + 1:
            self._retreat(start)
            return None
        return word

    def _parse_csv[Item](
        self, parse_method: Callable[[], Item | None], sep: TokenType = TokenType.COMMA
    ) -> list[Item]:
        """Items between commas: only SELECT may end with one."""
        first = parse_method()
        found = [] if first is None else [first]
        while self._match(sep):
            item = parse_method()
            if item is None:
                self.raise_error("Expected an expression")
            found.append(item)
        return found

    def _parse_function_call(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
        if self._curr.token_type is TokenType.WITH and self._next.token_type is TokenType.L_PAREN:
            return self._parse_with_expression()
        if self._curr.token_type is TokenType.UNNEST and self._next.token_type is TokenType.L_PAREN:
            self.raise_error("UNNEST stands in FROM, or behind IN")
        return super()._parse_function_call(*args, **kwargs)

    def _parse_in(self, this: exp.Expr | None, alias: bool = False) -> exp.In:
        if self._curr.token_type not in (TokenType.L_PAREN, TokenType.UNNEST):
            self.raise_error("Expected ( or UNNEST(")
        found: exp.In = super()._parse_in(this, alias)
        return found

    def _parse_interval(self, *args: Any, **kwargs: Any) -> exp.Add | exp.Interval | None:
        found = super()._parse_interval(*args, **kwargs)
        last = self._prev
        if found is not None and (
            last.token_type is TokenType.STRING or last.text.upper() not in _INTERVAL_PARTS
        ):
            place = last if last.token_type is TokenType.VAR else None
            self.raise_error("Expected a part of a date or time behind the number, such as DAY", place)
        return found

    def _parse_is(self, this: exp.Expr | None) -> exp.Expr | None:
        found = super()._parse_is(this)
        test = found.this if isinstance(found, exp.Not) else found
        if isinstance(test, exp.Is) and not isinstance(test.expression, exp.Null | exp.Boolean):
            self.raise_error("Expected NULL, TRUE or FALSE behind IS", self._prev)
        return found

    def _parse_with_expression(self) -> WithExpression:
        self._advance(2)
        assigned: list[exp.Expr] = []
        while self._next.token_type is TokenType.ALIAS:
            name = self._parse_name()
            self._match(TokenType.ALIAS)
            assigned.append(exp.Alias(this=self._parse_disjunction(), alias=name))
            if not self._match(TokenType.COMMA):
                self.raise_error("Expected , and the value of WITH(…)")
        value = self._parse_disjunction()
        self._match_r_paren()
        return self.expression(WithExpression(expressions=assigned, this=value))

    def _parse_lambda(self, alias: bool = False) -> exp.Expr | None:
        argument = super()._parse_lambda(alias=alias)
        if argument is not None and self._match(TokenType.GROUP_BY):
            grouped = GroupedAggregate(this=argument, expressions=self._parse_csv(self._parse_disjunction))
            return self._parse_limit(self._parse_order(self._parse_having_max(grouped)))
        return argument

    def _parse_ordered(self, parse_method: Callable[[], exp.Expr | None] | None = None) -> exp.Ordered | None:
        def parse_collated() -> exp.Expr | None:
            item = parse_method() if parse_method else self._parse_disjunction()
            if item is not None and self._match(TokenType.COLLATE):
                return self.expression(exp.Collate(this=item, expression=self._parse_primary()))
            return item

        return super()._parse_ordered(parse_collated)

    def _parse_having_max(self, this: exp.Expr | None) -> exp.Expr | None:
        if not self._match(TokenType.HAVING):
            return this
        if not self._match_texts(("MAX", "MIN")):
            self.raise_error("Expected MAX or MIN")
        largest = self._prev.text.upper() == "MAX"
        return self.expression(exp.HavingMax(this=this, expression=self._parse_disjunction(), max=largest))

    def _parse_alias(self, this: exp.Expr | None, explicit: bool = False) -> exp.Expr | None:
        named = self._match(TokenType.ALIAS)
        alias = self._parse_name() if named else None if explicit else self._parse_optional_name()
        return this if this is None or alias is None else self.expression(exp.Alias(this=this, alias=alias))

    def _parse_column_ops(self, this: exp.Expr | None) -> exp.Expr | None:
        """Fields, subscripts and calls behind an expression."""
        this = self._parse_bracket(this)
        while this is not None and self._match(TokenType.DOT):
            this = self._parse_bracket(self._parse_after_dot(this))
        return this

    def _parse_after_dot(self, this: exp.Expr) -> exp.Expr:
        if self._match(TokenType.STAR):
            return self._add_field(this, self._parse_star_ops())
        if self._match(TokenType.L_PAREN):
            return self._parse_chained_path(this)
        if self._next.token_type is TokenType.L_PAREN and _is_word(self._curr):
            path = _read_path(this)
            return self._parse_named_call(path) if path else self._parse_chained_call(this)
        return self._add_field(this, self._parse_field_name())

    def _add_field(self, this: exp.Expr, field: exp.Expr | None) -> exp.Expr:
        if isinstance(this, exp.Column) and not this.args.get("catalog"):
            parts = {"table": this.this, "db": this.args.get("table"), "catalog": this.args.get("db")}
            return self.expression(exp.Column(this=field, **parts))
        return self.expression(exp.Dot(this=this, expression=field))

    def _parse_field_name(self) -> exp.Expr:
        """A name behind a dot, where every word may stand (`t.select`)."""
        if not _is_word(self._curr):
            self.raise_error("Expected a name")
        quoted = self._curr.token_type is TokenType.IDENTIFIER
        name = exp.Identifier(this=self._curr.text, quoted=quoted).update_positions(self._curr)
        self._advance()
        return name

    def _parse_named_call(self, path: list[exp.Identifier]) -> exp.Expr:
        """`SAFE.f(…)`, `NET.f(…)`, and functions of other names with dots: routines, whose name stays whole."""
        spaces = [part.name.upper() for part in path]
        if spaces in (["SAFE"], ["NET"], ["SAFE", "NET"]):
            call = self._parse_function(any_token=True)
            if "NET" in spaces:
                call = exp.NetFunc(this=call)
            if call is None:
                self.raise_error("Expected a function")
            return self.expression(exp.SafeFunc(this=call)) if "SAFE" in spaces else call
        name: exp.Expr = exp.Dot.build(list(path)) if len(path) > 1 else path[0]
        call = self._parse_function(any_token=True, anonymous=True)
        if isinstance(call, exp.Window):
            call.set("this", self.expression(exp.Dot(this=name, expression=call.this)))
            return call
        return self.expression(exp.Dot(this=name, expression=call))

    def _parse_chained_call(self, this: exp.Expr) -> exp.Expr:
        """`(x).LOWER()`: the function behind the dot, with what stands before it as first argument."""
        name = self._curr
        self._advance()
        return self._make_call(name.text, this, name)

    def _parse_chained_path(self, this: exp.Expr) -> exp.Expr:
        """`(x).(SAFE.SUBSTR)(1, 2)`; the opening bracket is read."""
        name, token = self._parse_name_path(), self._prev
        self._match_r_paren()
        return self._make_call(name, this, token)

    def _parse_name_path(self) -> str:
        words = [self._parse_field_name().name]
        while self._match(TokenType.DOT):
            words.append(self._parse_field_name().name)
        return ".".join(words)

    def _make_call(self, name: str, first: exp.Expr, token: Token) -> exp.Expr:
        if not self._match(TokenType.L_PAREN):
            self.raise_error("Expected (")
        arguments = [first, *self._parse_csv(self._parse_lambda)]
        upper = name.upper().removeprefix("SAFE.")
        known = self.FUNCTIONS.get(upper)
        call: exp.Expr = (
            self._build(known, arguments) if known else exp.Anonymous(this=name, expressions=arguments)
        )
        self._match_r_paren()
        return self._parse_window(self.expression(call.update_positions(token))) or call

    def _build(self, builder: Callable[..., exp.Expr], arguments: list[exp.Expr]) -> exp.Expr:
        try:
            return builder(arguments)
        except TypeError:
            return builder(arguments, dialect=self.dialect)

    def _parse_name(self) -> exp.Identifier:
        """A name that is declared here: an alias, a CTE, a window."""
        raise NotImplementedError

    def _parse_optional_name(self) -> exp.Identifier | None:
        raise NotImplementedError


def _is_word(token: Token) -> bool:
    if not token or token.token_type in _LITERALS:
        return False
    return token.token_type is TokenType.IDENTIFIER or token.text.isidentifier()


def _read_path(node: exp.Expr) -> list[exp.Identifier]:
    """The names of a path that holds nothing else, such as `SAFE` or `project.dataset`; else none."""
    if isinstance(node, exp.Column):
        parts: list[exp.Expr] = list(node.parts)
    elif isinstance(node, exp.Dot):
        parts = list(node.flatten())
        parts = [*_as_identifiers(parts[0]), *parts[1:]]
    else:
        parts = []
    names = [part for part in parts if isinstance(part, exp.Identifier)]
    return names if len(names) == len(parts) else []


def _as_identifiers(node: exp.Expr) -> list[exp.Expr]:
    return list(node.parts) if isinstance(node, exp.Column) else [node]
