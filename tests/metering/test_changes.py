"""The time a table last changed, which the emulator alone keeps at its creation."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import requests
from google.cloud import bigquery as google_bigquery
from google.cloud import bigquery_storage_v1
from google.cloud.bigquery import LoadJobConfig, QueryJobConfig

from tests.metering.conftest import TIMEOUT_SECONDS, Meter


@pytest.fixture
def table(meter: Meter, dataset: str, request: pytest.FixtureRequest) -> str:
    """A table of the test's own, two INT64 columns and one row."""
    name = f"{dataset}.{request.node.originalname}"
    meter.run(f"CREATE OR REPLACE TABLE {name} AS SELECT 1 AS x, 2 AS y")
    return name


def modified(meter: Meter, table: str) -> datetime:
    """`lastModifiedTime` of a table."""
    return meter.client.get_table(f"local.{table}", timeout=TIMEOUT_SECONDS).modified


def insert(meter: Meter, table: str) -> None:
    meter.run(f"INSERT INTO {table} VALUES (5, 6)")


def update(meter: Meter, table: str) -> None:
    meter.run(f"UPDATE {table} SET y = y + 1 WHERE TRUE")


def load(meter: Meter, table: str) -> None:
    config = LoadJobConfig(write_disposition="WRITE_APPEND")
    job = meter.client.load_table_from_json([{"x": 1, "y": 2}], f"local.{table}", job_config=config)
    job.result(timeout=TIMEOUT_SECONDS)


def replace_by_load(meter: Meter, table: str) -> None:
    config = LoadJobConfig(write_disposition="WRITE_TRUNCATE")
    job = meter.client.load_table_from_json([{"x": 9, "y": 9}], f"local.{table}", job_config=config)
    job.result(timeout=TIMEOUT_SECONDS)


def write_by_query(meter: Meter, table: str) -> None:
    config = QueryJobConfig(destination=f"local.{table}", write_disposition="WRITE_TRUNCATE")
    meter.client.query("SELECT 1 AS x, 3 AS y", config).result(timeout=TIMEOUT_SECONDS)


def copy(meter: Meter, table: str) -> None:
    config = google_bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    meter.run(f"CREATE OR REPLACE TABLE {table}_source AS SELECT 4 AS x, 4 AS y")
    job = meter.client.copy_table(f"local.{table}_source", f"local.{table}", job_config=config)
    job.result(timeout=TIMEOUT_SECONDS)


def stream(meter: Meter, table: str) -> None:
    assert meter.client.insert_rows_json(f"local.{table}", [{"x": 1, "y": 1}]) == []


def replace(meter: Meter, table: str) -> None:
    meter.run(f"CREATE OR REPLACE TABLE {table} AS SELECT 1 AS x, 2 AS y")


def run_script(meter: Meter, table: str) -> None:
    meter.run(f"BEGIN UPDATE {table} SET y = 0 WHERE TRUE; END")


def run_by_query_call(meter: Meter, table: str) -> None:
    meter.client.query_and_wait(f"UPDATE {table} SET y = 7 WHERE TRUE")


LOADS = [load, replace_by_load, copy, stream]
STATEMENTS = [insert, update, replace, run_script, run_by_query_call, write_by_query]


@pytest.mark.parametrize("change", [*LOADS, *STATEMENTS])
def test_a_change_moves_the_time(meter: Meter, table: str, change: Callable[[Meter, str], None]) -> None:
    before = modified(meter, table)
    time.sleep(0.002)
    change(meter, table)
    assert modified(meter, table) > before


def test_reading_does_not_move_the_time(meter: Meter, table: str) -> None:
    before = modified(meter, table)
    time.sleep(0.002)
    meter.run(f"SELECT * FROM {table}")
    meter.bytes_of(f"DELETE FROM {table} WHERE TRUE")
    list(meter.client.list_rows(f"local.{table}", timeout=TIMEOUT_SECONDS))
    assert modified(meter, table) == before


def test_sizes_follow_a_change(meter: Meter, table: str) -> None:
    assert meter.bytes_of(f"SELECT x FROM {table}") == 8
    meter.run(f"INSERT INTO {table} (x, y) VALUES (5, NULL), (6, NULL)")
    assert meter.bytes_of(f"SELECT x FROM {table}") == 3 * 8
    assert meter.bytes_of(f"SELECT y FROM {table}") == 8
    meter.run(f"UPDATE {table} SET x = NULL WHERE TRUE")
    assert meter.bytes_of(f"SELECT x FROM {table}") == 0


@pytest.fixture
def storage(meter: Meter) -> Iterator[bigquery_storage_v1.BigQueryWriteClient]:
    import grpc
    from google.cloud.bigquery_storage_v1.services.big_query_write import transports

    channel = grpc.insecure_channel(meter.server.storage_endpoint)
    transport = transports.BigQueryWriteGrpcTransport(channel=channel)
    yield bigquery_storage_v1.BigQueryWriteClient(transport=transport)
    channel.close()


def test_rows_that_bypass_the_gate_are_noticed(
    meter: Meter, table: str, storage: bigquery_storage_v1.BigQueryWriteClient
) -> None:
    before = modified(meter, table)
    dataset, name = table.split(".")
    write_one_row(storage, f"projects/local/datasets/{dataset}/tables/{name}")
    assert modified(meter, table) > before
    assert meter.bytes_of(f"SELECT x FROM {table}") == 2 * 8


def write_one_row(client: bigquery_storage_v1.BigQueryWriteClient, table: str) -> None:
    """Append a row by the Storage Write API."""
    from google.cloud.bigquery_storage_v1 import types
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="row.proto", syntax="proto2")
    message = file.message_type.add(name="Row")
    for number, column in enumerate(("x", "y"), 1):
        message.field.add(name=column, number=number, type=3, label=1)
    descriptor = descriptor_pool.DescriptorPool().AddSerializedFile(file.SerializeToString())
    row = message_factory.GetMessageClass(descriptor.message_types_by_name["Row"])(x=1, y=2)
    request = types.AppendRowsRequest(write_stream=f"{table}/streams/_default")
    request.proto_rows.writer_schema.proto_descriptor = message
    request.proto_rows.rows.serialized_rows.append(row.SerializeToString())
    assert not next(iter(client.append_rows(iter([request])))).error.message


def test_a_table_made_anew_is_measured_anew(meter: Meter, table: str) -> None:
    assert meter.bytes_of(f"SELECT * FROM {table}") == 16
    meter.client.delete_table(f"local.{table}", timeout=TIMEOUT_SECONDS)
    meter.run(f"CREATE TABLE {table} AS SELECT 'abc' AS x, 'd' AS y")
    assert meter.bytes_of(f"SELECT * FROM {table}") == (2 + 3) + (2 + 1)


def test_a_missing_table_is_not_found(meter: Meter, dataset: str) -> None:
    url = f"{meter.server.endpoint}/bigquery/v2/projects/local/datasets/{dataset}/tables/nowhere"
    answer = requests.get(url, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 404
    assert answer.json()["error"]["errors"][0]["reason"] == "notFound"
