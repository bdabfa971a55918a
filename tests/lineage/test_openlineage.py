"""The export, read back by OpenLineage's own client, and its content."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from openlineage.client.generated import base, column_lineage_dataset, job_type_job, schema_dataset
from openlineage.client.serde import Serde

from shared.lineage.extraction import extract_lineage
from shared.lineage.openlineage import EventSource, RunFacts, to_openlineage
from shared.lineage.sources import ChartSource
from shared.lineage.traversal import Level, restrict_to_level
from tests.lineage.golden_cases import PATHS, SCHEMAS, extract_case, json, read_source

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCE = EventSource(NOW, "https://dashboards.example.com", "almanac://dashboards.example.com")
RUN = RunFacts(UUID("0198a1b2-0000-7000-8000-000000000001"), datetime(2026, 3, 1, 11, 0, tzinfo=UTC))


def read_facet(facet):
    """The client's object for a facet; unknown or missing keys raise TypeError."""
    rest = {key: value for key, value in facet.items() if not key.startswith("_")}
    name = facet["_schemaURL"].rpartition("/")[2]
    if name == "JobTypeJobFacet":
        return job_type_job.JobTypeJobFacet(**rest, producer=facet["_producer"])
    if name == "SchemaDatasetFacet":
        fields = [schema_dataset.SchemaDatasetFacetFields(**field) for field in rest["fields"]]
        return schema_dataset.SchemaDatasetFacet(fields, producer=facet["_producer"])
    assert name == "ColumnLineageDatasetFacet"
    fields = {
        column: column_lineage_dataset.Fields([read_field(field) for field in value["inputFields"]])
        for column, value in rest.pop("fields").items()
    }
    dataset = [read_field(field) for field in rest.pop("dataset")]
    assert not rest
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields, dataset, producer=facet["_producer"])


def read_field(field):
    steps = [column_lineage_dataset.Transformation(**step) for step in field["transformations"]]
    return column_lineage_dataset.InputField(**{**field, "transformations": steps})


def read_facets(thing):
    return {**thing, "facets": {key: read_facet(facet) for key, facet in thing.get("facets", {}).items()}}


def read_event(event):
    """The client's object for an event; it refuses unknown or missing keys and bad times and ids."""
    kind = {"JobEvent": base.JobEvent, "RunEvent": base.RunEvent}[event["schemaURL"].rpartition("/")[2]]
    rest = {key: value for key, value in event.items() if key != "schemaURL"}
    rest["job"] = base.Job(**read_facets(event["job"]))
    rest["inputs"] = [base.InputDataset(**read_facets(dataset)) for dataset in event["inputs"]]
    rest["outputs"] = [base.OutputDataset(**read_facets(dataset)) for dataset in event["outputs"]]
    if "run" in event:
        rest["run"] = base.Run(**event["run"])
        rest["eventType"] = base.EventType(event["eventType"])
    return kind(**rest)


def drop_empty(value):
    """Without empty lists and objects, which the client writes for every optional part."""
    if isinstance(value, dict):
        kept = {key: drop_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    return [drop_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_openlineages_client_reads_every_event_and_writes_the_same(path, level):
    given = json.loads(path.read_text())["given"]
    graph = restrict_to_level(extract_case(given), level)
    runs = dict.fromkeys(list(given["queries"])[:1], RUN)
    events = to_openlineage(graph, SOURCE, runs)
    assert len(events) == len(given["queries"]) + len(given.get("views", {})) + 1
    for event in events:
        assert drop_empty(Serde.to_dict(read_event(event))) == drop_empty(event)


def export(sql, runs=(), dry_run_tables=(), **options):
    charts = [ChartSource("c", "C", "q", None)]
    graph = extract_lineage(
        "demo", "Demo", {"q": read_source(sql)}, charts, {"q": dry_run_tables}, SCHEMAS, **options
    )
    return to_openlineage(graph, SOURCE, dict(runs))


def test_a_query_is_a_job_that_reads_tables_and_makes_a_result_which_the_dashboard_reads():
    query, dashboard = export("SELECT carrier FROM flights JOIN airlines USING (carrier)")
    assert query["job"]["name"] == "demo.q"
    assert query["inputs"] == [
        {"namespace": "bigquery", "name": "acme.nyc.airlines"},
        {"namespace": "bigquery", "name": "acme.nyc.flights"},
    ]
    assert dashboard["job"]["name"] == "demo"
    assert [item["name"] for item in query["outputs"]] == [item["name"] for item in dashboard["inputs"]]
    assert "run" not in query


def test_columns_say_how_they_are_made_and_what_decides_the_rows():
    query, _ = export(
        "SELECT carrier, UPPER(dest) AS place, AVG(dep_delay) AS delay"
        " FROM flights WHERE year = 2013 GROUP BY 1, 2"
    )
    facet = query["outputs"][0]["facets"]["columnLineage"]
    made = {
        column: {(item["field"], item["transformations"][0]["subtype"]) for item in value["inputFields"]}
        for column, value in facet["fields"].items()
    }
    assert made == {
        "carrier": {("carrier", "IDENTITY")},
        "place": {("dest", "TRANSFORMATION")},
        "delay": {("dep_delay", "AGGREGATION")},
    }
    deciding = {(item["field"], item["transformations"][0]["subtype"]) for item in facet["dataset"]}
    assert deciding == {("year", "FILTER"), ("carrier", "GROUP_BY"), ("dest", "GROUP_BY")}


@pytest.mark.parametrize(("failed", "event_type"), [(False, "COMPLETE"), (True, "FAIL")])
def test_an_executed_job_is_a_run(failed, event_type):
    run = RunFacts(RUN.run_id, RUN.ended_at, failed)
    query, _ = export("SELECT carrier FROM flights", {"q": run})
    assert query["eventType"] == event_type
    assert query["run"] == {"runId": str(RUN.run_id)}
    assert query["eventTime"] == RUN.ended_at.isoformat()


def test_a_query_whose_columns_are_unknown_still_names_its_tables():
    query, _ = export("SELECT carrier, FROM WHERE", dry_run_tables=["acme.nyc.flights"])
    assert query["inputs"] == [{"namespace": "bigquery", "name": "acme.nyc.flights"}]
    assert query["outputs"] == [{"namespace": SOURCE.namespace, "name": "demo.q", "facets": {}}]


def test_a_view_with_a_definition_is_a_job_of_its_own():
    view = {"acme.nyc.late_flights": read_source("SELECT carrier, dep_delay AS delay FROM flights")}
    made, query, _ = export("SELECT delay FROM late_flights", views=view)
    assert made["job"]["name"] == "acme.nyc.late_flights"
    assert made["outputs"][0]["name"] == query["inputs"][0]["name"] == "acme.nyc.late_flights"
    assert set(made["outputs"][0]["facets"]["columnLineage"]["fields"]) == {"carrier", "delay"}
