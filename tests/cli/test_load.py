"""`almanac load`: files into a table of BigQuery, all of them or none."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from deploy.local.alone.bigquery import BigQueryServer
from tests.cli.conftest import Program

TIMEOUT_SECONDS = 30
ORDERS = "id,day,amount\n1,2024-01-01,9.5\n2,2024-01-02,20\n"
MORE = "id,day,amount\n3,2024-01-03,1.25\n"


@pytest.fixture
def loader(program: Program, bigquery: BigQueryServer) -> Program:
    """The program before the emulator."""
    program.environment |= {"BIGQUERY_ENDPOINT": bigquery.endpoint, "GOOGLE_CLOUD_PROJECT": bigquery.project}
    return program


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Two orders."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    return file


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """A third one."""
    file = tmp_path / "more.csv"
    file.write_text(MORE)
    return file


def read_ids(server: BigQueryServer, table: str) -> list[int]:
    """The ids in a table, in order; no table has none."""
    dataset, name = table.split(".")
    if name not in list_tables(server, dataset):
        return []
    job = server.client().query(f"SELECT id FROM {table} ORDER BY id", timeout=TIMEOUT_SECONDS)
    return [row.id for row in job.result(timeout=TIMEOUT_SECONDS)]


def list_tables(server: BigQueryServer, dataset: str) -> list[str]:
    """The names of the tables of a dataset."""
    return [table.table_id for table in server.client().list_tables(dataset, timeout=TIMEOUT_SECONDS)]


def test_a_csv_becomes_a_table_with_types_in_a_dataset_of_its_own(
    loader: Program, bigquery: BigQueryServer, orders: Path
) -> None:
    shown = loader.run("load", str(orders), "load_first.orders").stdout
    assert "Made the dataset local.load_first." in shown
    assert "local.load_first.orders has 2 rows now." in shown
    assert "almanac run 'SELECT * FROM load_first.orders' --rows 5" in shown
    schema = bigquery.client().get_table("load_first.orders", timeout=TIMEOUT_SECONDS).schema
    assert [(field.name, field.field_type) for field in schema] == [
        ("id", "INTEGER"), ("day", "DATE"), ("amount", "FLOAT"),
    ]  # fmt: skip


def test_a_table_that_is_there_is_added_to_or_replaced_only_when_told(
    loader: Program, bigquery: BigQueryServer, orders: Path, more: Path
) -> None:
    loader.run("load", str(orders), "load_again.orders")
    refused = loader.run("load", str(more), "load_again.orders", code=1).stderr
    assert "load_again.orders exists already; nothing was loaded." in refused
    assert "--append" in refused
    assert read_ids(bigquery, "load_again.orders") == [1, 2]
    loader.run("load", str(more), "load_again.orders", "--append")
    assert read_ids(bigquery, "load_again.orders") == [1, 2, 3]
    loader.run("load", str(more), "load_again.orders", "--replace")
    assert read_ids(bigquery, "load_again.orders") == [3]


def test_several_files_are_one_table_and_leave_nothing_beside_it(
    loader: Program, bigquery: BigQueryServer, orders: Path, more: Path
) -> None:
    answer = loader.run_json("load", str(orders), str(more), "load_many.orders")
    assert answer["rows"] == 3
    assert list_tables(bigquery, "load_many") == ["orders"]
    loader.run("load", str(more), str(more), "load_many.orders", "--append")
    assert read_ids(bigquery, "load_many.orders") == [1, 2, 3, 3, 3]
    loader.run("load", str(more), str(more), "load_many.orders", "--replace")
    assert read_ids(bigquery, "load_many.orders") == [3, 3]


@pytest.mark.parametrize("disposition", [(), ("--append",), ("--replace",)])
def test_a_broken_row_in_the_last_file_changes_nothing(
    loader: Program,
    bigquery: BigQueryServer,
    orders: Path,
    tmp_path: Path,
    disposition: tuple[str, ...],
) -> None:
    table = f"load_broken.orders{''.join(disposition).replace('-', '')}"
    if disposition:
        loader.run("load", str(orders), table)
    before = read_ids(bigquery, table) if disposition else []
    broken = tmp_path / "broken.csv"
    broken.write_text("id,day,amount\n4,2024-01-04,1\n5,2024-01-05,1,one too many,and more\n")
    refused = loader.run("load", str(orders), str(broken), table, *disposition, code=1).stderr
    assert f"{broken.name}:" in refused
    assert "Nothing was loaded." in refused
    assert read_ids(bigquery, table) == before
    assert not [name for name in list_tables(bigquery, "load_broken") if name.startswith("almanac_load")]


def test_json_lines_and_parquet_are_read_and_gzip_with_them(
    loader: Program, bigquery: BigQueryServer, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n{"id": 2}\n'))
    (tmp_path / "b.NDJSON").write_text('{"id": 3}\n')
    loader.run("load", str(tmp_path / "a.jsonl.gz"), str(tmp_path / "b.NDJSON"), "load_kinds.lines")
    assert read_ids(bigquery, "load_kinds.lines") == [1, 2, 3]
    parquet.write_table(pa.table({"id": [7, 8]}), tmp_path / "c.parquet")
    loader.run("load", str(tmp_path / "c.parquet"), "load_kinds.columns")
    assert read_ids(bigquery, "load_kinds.columns") == [7, 8]


def test_partitions_and_clustering_are_the_tables(
    loader: Program, bigquery: BigQueryServer, orders: Path, more: Path
) -> None:
    arguments = ("load_parts.orders", "--partition-by", "day", "--cluster-by", "id, amount")
    loader.run("load", str(orders), str(more), *arguments)
    table = bigquery.client().get_table("load_parts.orders", timeout=TIMEOUT_SECONDS)
    assert table.time_partitioning.field == "day"
    assert table.clustering_fields == ["id", "amount"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{csv}"], "Name at least one file"),
        (["{csv}", "orders"], "'orders' is no table"),
        (["{csv}", "sales."], "'sales.' is no table"),
        (["missing.csv", "sales.orders"], "missing.csv cannot be read"),
        (["{empty}", "sales.orders"], "is empty"),
        (["{text}", "sales.orders"], "Files end in one of .csv"),
        (["{csv}", "{lines}", "sales.orders"], "have one format"),
        (["{csv}", "sales.orders", "--append", "--replace"], "exclude each other"),
        (["{csv}", "sales.orders", "--cluster-by", "a,b,c,d,e"], "at most 4 columns"),
        (["{csv}", "sales.orders", "--google"], "Which project is the table's?"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "BIGQUERY_ENDPOINT", "BIGQUERY_LOCATION"):
        monkeypatch.delenv(name, raising=False)
    for name, text in {"csv": ORDERS, "empty": "", "text": "x", "lines": "{}"}.items():
        (tmp_path / f"a.{name.replace('lines', 'jsonl').replace('empty', 'ndjson')}").write_text(text)
    names = {
        "csv": tmp_path / "a.csv",
        "empty": tmp_path / "a.ndjson",
        "text": tmp_path / "a.text",
        "lines": tmp_path / "a.jsonl",
    }
    result = program.run("load", *(one.format(**names) for one in arguments), code=2)
    assert said in result.stderr


def test_a_local_stack_that_is_down_is_said_to_be(program: Program, orders: Path) -> None:
    program.environment |= {"PORT_BIGQUERY": "9"}
    refused = program.run("load", str(orders), "sales.orders", code=1).stderr
    assert "BigQuery cannot be reached" in refused
