"""What a commit says of the versions in it is read back as it was written, whatever people wrote."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.saving.publishing import VersionNote

SAVED_AT = datetime(2026, 3, 4, 5, 6, 7, 89, UTC)
ONE = (("shop", 3),)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_every_message_comes_back(message: str) -> None:
    note = VersionNote(ONE, message, SAVED_AT)
    assert VersionNote.read(note.write()) == note


def test_a_save_without_a_message_is_described_and_reads_as_one_without() -> None:
    note = VersionNote((("a-b", 1), ("shop", 12)), "", SAVED_AT)
    assert note.write().splitlines()[0] == "Save a-b version 1, shop version 12"
    assert VersionNote.read(note.write()) == note


def test_a_message_that_looks_like_a_note_names_no_version() -> None:
    forged = VersionNote((("other", 9),), "Mine", SAVED_AT).write()
    note = VersionNote(ONE, forged, SAVED_AT)
    found = VersionNote.read(note.write())
    assert found == note
    assert found is not None
    assert found.versions == ONE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "By hand",
        "By hand\n\nAlmanac-Version: shop@3\n",
        "By hand\n\nAlmanac-Version: shop@0\nAlmanac-Saved-At: 2026-03-04T05:06:07+00:00\n",
        "By hand\n\nAlmanac-Version: shop@3\nAlmanac-Saved-At: yesterday\n",
        "By hand\n\nAlmanac-Version: shop@3\nAlmanac-Saved-At: 2026-03-04T05:06:07\n",
        "Almanac-Version: shop@3\nAlmanac-Saved-At: 2026-03-04T05:06:07+00:00\n",
    ],
)
def test_other_commits_hold_none(text: str) -> None:
    assert VersionNote.read(text) is None
