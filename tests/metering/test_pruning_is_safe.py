"""No condition may skip a partition that holds a matching row, whatever it is made of."""

from collections.abc import Callable

import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from deploy.local.gate.reading.constants import read_constant
from deploy.local.gate.reading.parameters import Parameters
from deploy.local.gate.reading.partitions import Span
from deploy.local.gate.reading.pruning import ConditionReader, constants_of, may_match

Truth = bool | None
Condition = tuple[str, Callable[[int | None], Truth]]

VALUES = st.integers(-5, 25)
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def known(test: Callable[[int], bool]) -> Callable[[int | None], Truth]:
    """SQL's comparison: unknown for NULL."""
    return lambda value: None if value is None else test(value)


def compare(operator: str, number: int, mirrored: bool) -> Condition:
    test = OPERATORS[operator]
    if mirrored:
        return f"{number} {operator} x", known(lambda value: test(number, value))
    return f"x {operator} {number}", known(lambda value: test(value, number))


def between(low: int, high: int) -> Condition:
    return f"x BETWEEN {low} AND {high}", known(lambda value: low <= value <= high)


def one_of(numbers: list[int]) -> Condition:
    return f"x IN ({', '.join(map(str, numbers))})", known(lambda value: value in numbers)


def negate(condition: Condition) -> Condition:
    sql, test = condition

    def negated(value: int | None) -> Truth:
        truth = test(value)
        return None if truth is None else not truth

    return f"NOT ({sql})", negated


def combine(word: str, left: Condition, right: Condition) -> Condition:
    deciding = word == "OR"

    def combined(value: int | None) -> Truth:
        truths = (left[1](value), right[1](value))
        if deciding in truths:
            return deciding
        return None if None in truths else not deciding

    return f"({left[0]}) {word} ({right[0]})", combined


def is_unrelated(_: int | None) -> Truth:
    """A condition on another column may always be true."""
    return True


SIMPLE = st.one_of(
    st.builds(compare, st.sampled_from(sorted(OPERATORS)), VALUES, st.booleans()),
    st.builds(between, VALUES, VALUES),
    st.builds(one_of, st.lists(VALUES, min_size=1, max_size=3)),
    st.just(("x IS NULL", lambda value: value is None)),
    st.just(("x IS NOT NULL", lambda value: value is not None)),
    st.just(("y = 3", is_unrelated)),
    st.just(("MOD(x, 2) = 0", known(lambda value: value % 2 == 0))),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(negate, inner), st.builds(combine, st.sampled_from(["AND", "OR"]), inner, inner)
    ),
    max_leaves=8,
)
SPANS = [Span(start, start + 4) for start in range(0, 20, 5)] + [Span(is_null=True), Span()]


@given(CONDITIONS)
def test_a_partition_with_a_matching_row_is_read(condition: Condition) -> None:
    sql, matches = condition
    reader = ConditionReader(
        lambda node: isinstance(node, exp.Column) and node.name == "x", "INT64", Parameters()
    )
    test = reader.read(sqlglot.parse_one(sql, dialect="bigquery"))
    read = {constant.key: read_constant(constant, Parameters()) for constant in constants_of(test)}
    values = {key: value for key, value in read.items() if value is not None}
    for span in SPANS:
        if any(matches(row) for row in rows_of(span)):
            assert may_match(test, span, values), f"{sql} skips {span}"


def rows_of(span: Span) -> list[int | None]:
    """The values a row in this partition may have."""
    if span == Span():
        return [None, *range(-5, 26)]
    return [None] if span.is_null else list(range(int(span.low or 0), int(span.high or 0) + 1))
