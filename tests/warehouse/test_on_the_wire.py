"""Metadata, budgets and the cost report over answers as the gate and as Google give them."""

from datetime import timedelta

import pytest

from shared.container import Container
from shared.database.repositories.cost_report import CostGrouping
from shared.errors import SqlInvalidError
from shared.warehouse.bigquery.metadata import TableMetadata
from shared.warehouse.models.tables import TableRef
from shared.warehouse.spending.costs import CostSearch
from tests.fixtures.warehouse import ROW_COUNT
from tests.warehouse.test_misbehaving_bigquery import BILLED, read_user
from tests.warehouse.test_queries import make_request, run_one


def test_a_table_says_what_it_is_and_one_that_is_not_there_says_so(warehouse: Container) -> None:
    project = warehouse.settings.google_cloud_project
    people, missing = warehouse.table_metadata.read_tables(
        [TableRef(project, "shop", "people"), TableRef(project, "shop", "pepole")]
    )
    assert isinstance(missing, SqlInvalidError)
    assert isinstance(people, TableMetadata)
    assert (people.kind, people.partition_field, people.row_count) == ("TABLE", "day", ROW_COUNT)
    assert [(one.name, one.type) for one in people.fields] == [
        ("id", "INT64"), ("name", "STRING"), ("day", "DATE"),
    ]  # fmt: skip
    assert people.changed_at
    unusual = (people.expires, people.has_streaming_buffer, people.requires_partition_filter)
    assert unusual == (False, False, False)
    listed = warehouse.table_metadata.list_tables(project, "shop", 1000)
    assert isinstance(listed, list)
    assert "people" in {one.table.table for one in listed}


def test_what_a_process_that_died_did_not_settle_is_settled_with_what_bigquery_says(
    warehouse: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(warehouse.budgets, "settle", lambda *_: None)
        run_one(warehouse, make_request("SELECT COUNT(name) AS died FROM people"))
    assert read_user(warehouse)[1] == 0
    today, later = warehouse.clock(), warehouse.clock() + timedelta(days=1)
    monkeypatch.setattr(warehouse.budgets, "_clock", lambda: later)
    assert warehouse.budgets.release_expired() == 1
    monkeypatch.setattr(warehouse.budgets, "_clock", lambda: today)
    assert read_user(warehouse) == (0, BILLED)


def test_the_report_has_what_was_billed_and_what_the_cache_saved(warehouse: Container) -> None:
    request = make_request("SELECT COUNT(name) AS reported FROM people")
    run_one(warehouse, request)
    assert run_one(warehouse, request).receipt.cache_hit
    search = CostSearch([CostGrouping.USER], None, None, 1, 50)
    report = warehouse.costs.read_report(search, actor="ana@example.com", sees_everyone=True)
    (line,) = report.costs.lines
    assert (line.sums.bytes_billed, line.sums.queries, line.sums.cache_hits) == (BILLED, 2, 1)
    assert line.sums.bytes_saved == BILLED
