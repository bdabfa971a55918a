"""POST /sql/run: what may be sent, and how much is read for the answer."""

from typing import Any

import pytest

from tests.fixtures.functions import SHOP, FunctionHost


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


def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(functions: FunctionHost) -> None:
    data = run(functions, "SELECT id FROM shop.people", sample_rows=2.0, max_bytes_billed=1e9)["data"]
    assert len(data["rows"]) == 2
    for wrong in (2.5, "2", True):
        body = {"sql": "SELECT 1 AS one", "sample_rows": wrong}
        assert functions.call("sql_run", "POST", "/sql/run", json=body).status_code == 400


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
    sql = "SELECT n, CURRENT_TIMESTAMP() AS moment FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS n ORDER BY n"
    data = run(functions, sql, sample_rows=wanted)["data"]
    assert [row[0] for row in data["rows"]] == list(range(1, wanted + 1))
    assert (data["total_rows"], data["truncated"]) == (300_000, True)
    assert [field["name"] for field in data["output_schema"]] == ["n", "moment"]
    assert sum(read) <= max(wanted, 1)


@pytest.mark.parametrize(
    ("sql", "detail", "remediation"),
    [
        (
            "SELECT id\nFROM peple",
            {"line": 2, "column": 6, "found": "peple", "suggestion": "people"},
            "Did you mean people?",
        ),
        (
            "SELECT 'nam',\n  nam FROM people",
            {"line": 2, "column": 3, "found": "nam", "suggestion": "name"},
            "Did you mean name?",
        ),
        (
            "SELECT p.nme FROM people AS p",
            {"line": 1, "column": 10, "found": "nme", "suggestion": "name"},
            "Did you mean name?",
        ),
        (
            "SELECT @oen AS x",
            {"line": 1, "column": 9, "found": "oen", "suggestion": "one"},
            "Did you mean one?",
        ),
        (
            "SELECT zzzzzzzz FROM people",
            {"line": 1, "column": 8, "found": "zzzzzzzz"},
            "Name a column that the tables of the query have, or one that an alias in it gives.",
        ),
    ],
    ids=["table", "column", "column of an alias", "parameter", "nothing near"],
)
def test_a_name_that_is_not_there_is_shown_in_the_sql(
    functions: FunctionHost, sql: str, detail: dict[str, object], remediation: str
) -> None:
    error = run(functions, sql, {"name": "one", "type": "INT64", "value": 1})["error"]
    assert (error["code"], error["details"]) == ("SQL_INVALID", [detail])
    assert error["remediation"] == remediation


def test_an_error_without_a_place_is_not_said_to_have_one(functions: FunctionHost) -> None:
    error = run(functions, "SELECT 1 / (id - id) AS x FROM people")["error"]
    assert error["code"] == "SQL_INVALID"
    assert not any("line" in detail for detail in error["details"])
    assert error["remediation"].startswith("Use SAFE_DIVIDE(a, b)")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "column"),
    [("id, name", "id, nme", 11, 18), ("FROM people WHERE day =", "FROM peple WHERE day =", 12, 12)],
)
def test_compile_marks_it_in_the_yaml(
    functions: FunctionHost, right: str, wrong: str, line: int, column: int
) -> None:
    yaml = SHOP.replace(right, wrong)
    body = {"dashboards": [{"path": "shop.yaml", "yaml": yaml}]}
    response = functions.call("dashboards_compile", "POST", "/dashboards/compile", json=body)
    [diagnostic] = response.json["data"]["results"][0]["diagnostics"]
    assert (diagnostic["line"], diagnostic["column"]) == (line, column)
    assert diagnostic["end_column"] > column
    assert diagnostic["remediation"].startswith("Did you mean")
