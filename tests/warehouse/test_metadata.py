"""Metadata of tables: each call is seen in the trace of the request that needs it."""

import pyarrow as pa
import pytest
from google.cloud import bigquery
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.errors import SqlInvalidError
from shared.settings import Settings
from shared.telemetry.tracing import start_span
from shared.warehouse.bigquery.metadata import TableMetadata, TableMetadataReader
from shared.warehouse.models.tables import TableRef
from tests.warehouse.fake_bigquery import FakeClient, FakeClients, FakeTable

ROWS = pa.table({"id": [1]})


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    monkeypatch.setattr("shared.telemetry.tracing._get_tracer", lambda: tracer)
    return exporter


def test_each_table_is_a_span_of_the_callers_trace(spans: InMemorySpanExporter) -> None:
    table = FakeTable([bigquery.SchemaField("id", "INT64")], ROWS, 8)
    client = FakeClient({"shop.people": table, "shop.plain": table})
    reader = TableMetadataReader(FakeClients(client, Settings()), Settings())
    refs = [TableRef("local", "shop", name) for name in ("people", "missing", "plain")]
    with start_span("request"):
        found = reader.read_tables(refs)
    assert [isinstance(one, TableMetadata) for one in found] == [True, False, True]
    assert isinstance(found[1], SqlInvalidError)
    *calls, request = spans.get_finished_spans()
    assert {span.name for span in calls} == {"bigquery.table"}
    assert {span.attributes["db.collection.name"] for span in calls} == {str(ref) for ref in refs}
    assert {span.parent.span_id for span in calls} == {request.context.span_id}
    assert {span.attributes.get("error.type") for span in calls} == {None, "SQL_INVALID"}
    assert reader.read_tables([]) == []
