"""Names of tables and datasets."""

import pytest

from shared.warehouse.models.tables import TableRef, parse_dataset, parse_table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t", "proj.nyc.t"),
        ("d.t", "proj.d.t"),
        ("P.d.T", "p.d.T"),
        ("`p.d.t`", "p.d.t"),
        ("`p`.`d`.`t`", "p.d.t"),
        ("my-project.d.events_*", "my-project.d.events_*"),
        ("example.com:proj.d.t", "example.com:proj.d.t"),
        ("d.INFORMATION_SCHEMA.TABLES", "proj.d.INFORMATION_SCHEMA.TABLES"),
        ("p.d.INFORMATION_SCHEMA.TABLES", "p.d.INFORMATION_SCHEMA.TABLES"),
    ],
)
def test_a_table_is_completed_from_the_defaults(text: str, expected: str):
    assert str(parse_table(text, "Proj", "nyc")) == expected


def test_the_default_dataset_may_carry_its_project():
    assert parse_table("t", "proj", "other.d") == TableRef("other", "d", "t")


@pytest.mark.parametrize("text", ["", ".t", "d.", "a..t", "a.b.c.d", "``"])
def test_anything_else_is_no_table(text: str):
    with pytest.raises(ValueError, match=r"table"):
        parse_table(text, "proj", "nyc")


def test_a_bare_table_needs_a_default_dataset():
    with pytest.raises(ValueError, match="names no dataset"):
        parse_table("t", "proj", None)


def test_a_dataset_may_carry_its_project():
    assert parse_dataset("d", "Proj") == ("proj", "d")
    assert parse_dataset("Other.D", "proj") == ("other", "D")
    for text in ("", ".", "d.", ".d", "a..d"):
        with pytest.raises(ValueError, match="is not a dataset"):
            parse_dataset(text, "proj")


def test_a_wildcard_covers_the_tables_of_its_dataset_that_begin_alike():
    wildcard = TableRef("p", "d", "events_*")
    assert wildcard.is_wildcard
    assert wildcard.covers(TableRef("p", "d", "events_20240101"))
    assert not wildcard.covers(TableRef("p", "d", "other"))
    assert not wildcard.covers(TableRef("p", "e", "events_20240101"))
    assert TableRef("p", "d", "t").covers(TableRef("p", "d", "t"))
    assert not TableRef("p", "d", "t").covers(TableRef("p", "d", "t2"))
