"""The dry run as second witness: what it may say, and that any doubt refuses."""

import pytest

from shared.errors import SqlNotAllowedError, TableNotAllowedError
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from shared.warehouse.tables import TableRef


def make_refs(*names: str) -> list[TableRef]:
    return [TableRef(*name.split(".", 2)) for name in names]


@pytest.fixture
def query(guard: QueryGuard) -> GuardedQuery:
    return guard.check("SELECT *\nFROM v", "nyc")


def test_a_select_over_allowed_tables_is_confirmed(guard: QueryGuard, query: GuardedQuery):
    guard.check_dry_run(query, "SELECT", make_refs("proj.nyc.v", "PROJ.nyc.base", "other-proj.pub.t"))


@pytest.mark.parametrize(
    "kind", [None, "", "select", "SCRIPT", "CREATE_TABLE_AS_SELECT", "INSERT", "EXPORT_DATA"]
)
def test_any_other_statement_type_is_refused(guard: QueryGuard, query: GuardedQuery, kind: str | None):
    with pytest.raises(SqlNotAllowedError) as caught:
        guard.check_dry_run(query, kind, make_refs("proj.nyc.v"))
    assert caught.value.details[0]["found"] == (kind or "")


def test_a_view_over_a_table_that_is_not_allowed_is_refused_by_its_name(
    guard: QueryGuard, query: GuardedQuery
):
    with pytest.raises(TableNotAllowedError) as caught:
        guard.check_dry_run(query, "SELECT", make_refs("proj.nyc.v", "proj.secret.base"))
    assert [detail["found"] for detail in caught.value.details] == ["proj.secret.base"]


@pytest.mark.parametrize("name", ["proj.NYC.t", "other.nyc.t", "proj.pub.t", "proj.nyc2.t"])
def test_projects_and_datasets_are_compared_exactly(guard: QueryGuard, query: GuardedQuery, name: str):
    with pytest.raises(TableNotAllowedError):
        guard.check_dry_run(query, "SELECT", make_refs(name))


def test_a_witness_that_names_no_table_is_no_witness(guard: QueryGuard, query: GuardedQuery):
    with pytest.raises(TableNotAllowedError):
        guard.check_dry_run(query, "SELECT", [])


def test_a_query_without_tables_needs_none(guard: QueryGuard):
    guard.check_dry_run(guard.check("SELECT 1", None), "SELECT", [])


def test_a_list_that_may_be_cut_short_is_refused(guard: QueryGuard, query: GuardedQuery):
    guard.check_dry_run(query, "SELECT", make_refs(*[f"proj.nyc.t{n}" for n in range(49)]))
    with pytest.raises(TableNotAllowedError) as caught:
        guard.check_dry_run(query, "SELECT", make_refs(*[f"proj.nyc.t{n}" for n in range(50)]))
    assert "_TABLE_SUFFIX" in caught.value.remediation


def test_a_wildcard_alone_may_stand_for_any_number_of_tables(guard: QueryGuard):
    shards = make_refs(*[f"proj.nyc.events_{n}" for n in range(50)])
    wildcard = guard.check("SELECT * FROM `nyc.events_*`", None)
    guard.check_dry_run(wildcard, "SELECT", shards)
    joined = guard.check("SELECT * FROM `nyc.events_*` JOIN nyc.v USING (x)", None)
    with pytest.raises(TableNotAllowedError):
        guard.check_dry_run(joined, "SELECT", shards)


def test_metadata_views_may_be_reported_without_their_dataset(guard: QueryGuard):
    query = guard.check("SELECT * FROM nyc.INFORMATION_SCHEMA.TABLES", None)
    guard.check_dry_run(query, "SELECT", [])
    guard.check_dry_run(query, "SELECT", make_refs("proj.nyc.INFORMATION_SCHEMA.TABLES"))
    guard.check_dry_run(query, "SELECT", make_refs("proj.INFORMATION_SCHEMA.TABLES"))
    for name in ("proj.INFORMATION_SCHEMA.JOBS", "proj.secret.INFORMATION_SCHEMA.TABLES"):
        with pytest.raises(TableNotAllowedError):
            guard.check_dry_run(query, "SELECT", make_refs(name))
