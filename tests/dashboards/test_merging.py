"""Merges by line: what only one side changed is taken over, what both changed is told."""

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.saving.conflicts import Draft, describe_conflict
from shared.saving.merging import MAX_LINES, merge_texts
from tests.dashboards.builders import MINIMAL
from tests.database.builders import make_version
from tests.fixtures.examples import choose_examples

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=8).map("".join)
TEN = "".join(f"{number}\n" for number in range(10))


def test_changes_of_different_lines_fit_together():
    merge = merge_texts(
        "f", TEN, TEN.replace("1\n", "one\n"), TEN.replace("8\n", "").replace("5\n", "5\nfive\n")
    )
    assert merge is not None
    assert merge.text == TEN.replace("1\n", "one\n").replace("8\n", "").replace("5\n", "5\nfive\n")


def test_the_same_change_on_both_sides_is_one_change():
    changed = TEN.replace("4\n", "four\n")
    merge = merge_texts("f", TEN, changed, changed)
    assert merge is not None
    assert merge.text == changed


def test_lines_that_both_changed_are_told_with_all_three_sides():
    theirs, mine = TEN.replace("5\n", "theirs\n"), TEN.replace("1\n", "1\nnew\n").replace("5\n", "mine\n")
    merge = merge_texts("f", TEN, theirs, mine)
    assert merge is not None
    assert merge.text is None
    (found,) = merge.conflicts
    assert (found.line, found.base, found.current, found.yours) == (7, "5\n", "theirs\n", "mine\n")
    assert mine.splitlines()[found.line - 1] == "mine"


def test_the_side_that_did_not_change_anything_takes_over_the_other():
    for current, yours, expected in ((TEN, "x\n", "x\n"), ("x\n", TEN, "x\n"), (TEN, TEN, TEN)):
        merge = merge_texts("f", TEN, current, yours)
        assert merge is not None
        assert merge.text == expected


def test_line_breaks_are_no_change():
    merge = merge_texts(
        "f", TEN, TEN.replace("1\n", "one\n"), TEN.replace("\n", "\r\n").replace("8", "eight")
    )
    assert merge is not None
    assert merge.text == TEN.replace("1\n", "one\n").replace("8", "eight")


def test_what_is_too_long_is_not_compared():
    assert merge_texts("f", "", "x\n", "y\n" * (MAX_LINES + 1)) is None


@pytest.mark.usefixtures("programs")
@settings(
    max_examples=choose_examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(LINES, LINES, LINES)
def test_where_it_merges_and_git_does_too_both_have_the_same_text(tmp_path, base, current, yours):
    merge = merge_texts("f", base, current, yours)
    assert merge is not None
    status, text = run_git(tmp_path, base, current, yours)
    if merge.text is not None and status == 0:
        assert sorted(merge.text) == sorted(text)


def run_git(folder: Path, base: str, current: str, yours: str) -> tuple[int, str]:
    for name, content in (("base", base), ("current", current), ("yours", yours)):
        (folder / name).write_text(content)
    done = subprocess.run(
        ["git", "merge-file", "-p", "yours", "base", "current"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


class TestConflict:
    def describe(self, current: dict[str, object], **yours: object) -> dict[str, object]:
        draft = {"slug": "sales", "expected_version": 1, "yaml": MINIMAL, "files": {}, **yours}
        saved = {"yaml_text": MINIMAL, "files": {}}
        rows = (make_version(uuid4(), 1, **saved), make_version(uuid4(), 2, **{**saved, **current}))
        return describe_conflict(Draft(**draft), *rows)

    def test_changes_that_fit_together_come_merged(self):
        detail = self.describe(
            {"yaml_text": MINIMAL.replace("title: Sales", "title: Theirs")},
            yaml=MINIMAL + "owner: mine@example.com\n",
        )
        assert (
            detail["merged_yaml"]
            == MINIMAL.replace("title: Sales", "title: Theirs") + "owner: mine@example.com\n"
        )
        assert "merged_yaml" in str(detail["merge_hint"])
        assert not {"conflicting_lines", "merged_files", "current_files", "base_files", "yours_files"} & set(
            detail
        )

    def test_files_of_all_sides_are_there_and_merged(self):
        detail = self.describe({"files": {"a.sql": "SELECT 1\n"}}, files={"b.sql": "SELECT 2\n"})
        assert (detail["current_files"], detail["yours_files"]) == (
            {"a.sql": "SELECT 1\n"},
            {"b.sql": "SELECT 2\n"},
        )
        assert detail["merged_files"] == {"a.sql": "SELECT 1\n", "b.sql": "SELECT 2\n"}

    def test_a_file_that_both_added_otherwise_is_in_conflict(self):
        detail = self.describe({"files": {"a.sql": "SELECT 1\n"}}, files={"a.sql": "SELECT 2\n"})
        assert detail["conflicting_lines"] == [
            {"path": "a.sql", "line": 1, "base": "", "current": "SELECT 1\n", "yours": "SELECT 2\n"}
        ]
        assert "merged_yaml" not in detail
