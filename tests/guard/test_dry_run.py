"""The dry run as second witness: what it may say, and that any doubt refuses."""

from dataclasses import replace

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client, QueryJob

from shared.errors import SqlNotAllowedError, TableNotAllowedError
from shared.warehouse.bigquery.results import to_routine_names
from shared.warehouse.guard.guard import GuardedQuery, QueryGuard
from shared.warehouse.models.tables import TableRef
from tests.guard.conftest import POLICY


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


class TestRoutines:
    def test_a_routine_behind_a_view_is_refused_by_its_name(self, guard: QueryGuard, query: GuardedQuery):
        with pytest.raises(SqlNotAllowedError) as caught:
            guard.check_dry_run(query, "SELECT", make_refs("proj.nyc.v"), ["proj.nyc.classify"])
        detail = caught.value.details[0]
        assert (detail["found"], detail["rule"]) == ("proj.nyc.classify", "function")

    @pytest.mark.parametrize("listed", ["nyc.f", "proj.nyc.f", "NYC.F"])
    def test_one_on_the_list_is_confirmed(self, listed: str):
        guard = QueryGuard(replace(POLICY, allowed_routines=[listed]))
        query = guard.check("SELECT * FROM v", "nyc")
        guard.check_dry_run(query, "SELECT", make_refs("proj.nyc.v"), ["proj.nyc.f"])
        with pytest.raises(SqlNotAllowedError):
            guard.check_dry_run(query, "SELECT", make_refs("proj.nyc.v"), ["other-proj.nyc.f"])

    def test_they_are_read_where_bigquery_writes_them(self):
        """The answer of jobs.insert to a dry run of a view that calls a function, as the API describes it."""
        answer = {
            "kind": "bigquery#job",
            "jobReference": {"projectId": "proj", "jobId": "j", "location": "US"},
            "configuration": {"jobType": "QUERY", "dryRun": True, "query": {"query": "SELECT * FROM nyc.v"}},
            "status": {"state": "DONE"},
            "statistics": {
                "creationTime": "1764144000000",
                "totalBytesProcessed": "16",
                "query": {
                    "statementType": "SELECT",
                    "totalBytesProcessed": "16",
                    "referencedTables": [{"projectId": "proj", "datasetId": "nyc", "tableId": "base"}],
                    "referencedRoutines": [
                        {"projectId": "proj", "datasetId": "nyc", "routineId": "classify"}
                    ],
                },
            },
        }
        client = Client(project="proj", credentials=AnonymousCredentials())
        job = QueryJob.from_api_repr(answer, client=client)
        assert to_routine_names(job) == ("proj.nyc.classify",)
