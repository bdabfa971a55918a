"""Days in the query string of /costs."""

import pytest
from pydantic import ValidationError

from shared.schemas.costs import CostQuery


@pytest.mark.parametrize("text", ["0", "1700000000", "2026-1-1", "20260101", "2026-01-01T00:00:00", "today"])
def test_a_day_is_written_in_one_way(text):
    with pytest.raises(ValidationError):
        CostQuery.model_validate({"to": text})


def test_both_days_are_read():
    query = CostQuery.model_validate({"from": "2026-01-01", "to": "2026-01-31"})
    assert [str(query.first_day), str(query.last_day)] == ["2026-01-01", "2026-01-31"]


@pytest.mark.parametrize(
    ("text", "by"),
    [("day", ["day"]), ("user,day", ["user", "day"]), ("user,user,dashboard", ["user", "dashboard"])],
)
def test_lines_stand_for_one_thing_or_several(text, by):
    assert list(CostQuery.model_validate({"by": text}).to_search().by) == by


@pytest.mark.parametrize("text", ["", "planet", "user,", "user,planet", "user day", "day\n", "USER"])
def test_other_groupings_are_refused(text):
    with pytest.raises(ValidationError):
        CostQuery.model_validate({"by": text})


@pytest.mark.parametrize("name", ["user", "slug"])
def test_what_is_looked_at_alone_is_text(name):
    assert getattr(CostQuery.model_validate({name: "x"}).to_search(), name) == "x"
    for text in ("", "a\x00b", "x" * 400):
        with pytest.raises(ValidationError):
            CostQuery.model_validate({name: text})
