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
