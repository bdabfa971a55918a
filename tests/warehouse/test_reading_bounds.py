"""How much of a result is read: as many rows as are wanted, in pages and messages, until they are too many bytes."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery.table import RowIterator

from shared.container import Container
from shared.settings import Settings
from shared.warehouse.bigquery.results import read_rows
from shared.warehouse.bigquery.samples import read_sample
from shared.warehouse.models.queries import QueryOutcome, QueryRequest, ReadBounds, ResultRows, SampleRows
from shared.warehouse.service import iterate_answers
from tests.fixtures.containers import restart_with

TOTAL = 10_000
MEGABYTE = 1_000_000
SCHEMA = [SchemaField("text", "STRING")]


class LargeResult:
    """A result of `TOTAL` rows of so many characters, read by Google's own code; remembers what was asked for."""

    def __init__(self, row_length: int, *, batch_rows: int = 100) -> None:
        self._text = "x" * row_length
        self._batch_rows = batch_rows
        self.asked: list[int] = []
        self.sent = 0

    @property
    def storage_read(self) -> "LargeResult":
        return self

    def list_rows(self) -> RowIterator:
        return RowIterator(None, self._answer_page, "/rows", SCHEMA, total_rows=TOTAL)

    def _answer_page(self, query_params: dict[str, Any], **_: object) -> dict[str, Any]:
        start, count = int(query_params.get("pageToken", 0)), query_params["maxResults"]
        self.asked.append(count)
        rows = [{"f": [{"v": self._text}]}] * min(count, TOTAL - start)
        self.sent += len(rows)
        answer: dict[str, Any] = {"totalRows": str(TOTAL), "rows": rows}
        return answer | ({"pageToken": str(self.sent)} if self.sent < TOTAL else {})

    def create_read_session(self, **_: object) -> SimpleNamespace:
        schema = SimpleNamespace(serialized_schema=self._make_batch(0).schema.serialize().to_pybytes())
        return SimpleNamespace(arrow_schema=schema, streams=[SimpleNamespace(name="one")])

    def read_rows(self, _stream: str, **_: object) -> Iterator[SimpleNamespace]:
        while self.sent < TOTAL:
            self.sent += self._batch_rows
            batch = self._make_batch(self._batch_rows).serialize().to_pybytes()
            yield SimpleNamespace(arrow_record_batch=SimpleNamespace(serialized_record_batch=batch))

    def _make_batch(self, rows: int) -> pa.RecordBatch:
        return pa.record_batch({"text": pa.array([self._text] * rows, pa.string())})


def read(result: LargeResult, max_rows: int, max_bytes: int, *, by_storage: bool = False) -> ResultRows:
    google: Any = result
    job: Any = SimpleNamespace(
        destination=SimpleNamespace(to_bqstorage=lambda: "projects/p/datasets/d/tables/t")
    )
    settings = Settings(storage_read_min_rows=1 if by_storage else TOTAL + 1)
    return read_rows(job, result.list_rows(), ReadBounds(max_rows, max_bytes), google, settings)


def sample(result: LargeResult, max_rows: int, max_bytes: int) -> SampleRows:
    google: Any = result
    return read_sample(google, result.list_rows(), ReadBounds(max_rows, max_bytes), google, Settings())


@pytest.mark.parametrize("by_storage", [False, True])
@pytest.mark.parametrize("row_length", [0, 7, 1000, 90_000])
def test_reading_stops_at_the_first_bound(row_length: int, by_storage: bool) -> None:
    result = LargeResult(row_length)
    rows = read(result, max_rows=5000, max_bytes=4 * MEGABYTE, by_storage=by_storage)
    fitting = 4 * MEGABYTE // (row_length + 4)
    assert rows.table.num_rows == pytest.approx(min(5000, fitting), abs=max(1, fitting // 500))
    assert rows.table.nbytes <= 4 * MEGABYTE
    assert rows.max_bytes == (4 * MEGABYTE if fitting < 5000 else None)
    assert rows.truncated
    assert rows.total_rows == TOTAL
    # Not much was read that is not kept: a page, or a message.
    assert result.sent * row_length <= rows.table.nbytes + max(3 * MEGABYTE, 100 * row_length)


def test_rows_within_both_bounds_are_all_there() -> None:
    result = LargeResult(10)
    rows = read(result, max_rows=TOTAL, max_bytes=MEGABYTE)
    assert (rows.table.num_rows, rows.max_bytes, rows.truncated) == (TOTAL, None, False)


def test_a_row_larger_than_the_bound_is_left_out() -> None:
    rows = read(LargeResult(2 * MEGABYTE), max_rows=3, max_bytes=MEGABYTE)
    assert (rows.table.num_rows, rows.table.column_names, rows.truncated) == (0, ["text"], True)


def test_small_rows_come_in_two_pages_and_large_ones_a_few_at_a_time() -> None:
    small, large = LargeResult(20), LargeResult(500_000)
    read(small, max_rows=5000, max_bytes=40 * MEGABYTE)
    assert small.asked == [10, 4990]
    read(large, max_rows=100, max_bytes=10 * MEGABYTE)
    assert large.asked == [10, 3, 3, 3, 3]


def test_nothing_is_read_of_a_result_nobody_wants_rows_of() -> None:
    result = LargeResult(20)
    assert read(result, max_rows=0, max_bytes=MEGABYTE).table.num_rows == 0
    assert result.asked == [1]
    sampled = LargeResult(20)
    assert sample(sampled, max_rows=0, max_bytes=MEGABYTE).rows == []
    assert sampled.asked == []


@pytest.mark.parametrize(
    ("row_length", "asked", "kept"),
    [
        (20, [2, 98], 100),
        (90_000, [2, 22, 22, 22, 22, 10], 100),
        (400_000, [2, 5, 5, 5, 5, 5], 25),
        (1_000_000, [2] * 6, 10),
        (9_000_000, [2], 1),
        (MEGABYTE * 11, [2], 0),
    ],
)
def test_a_sample_comes_in_pages_of_about_two_megabytes(row_length: int, asked: list[int], kept: int) -> None:
    result = LargeResult(row_length)
    rows = sample(result, max_rows=100, max_bytes=10 * MEGABYTE)
    assert result.asked == asked
    assert [len(str(text)) for (text,) in rows.rows] == [row_length] * kept
    assert rows.max_bytes == (None if kept == 100 else 10 * MEGABYTE)
    assert (rows.truncated, rows.total_rows) == (True, TOTAL)


def test_small_rows_say_little_of_those_behind_them() -> None:
    result = LargeResult(0)
    sample(result, max_rows=5000, max_bytes=MEGABYTE)
    assert result.asked == [2, 100, 4898]


@pytest.mark.parametrize("by_storage", [False, True])
def test_a_query_whose_rows_are_large_keeps_those_that_fit(warehouse: Container, by_storage: bool) -> None:
    container = restart_with(warehouse, storage_read_min_rows=1 if by_storage else 1000)
    sql = "SELECT REPEAT('x', 200000) AS text, n FROM UNNEST(GENERATE_ARRAY(1, 100)) AS n ORDER BY n"
    request = QueryRequest(sql, max_rows=100, max_result_bytes=5 * MEGABYTE)
    (answer,) = container.warehouse.run_queries([request])
    assert isinstance(answer, QueryOutcome)
    assert answer.result.read_by == ("storage_read" if by_storage else "rest")
    assert answer.result.table.column("n").to_pylist() == list(range(1, 25))
    assert (answer.result.max_bytes, answer.result.total_rows) == (5 * MEGABYTE, 100)


def test_no_more_answers_wait_than_run_at_once() -> None:
    begun: list[str] = []
    work: Callable[[QueryRequest], str] = lambda request: begun.append(request.sql) or request.sql  # noqa: E731
    requests = [QueryRequest(str(number)) for number in range(20)]
    answers = iterate_answers(work, requests, 3, None, stop=lambda: None)
    taken = []
    for answer in answers:
        assert answer is not None
        taken.append(answer)
        assert len(begun) <= len(taken) + 3
    assert sorted(taken) == [(number, str(number)) for number in range(20)]
