"""Every statement of the corpus gets the verdict written beside it."""

import pytest

from shared.errors import AlmanacError
from shared.warehouse.guard.guard import QueryGuard
from tests.guard.corpus import Case, read_corpus

CASES = read_corpus()
ALLOWED = [case for case in CASES if case.verdict == "allow"]
REFUSED = [case for case in CASES if case.verdict != "allow"]


def test_the_corpus_holds_hundreds_of_statements_once_each():
    keys = {(case.sql, case.default_dataset) for case in CASES}
    assert len(keys) == len(CASES)
    assert len(REFUSED) > 200
    assert len(ALLOWED) > 100


@pytest.mark.parametrize("case", ALLOWED, ids=lambda case: f"{case.group}: {case.sql[:60]!r}")
def test_a_reading_query_passes_with_its_tables(guard: QueryGuard, case: Case):
    query = guard.check(case.sql, case.default_dataset)
    assert query.sql == case.sql
    assert query.deterministic is case.deterministic
    if case.tables is not None:
        assert [str(table) for table in query.tables] == case.tables


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.group}: {case.sql[:60]!r}")
def test_anything_else_is_refused_by_code_rule_and_position(guard: QueryGuard, case: Case):
    with pytest.raises(AlmanacError) as caught:
        guard.check(case.sql, case.default_dataset)
    error = caught.value
    assert error.code == case.verdict
    first = error.details[0]
    for key in ("rule", "found", "line", "column"):
        expected = getattr(case, key)
        if expected is not None:
            assert first[key] == expected, error.message
    lines = case.sql.splitlines() or [""]
    assert 1 <= first["line"] <= len(lines) + 1
    assert first["column"] >= 1
    assert first["message"] in error.message
    assert error.remediation
