"""From a place in a query's SQL, or in another text, to the place in the file it was written in."""

import re
from dataclasses import dataclass

from shared.dashboards.diagnostics.diagnostic import Span
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import LineIndex, join_pointer
from shared.dashboards.yaml.scalar_offsets import map_scalar

# "… at [3:14]", and "[at 3:14]" as some of BigQuery's messages have it.
_POSITION = re.compile(r"\s*(?:at \[(\d{1,9}):(\d{1,9})\]|\[at (\d{1,9}):(\d{1,9})\])")
_WORD = re.compile(r"\w+|`[^`\n]*`|.", re.DOTALL)
# ZetaSQL's columns count a tab as the distance to the next multiple of eight:
# https://github.com/google/zetasql/blob/master/zetasql/public/parse_location.h
_TAB_WIDTH = 8


@dataclass(frozen=True)
class SqlPlace:
    """A stretch of the file `path`: the dashboard, or its SQL file; `pointer` is in the dashboard."""

    path: str
    pointer: str
    span: Span


@dataclass(frozen=True)
class MovedMessage:
    """A message of BigQuery's without its position, and the place it is about."""

    message: str
    place: SqlPlace


def locate_sql(document: ParsedDashboard, query_name: str, start: int, end: int) -> SqlPlace:
    """The place of offsets `start` to `end` of the SQL of a query."""
    sql = document.sql_texts.get(query_name, "")
    pointer = join_pointer("/queries", query_name)
    sql_path = document.sql_path(query_name)
    if sql_path is not None:
        return SqlPlace(sql_path, join_pointer(pointer, "file"), LineIndex(sql).span(start, max(end, start)))
    pointer = join_pointer(pointer, "sql")
    span = locate_within(document, pointer, sql, start, end)
    return SqlPlace(document.source.path, pointer, span or document.positions.value(pointer))


def locate_within(document: ParsedDashboard, pointer: str, text: str, start: int, end: int) -> Span | None:
    """The place of offsets `start` to `end` of the `text` at `pointer`; None where its writing cannot be followed."""
    node = document.positions.nodes.get(pointer)
    offsets = map_scalar(document.positions.text, node, text) if node else None
    if offsets is None:
        return None
    start, end = min(start, len(text)), min(max(end, start), len(text))
    last = offsets[end - 1] + 1 if end > start else offsets[start]
    return document.positions.lines.span(offsets[start], last)


def read_place(document: ParsedDashboard, query_name: str, place: SqlPlace) -> str:
    """What is written at a place of the SQL of a query, be it in the dashboard or in a file of its own."""
    is_own = place.path == document.sql_path(query_name)
    text = document.sql_texts.get(query_name, "") if is_own else document.positions.text
    lines, span = LineIndex(text), place.span
    return text[lines.offset(span.line, span.column) : lines.offset(span.end_line, span.end_column)]


def locate_line(document: ParsedDashboard, query_name: str, line: int, column: int) -> SqlPlace:
    """The place of the word at a line and column, both from 1, as BigQuery counts them in the SQL."""
    sql = document.sql_texts.get(query_name, "")
    lines = LineIndex(sql)
    start = lines.offset(line, 1)
    offset = min(start + _characters_before(sql[start : lines.line_end(start)], column), len(sql))
    word = _WORD.match(sql, offset)
    return locate_sql(document, query_name, offset, word.end() if word and word.group() != "\n" else offset)


def move_bigquery_position(message: str, document: ParsedDashboard, query_name: str) -> MovedMessage:
    """Take `at [line:column]` out of a message and find it in the file; without one, the query's key."""
    match = _POSITION.search(message)
    if match is None:
        pointer = join_pointer("/queries", query_name)
        place = SqlPlace(document.source.path, pointer, document.positions.key(pointer))
        return MovedMessage(message.strip(), place)
    line, column = (int(number) for number in match.groups() if number is not None)
    rest = (message[: match.start()] + message[match.end() :]).strip()
    return MovedMessage(rest, locate_line(document, query_name, line, column))


def _characters_before(line: str, column: int) -> int:
    width = 0
    for index, character in enumerate(line):
        if width >= column - 1:
            return index
        width += _TAB_WIDTH - width % _TAB_WIDTH if character == "\t" else 1
    return len(line)
