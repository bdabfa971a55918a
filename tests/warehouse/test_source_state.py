"""Which tables can be watched, from metadata as Google's tables.get answers it."""

from types import SimpleNamespace
from typing import Any

import pytest
from google.cloud import bigquery

from shared.settings import Settings
from shared.warehouse.bigquery.metadata import TableMetadataReader
from shared.warehouse.bigquery.quick_calls import QuickCalls
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard
from shared.warehouse.models.tables import TableRef
from shared.warehouse.source_state import SourceState, SourceStateReader

MODIFIED = "2026-03-03T06:00:00+00:00"
SETTINGS = Settings(google_cloud_project="acme")


def make_answer(name: str, **members: object) -> dict[str, Any]:
    """A Table resource: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table."""
    return {
        "kind": "bigquery#table",
        "id": f"acme:shop.{name}",
        "tableReference": {"projectId": "acme", "datasetId": "shop", "tableId": name},
        "schema": {"fields": [{"name": "id", "type": "INTEGER", "mode": "NULLABLE"}]},
        "numBytes": "1024",
        "numRows": "128",
        "creationTime": "1772517600000",
        "lastModifiedTime": "1772517600000",
        "type": "TABLE",
        "location": "US",
        **members,
    }


def make_view(name: str, sql: str) -> dict[str, Any]:
    return make_answer(name, type="VIEW", view={"query": sql, "useLegacySql": False})


STREAMED = {"estimatedRows": "18", "estimatedBytes": "1404", "oldestEntryTime": "1772517540000"}
ANSWERS = {
    answer["tableReference"]["tableId"]: answer
    for answer in (
        make_answer("loaded"),
        make_answer("streamed", streamingBuffer=STREAMED),
        make_answer("outside", type="EXTERNAL"),
        make_view("plain", "SELECT id FROM `acme.shop.loaded`"),
        make_view("nested", "SELECT id FROM `acme.shop.plain`"),
        make_view("ticking", "SELECT id, CURRENT_TIMESTAMP() AS seen FROM `acme.shop.loaded`"),
        make_view("over_ticking", "SELECT id FROM `acme.shop.ticking`"),
        make_view("shuffled", "SELECT id, RAND() AS r FROM `acme.shop.loaded`"),
        make_view("over_streamed", "SELECT id FROM `acme.shop.streamed`"),
    )
}


def read_state(name: str) -> SourceState:
    def get_table(full_name: str, **_: object) -> bigquery.Table:
        return bigquery.Table.from_api_repr(ANSWERS[full_name.rpartition(".")[2]])

    rest: Any = SimpleNamespace(get_table=get_table)
    clients: Any = SimpleNamespace(rest=rest, quick=QuickCalls(lambda: rest, SETTINGS))
    guard = QueryGuard(GuardPolicy(project="acme", allowed_datasets=["shop"]))
    reader = SourceStateReader(TableMetadataReader(clients, SETTINGS), guard)
    return reader.read_states({"q": [TableRef("acme", "shop", name)]})["q"]


@pytest.mark.parametrize("name", ["loaded", "plain", "nested"])
def test_tables_and_views_of_them_are_watched(name: str) -> None:
    state = read_state(name)
    assert state.watchable
    assert state.tables["acme.shop.loaded"] == MODIFIED


@pytest.mark.parametrize(
    "name", ["streamed", "over_streamed", "outside", "ticking", "over_ticking", "shuffled"]
)
def test_what_changes_without_a_table_changing_is_not(name: str) -> None:
    state = read_state(name)
    assert not state.watchable
    assert state.tables[f"acme.shop.{name}"] == MODIFIED
