"""Pages with a total that is right on every page, the ones beyond the last included, in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, Subquery, func, or_

type PagedRow[T] = tuple[T, int, int]
"""An item, its position and the total."""


@dataclass(frozen=True)
class Page[T]:
    """Items `(page - 1) * page_size` onwards (pages count from 1) of `total` items."""

    items: Sequence[T]
    total: int
    page: int
    page_size: int


def number_rows(
    statement: Select[*tuple[Any, ...]], order_by: Sequence[SQLColumnExpression[Any]]
) -> Subquery:
    """`statement` with `row_position` (from 1) and `row_total` added to each row."""
    return statement.add_columns(
        func.row_number().over(order_by=order_by).label("row_position"),
        func.count().over().label("row_total"),
    ).subquery("numbered")


def pick_page[S: Select[*tuple[Any, ...]]](statement: S, numbered: Subquery, page: int, page_size: int) -> S:
    """Of the numbered rows those of the page, and always the first one, which brings the total."""
    first = (page - 1) * page_size + 1
    position = numbered.c.row_position
    return statement.where(or_(position.between(first, first + page_size - 1), position == 1)).order_by(
        position
    )


def make_page[T](rows: Iterable[PagedRow[T]], page: int, page_size: int) -> Page[T]:
    """The page from rows of (item, position, total)."""
    fetched = list(rows)
    first = (page - 1) * page_size + 1
    total = fetched[0][2] if fetched else 0
    return Page([item for item, position, _ in fetched if position >= first], total, page, page_size)
