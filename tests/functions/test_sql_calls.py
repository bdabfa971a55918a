"""POST /sql/run: what may be sent, and how much is read for the answer."""

from typing import Any

import pytest

from tests.fixtures.functions import FunctionHost


def run(functions: FunctionHost, sql: str, *parameters: dict[str, Any], **body: Any) -> Any:
    """The answer's JSON."""
    sent = {"sql": sql, "dataset": "shop", "parameters": parameters, **body}
    return functions.call("sql_run", "POST", "/sql/run", json=sent).json


@pytest.mark.parametrize(
    ("parameter_type", "value", "answered"),
    [
        ("INT64", "9223372036854775807", "9223372036854775807"),
        ("INT64", "-5", -5),
        ("INT64", 5, 5),
        ("INT64", None, None),
        ("STRING", None, None),
        ("FLOAT64", "NaN", "NaN"),
        ("FLOAT64", "Infinity", "Infinity"),
        ("FLOAT64", "-Infinity", "-Infinity"),
        ("DATE", None, None),
        ("ARRAY<INT64>", ["9007199254740993", 2], ["9007199254740993", 2]),
    ],
)
def test_what_is_answered_may_be_sent_back(
    functions: FunctionHost, parameter_type: str, value: object, answered: object
) -> None:
    answer = run(functions, "SELECT @x AS x", {"name": "x", "type": parameter_type, "value": value})
    assert answer["data"]["rows"] == [[answered]], answer


@pytest.mark.parametrize(
    ("parameter_type", "value", "message"),
    [
        ("INT64", "ten", "expected a whole number, got 'ten'"),
        ("INT64", "9223372036854775808", "outside INT64"),
        ("FLOAT64", "nothing", "expected a number, got 'nothing'"),
        ("ARRAY<INT64>", [1, None], "element 1: expected a whole number, got null"),
        ("ARRAY<INT64>", None, "expected a list of INT64 values, got null"),
    ],
)
def test_another_value_is_refused_with_what_is_accepted(
    functions: FunctionHost, parameter_type: str, value: object, message: str
) -> None:
    error = run(functions, "SELECT @x AS x", {"name": "x", "type": parameter_type, "value": value})["error"]
    assert error["code"] == "INVALID_REQUEST"
    assert message in error["message"]


@pytest.mark.parametrize("wanted", [100, 7, 0])
def test_no_more_rows_are_read_than_are_answered(
    functions: FunctionHost, monkeypatch: pytest.MonkeyPatch, wanted: int
) -> None:
    client = functions.container.warehouse_clients.rest
    call, read = client._call_api, []

    def count(*given: Any, **named: Any) -> Any:
        answer = call(*given, **named)
        read.append(len(answer.get("rows") or ()))
        return answer

    monkeypatch.setattr(client, "_call_api", count)
    sql = "SELECT n, CURRENT_TIMESTAMP() AS at FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS n ORDER BY n"
    data = run(functions, sql, sample_rows=wanted)["data"]
    assert [row[0] for row in data["rows"]] == list(range(1, wanted + 1))
    assert (data["total_rows"], data["truncated"]) == (300_000, True)
    assert [field["name"] for field in data["output_schema"]] == ["n", "at"]
    assert sum(read) <= max(wanted, 1)
