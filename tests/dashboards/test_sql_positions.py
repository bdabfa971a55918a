"""Places in SQL: the same word is found in the file however the SQL is written."""

import pytest

from shared.dashboards.validators.sql_positions import locate_sql, move_bigquery_position
from tests.dashboards.builders import MINIMAL, parse

HEAD = MINIMAL.split("queries:")[0] + "queries:\n"
TAIL = "charts:" + MINIMAL.split("charts:")[1]

WRITTEN = {
    "literal": "  q:\n    sql: |\n      SELECT a,\n        WRONG\n      FROM t\n",
    "literal, deeper": "  q:\n    sql: |\n          SELECT a,\n            WRONG\n          FROM t\n",
    "literal, indicator": "  q:\n    sql: |2\n        SELECT a,\n      WRONG\n      FROM t\n",
    "literal, kept and blank lines": "  q:\n    sql: |+\n\n      SELECT a,\n\n      WRONG\n      FROM t\n\n",
    "literal, stripped": "  q:\n    sql: |-\n      SELECT a, WRONG\n      FROM t\n",
    "literal, comment after indicator": "  q:\n    sql: | # note\n      SELECT a, WRONG FROM t\n",
    "folded": "  q:\n    sql: >\n      SELECT a,\n      WRONG\n      FROM t\n",
    "folded, paragraphs": "  q:\n    sql: >-\n      SELECT a,\n\n\n      b,\n        c,\n\n        WRONG\n",
    "plain": "  q: {sql: SELECT a + WRONG FROM t}\n",
    "plain, several lines": "  q:\n    sql: SELECT a\n      + 1\n\n      + WRONG\n      FROM t\n",
    "single quoted": "  q: {sql: 'SELECT ''é'', WRONG FROM t'}\n",
    "single quoted, several lines": "  q:\n    sql: 'SELECT ''x'',\n\n      WRONG\n      FROM t'\n",
    "double quoted": '  q: {sql: "SELECT \\"\\u00e9\\x41\\U0001F600\\n\\", WRONG FROM t"}\n',
    "double quoted, several lines": '  q:\n    sql: "SELECT a,\n      b, \\\n      WRONG\n      FROM t"\n',
}


def word_at(text: str, span) -> str:
    lines = text.splitlines()
    assert span.line == span.end_line
    return lines[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("style", WRITTEN)
def test_a_word_is_found_however_the_sql_is_written(style, line_break):
    text = (HEAD + WRITTEN[style] + TAIL).replace("\n", line_break)
    document = parse(text)
    sql = document.sql_texts["q"]
    start = sql.index("WRONG")
    place = locate_sql(document, "q", start, start + len("WRONG"))
    assert word_at(text, place.span) == "WRONG"
    assert (place.path, place.pointer) == ("dashboards/sales.yaml", "/queries/q/sql")


@pytest.mark.parametrize("style", WRITTEN)
def test_bigquery_positions_are_moved_to_the_file(style):
    text = HEAD + WRITTEN[style] + TAIL
    document = parse(text)
    before = document.sql_texts["q"].partition("WRONG")[0]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    moved = move_bigquery_position(f"Unrecognized name: WRONG at [{line}:{column}]", document, "q")
    assert moved.message == "Unrecognized name: WRONG"
    assert word_at(text, moved.place.span) == "WRONG"


def test_a_position_in_a_sql_file_points_into_that_file():
    text = HEAD + "  q: {file: sql/q.sql}\n" + TAIL
    document = parse(text, {"sql/q.sql": "SELECT a,\n  WRONG\nFROM t\n"})
    moved = move_bigquery_position("Unrecognized name: WRONG at [2:3]", document, "q")
    span = moved.place.span
    assert moved.place.path == "dashboards/sql/q.sql"
    assert (span.line, span.column, span.end_column) == (2, 3, 8)


def test_a_tab_counts_up_to_the_next_multiple_of_eight_as_in_bigquery():
    document = parse(HEAD + "  q: {file: q.sql}\n" + TAIL, {"q.sql": "SELECT\n\ta,\tWRONG\n"})
    moved = move_bigquery_position("Unrecognized name: WRONG at [2:17]", document, "q")
    assert moved.place.span.column == 5


@pytest.mark.parametrize("position", ["[0:0]", "[1:999]", "[999:1]", "[99999999:99999999]"])
def test_positions_outside_the_sql_stay_inside_the_file(position):
    text = HEAD + WRITTEN["literal"] + TAIL
    moved = move_bigquery_position(f"Wrong at {position}", parse(text), "q")
    assert 1 <= moved.place.span.line <= len(text.splitlines())


def test_a_message_without_position_is_about_the_query():
    text = HEAD + WRITTEN["literal"] + TAIL
    moved = move_bigquery_position("Access denied", parse(text), "q")
    assert (moved.message, moved.place.pointer) == ("Access denied", "/queries/q")
    assert word_at(text, moved.place.span) == "q"
