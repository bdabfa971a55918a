"""The lines of `/precompute`, and what the call knows afterwards."""

import json
from collections.abc import Iterator
from decimal import Decimal

import flask
import pytest
from werkzeug.test import EnvironBuilder

from shared.api.answers.precompute_response import NDJSON_TYPE, ProgressLine, build_precompute_response
from shared.api.call import Call
from shared.errors import ErrorCode, WarehouseUnavailableError
from shared.precompute.refresh.models import (
    DashboardRefresh,
    QueryEvent,
    QueryRefresh,
    RefreshProblem,
    RefreshStatus,
    RefreshTotals,
)
from shared.settings import Settings
from shared.warehouse.models.bill import Accuracy
from shared.warehouse.spending.pricing import make_receipt

ZERO = Decimal("0.000000")
RECEIPT = make_receipt(Decimal("6.25"), estimated=20, billed=10_485_760)
PROBLEM = RefreshProblem("SQL_INVALID", "No such column.", "Correct the SQL.")


def make_query(error: RefreshProblem | None = None) -> QueryRefresh:
    status = RefreshStatus.FAILED if error else RefreshStatus.REFRESHED
    return QueryRefresh(
        ("totals",), ("flights",), {"origin": "JFK"}, "f" * 64, status, "", RECEIPT, 0,
        None if error else 1, None, error,
    )  # fmt: skip


def make_events() -> Iterator[QueryEvent | DashboardRefresh]:
    queries = (make_query(), make_query(PROBLEM))
    for query in queries:
        yield QueryEvent("nyc-flights", query, len(queries))
    totals = RefreshTotals(
        1, 0, 0, 1, 2 * 10_485_760, Accuracy.PRECISE, 2 * 10_485_760, 0, 0, Decimal("0.000120"), ZERO, 0
    )
    yield DashboardRefresh("nyc-flights", 1, queries, 3, 3, 1000, (PROBLEM,), totals)


def make_call(accept: str) -> Call:
    environ = EnvironBuilder(method="POST", headers={"Accept": accept}).get_environ()
    return Call(flask.Request(environ), Settings(), "/precompute", {}, None, "request-1", "0" * 32)


def read_lines(call: Call, events: Iterator[QueryEvent | DashboardRefresh]) -> list[dict]:
    response = build_precompute_response(call, events)
    assert response.content_type == NDJSON_TYPE
    text = response.get_data(as_text=True)
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        ProgressLine.model_validate(line)
    return lines


def test_one_report_has_every_dashboard_and_adds_up_what_was_billed():
    call = make_call("application/json")
    reply = build_precompute_response(call, make_events())
    (result,) = json.loads(reply.data.model_dump_json())["results"]
    assert [query["status"] for query in result["queries"]] == ["refreshed", "failed"]
    assert result["totals"]["usd_billed"] == "0.000120"
    assert call.bytes_billed == 2 * 10_485_760


def test_the_stream_has_a_line_per_event_and_ends_with_done():
    call = make_call(NDJSON_TYPE)
    lines = read_lines(call, make_events())
    assert [line["event"] for line in lines] == ["query", "query", "dashboard", "done"]
    assert lines[1]["refresh"]["error"]["code"] == "SQL_INVALID"
    assert [line["total"] for line in lines[:2]] == [2, 2]
    assert (call.bytes_billed, call.failure) == (2 * 10_485_760, None)


def test_a_line_is_there_as_soon_as_its_event_is():
    seen = []

    def watch() -> Iterator[QueryEvent | DashboardRefresh]:
        for event in make_events():
            seen.append(event)
            yield event

    chunks = build_precompute_response(make_call(NDJSON_TYPE), watch()).iter_encoded()
    next(chunks)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [(WarehouseUnavailableError("Gone."), "WAREHOUSE_UNAVAILABLE"), (KeyError("hunter2"), "INTERNAL_ERROR")],
)
def test_a_failure_on_the_way_is_the_last_line(error, code):
    def fail() -> Iterator[QueryEvent | DashboardRefresh]:
        yield from list(make_events())[:1]
        raise error

    call = make_call(NDJSON_TYPE)
    lines = read_lines(call, fail())
    assert [line["event"] for line in lines] == ["query", "error"]
    assert lines[1]["error"]["code"] == code
    assert "hunter2" not in json.dumps(lines)
    assert call.failure is not None
    assert call.failure.code is ErrorCode(code)
    assert call.bytes_billed == 10_485_760
