"""Which of a table's columns a first dashboard shows, and how."""

import re
from dataclasses import dataclass

from shared.warehouse.models.table_facts import TYPES_SEEN, ColumnFacts, TableFacts
from shared.warehouse.models.tables import PARTITION_TIME

MOST_GROUPS = 30
_FEWEST_GROUPS = 2
_MOST_MEASURES, _MOST_BREAKDOWNS = 3, 3
_MIDNIGHT, _MINUTES_OF_AN_HOUR = 2400, 60
# Names that need no quotes and leave room for what is added to them.
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,44}")
_NUMBERS = frozenset({"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"})
_TIMES = ("DATE", "TIMESTAMP", "DATETIME")
# Numbers that name or place something: no sum and no mean says anything about them.
_NAMING_NUMBER = re.compile(
    r"(^|_)(id|ids|key|code|number|num|no|zip|postcode|phone|lat|lon|lng|latitude|longitude|year|month|day|week|"
    r"weekday|hour|minute|second|quarter|rank|version|index|flight)$",
    re.IGNORECASE,
)
_NAMING_TEXT = re.compile(r"(^|_)(id|name|title|description|comment|text|url|email|address)$", re.IGNORECASE)
# Numbers of which the whole is meant; of the others the mean.
_ADDED = re.compile(
    r"(amount|revenue|sales|total|cost|price|fee|tax|quantity|qty|count|bytes|units|profit|spend|clicks|views|"
    r"impressions|visits)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Choice:
    """`time` filters and orders what is shown, `measures` are added up or averaged, `groups` have few values.

    `shown` are all that a table of rows can show.
    """

    time: ColumnFacts | None
    measures: tuple[ColumnFacts, ...]
    groups: tuple[ColumnFacts, ...]
    shown: tuple[ColumnFacts, ...]


def choose_columns(facts: TableFacts) -> Choice:
    """By type, by the values that were seen, and by names where none were."""
    columns = [one for one in facts.columns if _PLAIN_NAME.fullmatch(one.name) and one.type in TYPES_SEEN]
    measures = [one for one in columns if _is_measure(one, facts)]
    groups = [one for one in columns if one.type in {"STRING", "BOOL"} and _has_few_values(one, facts)]
    return Choice(
        _find_time(columns, facts.partition_column),
        tuple(measures[:_MOST_MEASURES]),
        tuple(groups[:_MOST_BREAKDOWNS]),
        tuple(columns),
    )


def is_added(column: ColumnFacts) -> bool:
    """True for numbers of which the sum is meant, by name."""
    return bool(_ADDED.search(column.name))


def _find_time(columns: list[ColumnFacts], partition: str | None) -> ColumnFacts | None:
    if partition == PARTITION_TIME:
        return ColumnFacts(PARTITION_TIME, "TIMESTAMP", "")
    found = [one for one in columns if one.type in _TIMES]
    return min(found, key=lambda one: (one.name != partition, _TIMES.index(one.type)), default=None)


def _is_measure(column: ColumnFacts, facts: TableFacts) -> bool:
    is_number = column.type in _NUMBERS and column.name != facts.partition_column
    return is_number and not _NAMING_NUMBER.search(column.name) and not _is_clock(column)


def _is_clock(column: ColumnFacts) -> bool:
    """Times of day written as numbers, 1730 for half past five: their mean is no time."""
    return column.name.lower().endswith("time") and all(
        0 <= value <= _MIDNIGHT and value % 100 < _MINUTES_OF_AN_HOUR for value in column.values
    )


def _has_few_values(column: ColumnFacts, facts: TableFacts) -> bool:
    if not facts.rows_seen:
        return not _NAMING_TEXT.search(column.name)
    most = min(MOST_GROUPS, max(_FEWEST_GROUPS, len(column.values) // 2))
    return _FEWEST_GROUPS <= len(set(column.values)) <= most
