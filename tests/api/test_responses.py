"""The envelope, and the table from error code to HTTP status."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from http import HTTPStatus

import pytest

from shared import errors
from shared.api.envelope import APIResponse
from shared.api.http_status import HTTP_STATUS
from shared.api.openapi.errors import list_error_classes
from shared.api.openapi.schemas import ErrorEnvelope
from shared.api.responses import Reply, ResponseFactory
from shared.errors import ConflictError, ErrorCode, MethodNotAllowedError, RateLimitedError
from shared.schemas.base import Money, ResponseModel

DESIGNED = {
    "INVALID_REQUEST": 400, "UNAUTHENTICATED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405, "CONFLICT": 409, "PAYLOAD_NOT_READY": 404, "REQUEST_TIMEOUT": 408,
    "PAYLOAD_TOO_LARGE": 413, "VALIDATION_FAILED": 422, "SQL_NOT_ALLOWED": 422, "SQL_INVALID": 422,
    "TABLE_NOT_ALLOWED": 403,
    "BYTES_LIMIT_EXCEEDED": 422, "BUDGET_EXCEEDED": 429, "RATE_LIMITED": 429, "WAREHOUSE_TIMEOUT": 504,
    "WAREHOUSE_UNAVAILABLE": 503, "DEPENDENCY_UNAVAILABLE": 503, "INTERNAL_ERROR": 500,
}  # fmt: skip

FACTORY = ResponseFactory("request-1", "4bf92f3577b34da6a3ce929d0e0e4736", "1.2.3")


class Thing(ResponseModel):
    name: str
    price: Money


def test_the_table_of_statuses_is_the_designed_one():
    assert {code.value: status.value for code, status in HTTP_STATUS.items()} == DESIGNED


def test_every_code_has_a_status():
    assert set(HTTP_STATUS) == set(ErrorCode)


def test_every_code_has_one_error_class_with_a_remediation():
    assert [kind.code for kind in list_error_classes()] == list(ErrorCode)
    for kind in list_error_classes():
        assert kind.remediation.endswith("."), kind.__name__
        assert kind.__name__ in (errors.__doc__ or ""), "the tree in the docstring names every class"


def test_success_is_the_envelope_around_the_model():
    response = FACTORY.build_success(Reply(Thing(name="é", price=Decimal("0.10")), 201, {"ETag": '"1"'}))
    body = response.get_json()
    assert (response.status_code, response.headers["ETag"]) == (201, '"1"')
    assert list(body) == ["success", "data", "error", "metadata"]
    assert (body["success"], body["data"], body["error"]) == (True, {"name": "é", "price": "0.10"}, None)
    APIResponse[Thing].model_validate(body)


def test_bytes_are_spliced_in_as_they_are():
    response = FACTORY.build_success(Reply(b'{"a" : [1,  2]}'))
    assert response.data.startswith(b'{"success":true,"data":{"a" : [1,  2]},"error":null,"metadata":{')
    assert response.get_json()["data"] == {"a": [1, 2]}


def test_metadata_says_when_what_and_which():
    before = datetime.now(UTC)
    metadata = json.loads(FACTORY.metadata_json())
    assert set(metadata) == {"timestamp", "request_id", "version", "trace_id"}
    assert (metadata["request_id"], metadata["version"]) == ("request-1", "1.2.3")
    assert metadata["timestamp"].endswith("Z")
    told = datetime.fromisoformat(metadata["timestamp"])
    assert abs((told - before).total_seconds()) < 5


@pytest.mark.parametrize("code", list(ErrorCode))
def test_an_error_is_the_envelope_with_the_status_of_its_code(code):
    kind = next(kind for kind in list_error_classes() if kind.code is code)
    error = (
        MethodNotAllowedError("PUT", ["POST", "GET"]) if kind is MethodNotAllowedError else kind("It broke.")
    )
    response = FACTORY.build_error(error)
    body = response.get_json()
    assert response.status_code == DESIGNED[code]
    assert response.headers["Cache-Control"] == "no-store"
    assert (body["success"], body["data"]) == (False, None)
    assert body["error"] == {
        "code": code.value,
        "message": error.message,
        "remediation": kind.remediation,
        "trace_id": FACTORY.trace_id,
        "details": [],
    }
    ErrorEnvelope.model_validate(body)


def test_details_keep_their_values_and_what_json_cannot_say_becomes_text():
    details = [{"line": 3, "allowed": ["a"], "until": date(2013, 7, 4), "left": Decimal("1.50"), "who": None}]
    body = FACTORY.build_error(ConflictError("Taken.", remediation="Wait.", details=details)).get_json()
    assert body["error"]["remediation"] == "Wait."
    assert body["error"]["details"] == [
        {"line": 3, "allowed": ["a"], "until": "2013-07-04", "left": "1.50", "who": None}
    ]


def test_a_lone_surrogate_in_a_message_is_still_json():
    body = FACTORY.build_error(ConflictError("bad \udcff name")).get_json()
    assert body["error"]["message"] == "bad \udcff name"


def test_retry_after_is_there_when_the_error_says_so():
    assert (
        FACTORY.build_error(RateLimitedError("Slow.", retry_after_seconds=30)).headers["Retry-After"] == "30"
    )
    assert "Retry-After" not in FACTORY.build_error(RateLimitedError("Slow.")).headers


def test_a_wrong_method_names_the_right_ones():
    response = FACTORY.build_error(MethodNotAllowedError("PUT", ["POST", "GET"]))
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response.headers["Allow"] == "GET, POST"
