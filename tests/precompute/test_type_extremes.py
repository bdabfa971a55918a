"""Every type to its ends, by each way of reading: the right value in JSON, in Arrow and in `/sql/run`."""

import json
import struct
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from google.api_core.exceptions import InvalidArgument, OutOfRange
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery.table import RowIterator

from shared.precompute.payload.encoding import (
    close_fragment,
    encode_arrow_stream,
    iterate_encoded,
    to_json_rows,
)
from shared.settings import Settings
from shared.warehouse.bigquery.results import check_readable, read_rows, to_output_fields
from shared.warehouse.bigquery.samples import read_sample
from shared.warehouse.models.queries import OutputField, ReadBounds, ResultRows
from tests.precompute.extremes import BEYOND_ARROW, EXTREMES, Extreme


class Google:
    """Both of Google's clients over one row; `refuses` is what the Storage Read API answers instead."""

    def __init__(self, extremes: Sequence[Extreme], refuses: Exception | None = None) -> None:
        self._extremes = extremes
        self._refuses = refuses
        arrays = [one.arrow for one in extremes]
        self._batch = pa.RecordBatch.from_arrays(arrays, [one.name for one in extremes])
        self.rest = self.storage_read = self

    def list_rows(self, table: object, selected_fields: Sequence[SchemaField], **_: object) -> RowIterator:
        """tabledata.list, read by Google's own code."""
        cells = [{"v": one.cell} for one in self._extremes]
        # Twice, in two pages.
        pages = iter([{"totalRows": "2", "pageToken": "2", "rows": [{"f": cells}]}, {"rows": [{"f": cells}]}])
        return RowIterator(None, lambda **_: next(pages), "/rows", selected_fields, total_rows=2)

    def create_read_session(self, **_: object) -> SimpleNamespace:
        if self._refuses is not None:
            raise self._refuses
        schema = SimpleNamespace(serialized_schema=self._batch.schema.serialize().to_pybytes())
        return SimpleNamespace(arrow_schema=schema, streams=[SimpleNamespace(name="one")])

    def read_rows(self, stream: str, **_: object) -> Iterator[SimpleNamespace]:
        batch = SimpleNamespace(serialized_record_batch=self._batch.serialize().to_pybytes())
        yield from [SimpleNamespace(arrow_record_batch=batch)] * 2


JOB: Any = SimpleNamespace(destination=SimpleNamespace(to_bqstorage=lambda: "projects/p/datasets/d/tables/t"))


def read(
    extremes: Sequence[Extreme], way: str, refuses: Exception | None = None
) -> tuple[tuple[OutputField, ...], ResultRows]:
    """The row, twice, as it comes by `way`."""
    google: Any = Google(extremes, refuses)
    schema = [one.field for one in extremes]
    settings = Settings(storage_read_min_rows=1 if way == "storage_read" else 100)
    fields = to_output_fields(schema)
    check_readable(fields, None)
    return fields, read_rows(JOB, google.list_rows(None, schema), ReadBounds(10, 10**7), google, settings)


def read_for_people(extremes: Sequence[Extreme]) -> list[list[Any]]:
    """The rows of `/sql/run`."""
    google: Any = Google(extremes)
    schema = [one.field for one in extremes]
    rows = google.list_rows(None, schema)
    sample = read_sample(JOB, rows, ReadBounds(10, 10**7), google, Settings())
    assert (sample.total_rows, sample.truncated) == (2, False)
    return to_json_rows(to_output_fields(schema), sample.rows)


def write_json(fields: Sequence[OutputField], result: ResultRows) -> list[list[Any]]:
    """The columns of `/data`, with what is dictionary-encoded spelled out."""
    decoded = json.loads(close_fragment(b"".join(iterate_encoded(fields, result)), None, None))["values"]
    return [
        [None if code is None else one["dictionary"][code] for code in one["codes"]]
        if isinstance(one, dict)
        else one
        for one in decoded
    ]


def same(left: Any, right: Any) -> bool:
    """Equal to the last bit and to the type: NaN is NaN, and -0.0 is not 0."""
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack("d", left) == struct.pack("d", right) or (left != left and right != right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def name_type(data_type: pa.DataType) -> str:
    """An Arrow type, whatever its members' names are and whether they may be NULL."""
    return str(data_type).replace("item: ", "").replace(" not null", "")


@pytest.mark.parametrize("way", ["rest", "storage_read"])
@pytest.mark.parametrize("extreme", EXTREMES, ids=lambda one: one.name)
def test_a_value_is_the_same_by_every_way_and_in_every_form(extreme: Extreme, way: str) -> None:
    fields, result = read([extreme], way)
    assert (result.read_by, result.total_rows, result.table.num_rows) == (way, 2, 2)
    assert same(write_json(fields, result), [[extreme.expected] * 2])
    assert same(read_for_people([extreme]), [[extreme.expected]] * 2)
    stream = pa.ipc.open_stream(encode_arrow_stream(fields, result)).read_all()
    assert same(stream.column(0).to_pylist(), [extreme.python] * 2)
    assert name_type(stream.schema.field(0).type) == name_type(extreme.arrow.type)


@pytest.mark.parametrize("way", ["rest", "storage_read"])
def test_all_of_them_beside_each_other(way: str) -> None:
    fields, result = read(EXTREMES, way)
    assert same(write_json(fields, result), [[one.expected] * 2 for one in EXTREMES])
    assert same(read_for_people(EXTREMES), [[one.expected for one in EXTREMES]] * 2)


@pytest.mark.parametrize("refuses", [None, OutOfRange("interval"), InvalidArgument("interval")])
@pytest.mark.parametrize("extreme", BEYOND_ARROW, ids=lambda one: one.name)
def test_what_arrow_does_not_hold_is_text_there_and_itself_in_json(
    extreme: Extreme, refuses: Exception | None
) -> None:
    fields, result = read([extreme], "rest" if refuses is None else "storage_read", refuses)
    assert result.read_by == "rest"
    assert write_json(fields, result) == [[extreme.expected] * 2]
    assert read_for_people([extreme]) == [[extreme.expected]] * 2
    stream = pa.ipc.open_stream(encode_arrow_stream(fields, result)).read_all()
    assert stream.schema.field(0).type == pa.string()
    assert stream.schema.field(0).metadata == {b"type": b"INTERVAL"}
    assert stream.column(0).to_pylist() == [extreme.python] * 2


def test_a_refusal_about_anything_else_is_not_read_over() -> None:
    extreme = next(one for one in EXTREMES if one.name == "string_empty")
    with pytest.raises(InvalidArgument):
        read([extreme], "storage_read", InvalidArgument("no such table"))
