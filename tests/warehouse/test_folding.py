"""Names are equal by the letters A to Z alone, as they are to BigQuery."""

import string

import pytest

from shared.sql.lexer import fold_name, upper_name
from shared.warehouse.models.tables import TableRef, parse_dataset


@pytest.mark.parametrize("letter", ["\u212a", "\u0130", "\u017f", "\u0131", "\u00dc", "\u03a3"])
def test_letters_beyond_a_to_z_are_left_alone(letter: str):
    assert fold_name(letter) == upper_name(letter) == letter


def test_a_to_z_are_folded():
    assert fold_name(string.ascii_letters) == string.ascii_lowercase * 2
    assert upper_name(string.ascii_letters) == string.ascii_uppercase * 2


def test_a_project_is_not_another_one_by_a_letter_of_another_alphabet():
    assert parse_dataset("wor\u212a.nyc", "proj") != parse_dataset("work.nyc", "proj")


def test_a_table_that_only_looks_like_metadata_is_a_table():
    assert not TableRef("proj", "nyc", "\u0131nformation_schema.tables").is_metadata
