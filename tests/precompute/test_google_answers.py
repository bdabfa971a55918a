"""Values as Google's own service sends them, where the emulator differs or has no such type."""

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery.enums import TimestampPrecision
from google.cloud.bigquery.table import RowIterator

from shared.errors import InternalError, SqlNotAllowedError
from shared.precompute.payload.encoding import close_fragment, iterate_encoded
from shared.settings import Settings
from shared.warehouse.bigquery.results import READABLE_TYPES, check_readable, read_rows, to_output_fields
from shared.warehouse.models.queries import OutputField, ReadBounds, ResultRows

LARGEST = "578960446186580977117854925043439539266.34992332820282019728792003956564819967"
SCHEMA = [
    SchemaField("big", "BIGNUMERIC"),
    SchemaField("span", "INTERVAL"),
    SchemaField("spans", "INTERVAL", mode="REPEATED"),
    SchemaField(
        "inside", "RECORD", fields=[SchemaField("big", "BIGNUMERIC"), SchemaField("span", "INTERVAL")]
    ),
    SchemaField("during", "RANGE", range_element_type="TIMESTAMP"),
    SchemaField("days", "RANGE", range_element_type="DATE"),
    SchemaField("at", "TIMESTAMP"),
    SchemaField("ratio", "FLOAT"),
    SchemaField("doc", "JSON"),
    SchemaField("place", "GEOGRAPHY"),
    SchemaField("raw", "BYTES"),
    SchemaField("parts", "BYTES", mode="REPEATED"),
]
EVERY_BYTE = bytes(range(256))
# As tabledata.list and jobs.getQueryResults write them with useInt64Timestamp.
REST_ROW = [
    LARGEST,
    "1-2 -3 25:5:6.789000",
    [{"v": "-0-1 0 0:0:0"}, {"v": "0-0 0 -0:0:0.5"}],
    {"f": [{"v": "-1.50"}, {"v": "0-0 0 100:0:0"}]},
    "[1704067200000000, UNBOUNDED)",
    "[UNBOUNDED, 2024-02-01)",
    "-62135596800000000",
    "NaN",
    '{"a":1}',
    "POINT(1 2)",
    base64.b64encode(EVERY_BYTE).decode(),
    [{"v": "gA=="}, {"v": "//4A"}],
]
EXPECTED = [
    [LARGEST],
    ["1-2 -3 25:5:6.789"],
    [["-0-1 0 0:0:0", "0-0 0 -0:0:0.5"]],
    [{"big": "-1.5", "span": "0-0 0 100:0:0"}],
    [{"start": "2024-01-01T00:00:00Z", "end": None}],
    [{"start": None, "end": "2024-02-01"}],
    ["0001-01-01T00:00:00Z"],
    ["NaN"],
    ['{"a":1}'],
    ["POINT(1 2)"],
    [base64.b64encode(EVERY_BYTE).decode()],
    [["gA==", "//4A"]],
]
HOUR = 3600 * 10**9
BIG = pa.decimal256(76, 38)
UTC_TIME = pa.timestamp("us", tz="UTC")


def make_arrow() -> pa.RecordBatch:
    """The same row as the Storage Read API sends it."""
    span = pa.month_day_nano_interval()
    inside = [make_decimal(-15 * 10**37), pa.array([pa.MonthDayNano([0, 0, 100 * HOUR])], span)]
    largest = make_decimal(int(LARGEST.replace(".", "")))
    back = [pa.MonthDayNano([-1, 0, 0]), pa.MonthDayNano([0, 0, -5 * 10**8])]
    columns = [
        largest,
        pa.array([pa.MonthDayNano([14, -3, 25 * HOUR + 306_789_000_000])], span),
        pa.ListArray.from_arrays(pa.array([0, 2], pa.int32()), pa.array(back, span)),
        pa.StructArray.from_arrays(inside, ["big", "span"]),
        make_range(pa.array([1704067200000000], UTC_TIME), pa.array([None], UTC_TIME)),
        make_range(pa.array([None], pa.date32()), pa.array([19754], pa.date32())),
        pa.array([-62135596800000000], UTC_TIME),
        pa.array([float("nan")]),
        pa.array(['{"a":1}']),
        pa.array(["POINT(1 2)"]),
        pa.array([EVERY_BYTE]),
        pa.array([[b"\x80", b"\xff\xfe\x00"]]),
    ]
    return pa.RecordBatch.from_arrays(columns, [field.name for field in SCHEMA])


def make_decimal(unscaled: int) -> pa.Array:
    """BigQuery's 77th digit is more than Arrow's constructor accepts; the wire has 256 bits."""
    bits = pa.py_buffer(unscaled.to_bytes(32, "little", signed=True))
    return pa.Array.from_buffers(BIG, 1, [None, bits])


def make_range(start: pa.Array, end: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays([start, end], ["start", "end"])


class GoogleAnswers:
    """Both of Google's clients, answering with one row."""

    def __init__(self, row: list[Any]) -> None:
        self._row = row

    @property
    def rest(self) -> "GoogleAnswers":
        return self

    @property
    def storage_read(self) -> "GoogleAnswers":
        return self

    def list_rows(self, table: object, selected_fields: list[SchemaField], **_: object) -> RowIterator:
        """tabledata.list, parsed by Google's own code."""
        answer = {"totalRows": "1", "rows": [{"f": [{"v": value} for value in self._row]}]}
        return RowIterator(None, lambda **_: answer, "/rows", selected_fields, total_rows=1)

    def create_read_session(self, **_: object) -> SimpleNamespace:
        schema = SimpleNamespace(serialized_schema=make_arrow().schema.serialize().to_pybytes())
        return SimpleNamespace(arrow_schema=schema, streams=[SimpleNamespace(name="one")])

    def read_rows(self, stream: str, **_: object) -> Iterator[SimpleNamespace]:
        batch = make_arrow().serialize().to_pybytes()
        yield SimpleNamespace(arrow_record_batch=SimpleNamespace(serialized_record_batch=batch))


JOB = SimpleNamespace(destination=SimpleNamespace(to_bqstorage=lambda: "projects/p/datasets/d/tables/t"))


def read(schema: list[SchemaField], row: list[Any], *, by_storage: bool = False) -> ResultRows:
    """One row that Google sends."""
    google: Any = GoogleAnswers(row)
    settings = Settings(storage_read_min_rows=1 if by_storage else 100)
    job: Any = JOB
    result = read_rows(job, google.list_rows(None, schema), ReadBounds(10, 10**7), google, settings)
    assert result.read_by == ("storage_read" if by_storage else "rest")
    return result


@pytest.mark.parametrize("by_storage", [False, True])
def test_both_ways_of_reading_give_the_value_google_has(by_storage: bool) -> None:
    fragment = b"".join(
        iterate_encoded(to_output_fields(SCHEMA), read(SCHEMA, REST_ROW, by_storage=by_storage))
    )
    assert json.loads(close_fragment(fragment, None, None))["values"] == EXPECTED


def test_both_ways_of_reading_give_the_same_arrow() -> None:
    by_rest, by_storage = (read(SCHEMA, REST_ROW, by_storage=one).table for one in (False, True))
    assert [str(column.type).replace("item: ", "") for column in by_rest.columns] == [
        str(column.type).replace("item: ", "") for column in by_storage.columns
    ]
    sure = [name for name in by_rest.column_names if name != "ratio"]  # NaN is not itself
    assert by_rest.select(sure).to_pylist() == by_storage.select(sure).to_pylist()


def test_null_is_null_in_columns_read_as_text() -> None:
    schema = [*SCHEMA[:2], SCHEMA[3]]
    assert read(schema, [None, None, None]).table.to_pylist() == [{"big": None, "span": None, "inside": None}]
    inside = {"f": [{"v": None}, {"v": None}]}
    assert read(schema[2:], [inside]).table.to_pylist() == [{"inside": {"big": None, "span": None}}]


def test_a_value_nobody_expected_fails_its_query_and_no_other() -> None:
    with pytest.raises(InternalError, match="cannot be read"):
        read([SchemaField("at", "TIME")], ["25 o'clock"])
    with pytest.raises(InternalError, match="is not an INTERVAL"):
        read([SchemaField("span", "INTERVAL")], ["two days"])


def test_a_type_no_answer_can_hold_is_refused_with_every_column() -> None:
    picoseconds = SchemaField("at", "TIMESTAMP", timestamp_precision=TimestampPrecision.PICOSECOND)
    schema = [
        SchemaField("id", "INTEGER"),
        SchemaField("inside", "RECORD", fields=[picoseconds]),
        SchemaField("v", "HOLOGRAM"),
    ]
    with pytest.raises(SqlNotAllowedError) as refused:
        check_readable(to_output_fields(schema), "daily")
    assert "inside.at (TIMESTAMP(12)), v (HOLOGRAM) of query daily" in refused.value.message
    assert [detail["column"] for detail in refused.value.details] == ["inside.at", "v"]


def test_every_type_of_the_documentation_is_accepted() -> None:
    check_readable([OutputField(name, name) for name in sorted(READABLE_TYPES)], None)
