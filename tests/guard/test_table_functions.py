"""Table functions: those on the list run, and the tables they are given are judged like all others."""

import pytest

from shared.errors import AlmanacError, SqlNotAllowedError, TableNotAllowedError
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard

LISTED = [
    "APPENDS",
    "CHANGES",
    "GAP_FILL",
    "RANGE_SESSIONIZE",
    "VECTOR_SEARCH",
    "nyc.tvf",
    "other-proj.pub.tvf",
]
GUARD = QueryGuard(GuardPolicy("proj", ["nyc", "other-proj.pub"], allowed_routines=LISTED))
CALLS = [
    "APPENDS(TABLE {}, NULL, NULL)",
    "CHANGES(TABLE {}, NULL, TIMESTAMP '2026-01-01')",
    "GAP_FILL(TABLE {}, ts_column => 'ts', bucket_width => INTERVAL 1 DAY)",
    "GAP_FILL((SELECT * FROM {}), ts_column => 'ts', bucket_width => INTERVAL 1 DAY)",
    "RANGE_SESSIONIZE(TABLE {}, 'span', ['key'])",
    "VECTOR_SEARCH(TABLE {}, 'v', (SELECT 1 AS v), top_k => 3)",
    "VECTOR_SEARCH((SELECT * FROM nyc.t), 'v', TABLE {})",
    "nyc.tvf(TABLE {}, 1)",
    "nyc.tvf(1, table {})",
    "`nyc.tvf`(TABLE {})",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["nyc.t", "`nyc.t`", "`nyc`.t", "proj.nyc.t", "`proj.nyc`.t", "t"])
def test_a_table_that_is_given_counts_as_read(call: str, name: str):
    query = GUARD.check(f"SELECT * FROM {call.format(name)} AS x", "nyc")
    assert [str(table) for table in query.tables] == ["proj.nyc.t"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["secret.t", "`secret.t`", "other.nyc.t", "proj.secret.t"])
def test_one_outside_of_the_allowed_datasets_is_refused_at_its_place(call: str, name: str):
    sql = f"SELECT 1\nFROM {call.format(name)}"
    with pytest.raises(TableNotAllowedError) as caught:
        GUARD.check(sql, "nyc")
    detail = caught.value.details[0]
    assert detail["found"] == name.replace("`", "")
    assert (detail["line"], detail["column"]) == (2, sql.split("\n")[1].index(name) + 1)


@pytest.mark.parametrize(
    "call",
    [
        "APPENDS(TABLE secret-proj.nyc.t, NULL, NULL)",
        "APPENDS(TABLE nyc.t secret.t, NULL, NULL)",
        "APPENDS(TABLE TABLE secret.t, NULL, NULL)",
        "APPENDS(TABLE @t, NULL, NULL)",
        "APPENDS(TABLE 't', NULL, NULL)",
        "APPENDS(TABLE nyc.t$20260101, NULL, NULL)",
        "APPENDS((TABLE secret.t), NULL, NULL)",
        "APPENDS(ABS(TABLE secret.t), NULL, NULL)",
        "nyc.tvf(TABLE secret.t",
        "nyc.tvf(TABLE",
    ],
)
def test_what_is_no_plain_table_name_is_refused(call: str):
    with pytest.raises(AlmanacError):
        GUARD.check(f"SELECT * FROM {call}", "nyc")


@pytest.mark.parametrize(
    "call", ["nyc.other(TABLE nyc.t)", "EXTERNAL_QUERY('c', 'q')", "pub.tvf(TABLE nyc.t)"]
)
def test_a_function_that_is_not_on_the_list_never_runs(call: str):
    with pytest.raises(SqlNotAllowedError):
        GUARD.check(f"SELECT * FROM {call}", "nyc")


def test_without_a_list_there_are_none():
    with pytest.raises(SqlNotAllowedError):
        QueryGuard(GuardPolicy("proj", ["nyc"])).check(
            "SELECT * FROM APPENDS(TABLE nyc.t, NULL, NULL)", "nyc"
        )
