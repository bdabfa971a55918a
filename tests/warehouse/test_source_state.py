"""Which tables can be watched, from metadata as Google's tables.get answers it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.cloud.bigquery.table import TableListItem

from shared.settings import Settings
from shared.warehouse.bigquery.clients import QuickCalls
from shared.warehouse.bigquery.metadata import TableMetadataReader
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard
from shared.warehouse.models.tables import TableRef
from shared.warehouse.source_state import UNKNOWN, SourceState, SourceStateReader

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
        make_answer("expiring", expirationTime="1803500000000"),
        make_answer("rolling", timePartitioning={"type": "DAY", "field": "day", "expirationMs": "86400000"}),
        make_view("over_rolling", "SELECT id FROM `acme.shop.rolling`"),
        make_answer("kept", timePartitioning={"type": "DAY", "field": "day"}),
        make_answer("remade", creationTime="1772524800000"),
        make_answer("events_1"),
        make_answer("events_2", lastModifiedTime="1772521200000"),
        make_view("over_events", "SELECT id FROM `acme.shop.events_*`"),
        make_view("over_over_events", "SELECT id FROM `acme.shop.over_events`"),
        make_answer("intraday_1", streamingBuffer=STREAMED),
        make_view("in_legacy", "SELECT id FROM [acme:shop.loaded]"),
    )
}
EVENTS_MODIFIED = "2026-03-03T07:00:00+00:00"


def make_reader(answers: Mapping[str, dict[str, Any]]) -> SourceStateReader:
    """A reader of those tables of one dataset."""

    def get_table(full_name: str, **_: object) -> bigquery.Table:
        name = full_name.rpartition(".")[2]
        if name not in answers:
            raise NotFound(f"Not found: Table {full_name}", errors=[{"reason": "notFound"}])
        return bigquery.Table.from_api_repr(answers[name])

    def list_tables(dataset: str, **_: object) -> list[TableListItem]:
        return [TableListItem(answer) for answer in answers.values()]

    rest: Any = SimpleNamespace(get_table=get_table, list_tables=list_tables)
    clients: Any = SimpleNamespace(rest=rest, quick=QuickCalls(lambda: rest, SETTINGS))
    guard = QueryGuard(GuardPolicy(project="acme", allowed_datasets=["shop"]))
    return SourceStateReader(TableMetadataReader(clients, SETTINGS), guard)


def read_state(name: str, answers: Mapping[str, dict[str, Any]] = ANSWERS) -> SourceState:
    return make_reader(answers).read_states({"q": [TableRef("acme", "shop", name)]})["q"]


@pytest.mark.parametrize("name", ["loaded", "plain", "nested", "kept"])
def test_tables_and_views_of_them_are_watched(name: str) -> None:
    state = read_state(name)
    assert state.watchable
    assert set(state.tables.values()) == {MODIFIED}


@pytest.mark.parametrize(
    "name",
    [
        *("streamed", "over_streamed", "outside", "ticking", "over_ticking", "shuffled"),
        *("expiring", "rolling", "over_rolling", "in_legacy"),
    ],
)
def test_what_changes_without_a_table_changing_is_not(name: str) -> None:
    state = read_state(name)
    assert not state.watchable
    assert state.unwatched
    assert state.tables[f"acme.shop.{name}"] == MODIFIED


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("outside", "outside", "external table"),
        ("over_streamed", "streamed", "rows are streamed into it"),
        ("over_rolling", "rolling", "its rows expire"),
        ("expiring", "expiring", "its rows expire"),
        ("over_ticking", "ticking", "answers differently"),
        ("in_legacy", "in_legacy", "SQL cannot be read"),
        ("intraday_*", "intraday_*", "intraday_1: rows are streamed into it"),
        ("missing", "missing", "its metadata cannot be read (SQL_INVALID)"),
        ("INFORMATION_SCHEMA.TABLES", "INFORMATION_SCHEMA.TABLES", "without being modified"),
    ],
)
def test_the_reason_names_the_source(name: str, source: str, reason: str) -> None:
    unwatched = read_state(name).unwatched
    assert list(unwatched) == [f"acme.shop.{source}"]
    assert reason in unwatched[f"acme.shop.{source}"]


def test_a_table_made_anew_is_as_new_as_it_is_made() -> None:
    """Whatever its rows are said to be: a copy may be told with the times of what it was copied from."""
    assert read_state("remade").tables == {"acme.shop.remade": "2026-03-03T08:00:00+00:00"}


@pytest.mark.parametrize("name", ["events_*", "over_events", "over_over_events"])
def test_a_wildcard_is_as_new_as_its_newest_table_also_below_views(name: str) -> None:
    state = read_state(name)
    assert state.watchable
    assert state.tables["acme.shop.events_*"] == EVENTS_MODIFIED
    assert not {"acme.shop.events_1", "acme.shop.events_2"} & state.tables.keys()


@pytest.mark.parametrize("gone", ["events_1", "events_2"])
def test_a_wildcard_is_another_one_without_one_of_its_tables(gone: str) -> None:
    fewer = {name: answer for name, answer in ANSWERS.items() if name != gone}
    assert read_state("events_*", fewer).shards != read_state("events_*").shards
    more = {**ANSWERS, "events_3": make_answer("events_3")}
    assert read_state("events_*", more).shards != read_state("events_*").shards
    assert read_state("events_*", {**ANSWERS, "other": make_answer("other")}) == read_state("events_*")


def test_tables_that_are_listed_beside_their_wildcard_are_looked_at_through_it() -> None:
    """As the emulator lists them; BigQuery names the wildcard alone."""
    tables = [TableRef("acme", "shop", name) for name in ("events_*", "events_1", "events_2")]
    assert make_reader(ANSWERS).read_states({"q": tables})["q"] == read_state("events_*")


def test_a_table_dropped_while_the_job_ran_leaves_the_set_unknown() -> None:
    answers = dict(ANSWERS)
    reader = make_reader(answers)
    events = TableRef("acme", "shop", "events_*")
    before = reader.read_states({"q": [events]})["q"]
    del answers["events_1"]
    after = reader.read_states({"q": [events]})["q"]
    assert before.shards != after.shards
    assert after.shards == {"acme.shop.events_*": UNKNOWN}


def test_what_is_not_there_is_absent_and_the_others_are_read() -> None:
    tables = [TableRef("acme", "shop", name) for name in ("missing", "loaded", "none_*")]
    state = make_reader(ANSWERS).read_states({"q": tables})["q"]
    assert state.absent == {"acme.shop.missing", "acme.shop.none_*"}
    assert state.tables == {"acme.shop.loaded": MODIFIED}
    assert state.locations == ("US",)
