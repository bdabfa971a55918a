"""What changed, by meaning: not the layout of SQL, not line breaks, not settings nobody wrote."""

import hashlib
import json

import pytest

from shared.dashboards.saved.catalog import dump_definition
from shared.dashboards.saved.diff import DashboardDiff, DiffSide, make_diff
from shared.dashboards.validators.parsed import hash_content, is_same_content
from tests.dashboards.builders import MINIMAL, parse

WITH_FILE = MINIMAL.replace('sql: "SELECT day, total FROM sales"', "file: daily.sql")


def make_side(text: str, files: dict[str, str] | None = None, label: str = "sales") -> DiffSide:
    parsed = parse(text, files)
    assert parsed.definition is not None
    return DiffSide(label, text, dump_definition(parsed.definition), parsed.sql_texts, files or {})


def compare(after: str, files: dict[str, str] | None = None) -> DashboardDiff:
    return make_diff(make_side(MINIMAL), make_side(after, files))


@pytest.mark.parametrize(
    "sql",
    [
        "select day, total from sales",
        "SELECT day,  total FROM sales -- all",
        "SELECT day, total /**/FROM sales",
    ],
)
def test_sql_that_means_the_same_is_reformatted_and_not_changed(sql):
    found = compare(MINIMAL.replace("SELECT day, total FROM sales", sql))
    assert (found.queries.changed, found.queries.reformatted) == ((), ("daily",))
    assert sql in found.text


def test_sql_that_moves_to_a_file_is_reformatted():
    found = compare(WITH_FILE, {"daily.sql": "SELECT day, total\nFROM sales\n"})
    assert (found.queries.changed, found.queries.reformatted) == ((), ("daily",))


@pytest.mark.parametrize(
    ("old", "new"), [("total FROM", "Total FROM"), ('sales"}', 'sales", max_rows: 10}'), ("sales", "'a'")]
)
def test_what_may_change_the_answer_is_changed(old, new):
    found = compare(
        MINIMAL.replace(old, new, 1) if old != "sales" else MINIMAL.replace("FROM sales", "FROM s")
    )
    assert (found.queries.changed, found.queries.reformatted) == (("daily",), ())


def test_a_first_version_lists_the_settings_its_author_wrote():
    assert make_diff(None, make_side(MINIMAL)).settings == ("slug", "title", "version")
    written = MINIMAL + "budget: {per_query: 1 GB}\nowner: a@example.com\n"
    assert make_diff(None, make_side(written)).settings == ("budget", "owner", "slug", "title", "version")


def test_a_setting_that_is_left_out_has_its_default():
    assert compare(MINIMAL + "refresh: {max_age: 24h}\n").settings == ()
    assert compare(MINIMAL + "refresh: {max_age: 12h}\n").settings == ("refresh",)


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_line_breaks_are_no_content(line_break):
    files = {"daily.sql": "SELECT 1\nAS one\n"}
    other = {name: text.replace("\n", line_break) for name, text in files.items()}
    written = WITH_FILE.replace("\n", line_break)
    assert hash_content(parse(WITH_FILE, files)) == hash_content(parse(written, other))
    assert make_diff(make_side(WITH_FILE, files), make_side(written, other)).text == ""
    changed = make_diff(make_side(WITH_FILE, files), make_side(written.replace("Sales", "Sold"), other))
    assert [line for line in changed.text.splitlines() if line[0] in "+-"][2:] == [
        "-title: Sales",
        "+title: Sold",
    ]


def test_the_hash_of_a_version_with_plain_line_breaks_is_what_it_always_was():
    files = {"daily.sql": "SELECT 1 AS one\n"}
    text = json.dumps([WITH_FILE, [["daily.sql", "SELECT 1 AS one\n"]]], ensure_ascii=False)
    assert hash_content(parse(WITH_FILE, files)) == hashlib.sha256(text.encode()).hexdigest()


def test_files_are_the_same_whatever_ends_their_lines():
    assert is_same_content(b"a\r\nb\r", b"\xef\xbb\xbfa\nb\n")
    assert not is_same_content(b"a\n", b"a\n\n")
    assert is_same_content(None, None)
    assert not is_same_content(b"", None)
