"""Reading a request: bodies, query strings, headers."""

import io
import json
from typing import Any

import flask
import pytest
from pydantic import Field
from werkzeug.test import EnvironBuilder

from shared.api.call import Call
from shared.errors import InvalidRequestError, PayloadTooLargeError, UnauthenticatedError
from shared.schemas.base import RequestModel
from shared.schemas.paging import DashboardListQuery
from shared.schemas.precompute import PrecomputeRequest
from shared.settings import Settings

LIMIT = 1000


class Order(RequestModel):
    name: str
    count: int = Field(1, ge=1)
    tags: dict[str, int] = Field(default_factory=dict)


def make_call(**request: Any) -> Call:
    environ = EnvironBuilder(method=request.pop("method", "POST"), **request).get_environ()
    return Call(
        flask.Request(environ),
        Settings(max_body_bytes=LIMIT),
        "/things/{slug}",
        {"slug": "one"},
        None,
        "request-1",
        "0" * 32,
    )


def make_chunked_call(body: bytes) -> Call:
    """A request as a server hands it on that took the chunks apart: a body that ends, without a length."""
    call = make_call(input_stream=io.BytesIO(body), environ_base={"wsgi.input_terminated": True})
    del call.request.environ["CONTENT_LENGTH"]
    return Call(
        flask.Request(call.request.environ), call.settings, "/things", {}, None, "request-1", "0" * 32
    )


def post_json(body: bytes | str, content_type: str = "application/json") -> Call:
    return make_call(data=body, content_type=content_type)


class TestJsonBodies:
    @pytest.mark.parametrize(
        "body", ['{"name": "x", "name": "y"}', '{"name": "x", "tags": {"a": 1, "a": 1}}']
    )
    def test_a_key_that_comes_twice_is_refused_by_name(self, body):
        with pytest.raises(InvalidRequestError, match=r"a key more than once: '(name|a)'"):
            post_json(body).parse_json(Order)

    def test_what_a_validator_says_comes_without_pydantics_prefix(self):
        with pytest.raises(InvalidRequestError) as caught:
            post_json("{}").parse_json(PrecomputeRequest)
        said = 'send exactly one of "slugs": [...], "all": true and "due": true'
        assert caught.value.message == f"The body is not accepted: {said}."
        assert caught.value.details[0]["message"] == said

    def test_what_came_beside_a_raw_body_is_refused_like_a_body(self):
        with pytest.raises(InvalidRequestError, match="at /count"):
            make_call().build_body(Order, name="x", count=0)

    def test_a_body_becomes_the_model(self):
        order = post_json('{"name": "x", "count": 2}').parse_json(Order)
        assert (order.name, order.count) == ("x", 2)

    def test_a_charset_in_the_content_type_is_fine(self):
        assert post_json('{"name": "é"}', "application/json; charset=utf-8").parse_json(Order).name == "é"

    @pytest.mark.parametrize(
        ("content_type", "named"),
        [
            ("text/plain", "text/plain"),
            ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ],
    )
    def test_another_content_type_is_refused_by_name(self, content_type, named):
        message = f"^The content type is {named}; accepted: application/json\\.$"
        with pytest.raises(InvalidRequestError, match=message):
            post_json('{"name": "x"}', content_type).parse_json(Order)

    def test_no_content_type_is_refused(self):
        with pytest.raises(InvalidRequestError, match=r"^The content type is none;"):
            make_call(data=b"{}").parse_json(Order)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b'{"name": "x"} more', b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 900, b"nul"]
    )
    def test_what_is_no_json_is_an_invalid_request(self, body):
        with pytest.raises(InvalidRequestError, match=r"^The body is not accepted: Invalid JSON") as caught:
            post_json(body).parse_json(Order)
        assert caught.value.details[0]["pointer"] == ""

    def test_the_place_of_a_syntax_error_is_said(self):
        with pytest.raises(InvalidRequestError, match=r"line 2 column 6"):
            post_json('{"name":\n "x",,}').parse_json(Order)

    def test_every_wrong_field_is_named_at_once(self):
        with pytest.raises(InvalidRequestError) as caught:
            post_json('{"count": 0, "surprise": 1, "tags": {"a/b~c": "many"}}').parse_json(Order)
        problems = {detail["pointer"]: detail["type"] for detail in caught.value.details}
        assert problems == {
            "/name": "missing",
            "/count": "greater_than_equal",
            "/surprise": "extra_forbidden",
            "/tags/a~1b~0c": "int_type",
        }
        assert caught.value.message == "The body is not accepted: Field required (at /name)."

    @pytest.mark.parametrize(
        "body", ['{"name": 1}', '{"name": "x", "count": "2"}', '{"name": null}', "[]", '"x"']
    )
    def test_a_value_of_another_type_is_not_converted(self, body):
        with pytest.raises(InvalidRequestError):
            post_json(body).parse_json(Order)

    def test_what_was_sent_is_not_repeated(self):
        with pytest.raises(InvalidRequestError) as caught:
            post_json('{"name": {"password": "hunter2"}}').parse_json(Order)
        assert "hunter2" not in caught.value.message + json.dumps(caught.value.details)


class TestBodySize:
    def test_a_body_at_the_bound_is_read(self):
        assert len(make_call(data=b"x" * LIMIT).read_body()) == LIMIT

    def test_a_body_over_the_bound_is_refused_by_its_length(self):
        call = make_call(data=b"x" * (LIMIT + 1))
        with pytest.raises(
            PayloadTooLargeError, match=r"^The body has 1001 bytes; at most 1000 are accepted\.$"
        ):
            call.read_body()
        assert call.request.environ["wsgi.input"].tell() == 0

    def test_a_chunked_body_is_read_no_further_than_the_bound(self):
        call = make_chunked_call(b"x" * (LIMIT * 10))
        with pytest.raises(PayloadTooLargeError, match=r"^The body has more than 1000 bytes\.$"):
            call.read_body()
        assert call.request.environ["wsgi.input"].tell() == LIMIT + 1

    def test_a_short_chunked_body_is_read(self):
        assert make_chunked_call(b"short").read_body() == b"short"

    def test_the_bound_holds_for_json_and_yaml(self):
        with pytest.raises(PayloadTooLargeError):
            post_json(json.dumps({"name": "x" * LIMIT})).parse_json(Order)
        with pytest.raises(PayloadTooLargeError):
            make_call(data=b"x" * (LIMIT + 1), content_type="application/yaml").read_yaml()


class TestYamlBodies:
    @pytest.mark.parametrize(
        "content_type",
        [
            "application/yaml",
            "application/x-yaml",
            "text/yaml",
            "application/yaml; charset=utf-8",
            "Application/YAML",
        ],
    )
    def test_yaml_types_are_known(self, content_type):
        assert make_call(data=b"a: 1", content_type=content_type).is_yaml

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
    def test_other_types_are_not_yaml(self, content_type):
        assert not make_call(data=b"a: 1", content_type=content_type).is_yaml

    def test_the_text_is_not_changed(self):
        assert make_call(data="ä: 1\r\n".encode()).read_yaml() == "ä: 1\r\n"

    def test_what_is_not_utf_8_is_refused_with_the_place(self):
        with pytest.raises(InvalidRequestError, match=r"^The body is not UTF-8: byte 3 cannot be read\.$"):
            make_call(data=b"abc\xff").read_yaml()


class TestQueryStrings:
    def test_values_become_the_model(self):
        query = make_call(query_string="page=2&q=a%20b").parse_query(DashboardListQuery)
        assert (query.page, query.page_size, query.q) == (2, 50, "a b")

    def test_a_parameter_given_twice_is_refused(self):
        call = make_call(query_string="page=1&tag=b&tag=a&page=2")
        with pytest.raises(
            InvalidRequestError, match=r"^Given more than once in the query string: page, tag\.$"
        ):
            call.parse_query(DashboardListQuery)

    @pytest.mark.parametrize(
        ("query_string", "pointer"),
        [
            ("page=0", "/page"),
            ("page=one", "/page"),
            ("page=", "/page"),
            ("pages=1", "/pages"),
            ("q=" + "x" * 201, "/q"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, query_string, pointer):
        with pytest.raises(InvalidRequestError, match=r"^The query string is not accepted: ") as caught:
            make_call(query_string=query_string).parse_query(DashboardListQuery)
        assert caught.value.details[0]["pointer"] == pointer


class TestIfMatch:
    @pytest.mark.parametrize(("header", "version"), [('"3"', 3), ("3", 3), ('W/"12"', 12), (' "0" ', 0)])
    def test_a_version_is_read(self, header, version):
        assert make_call(headers={"If-Match": header}).read_if_match() == version

    def test_no_header_asks_for_nothing(self):
        assert make_call().read_if_match() is None

    @pytest.mark.parametrize("header", ["*", '"abc"', '"1", "2"', "-1", "", "1.0", "²", "٣", "9" * 5000])
    def test_what_is_no_version_is_refused(self, header):
        with pytest.raises(InvalidRequestError, match="accepted: a version number such as"):
            make_call(headers={"If-Match": header}).read_if_match()


class TestAccept:
    @pytest.mark.parametrize(
        "header",
        ["application/x-ndjson", "application/json, application/x-ndjson;q=0.5", "APPLICATION/X-NDJSON"],
    )
    def test_a_type_that_is_named_is_accepted(self, header):
        assert make_call(headers={"Accept": header}).accepts("application/x-ndjson")

    @pytest.mark.parametrize(
        "header", ["*/*", "application/*", "application/json", "", "application/x-ndjson;q=0"]
    )
    def test_a_wildcard_does_not_ask_for_another_format(self, header):
        assert not make_call(headers={"Accept": header}).accepts("application/x-ndjson")

    @pytest.mark.parametrize(
        ("header", "preferred"),
        [
            ("application/x-ndjson", True),
            ("application/x-ndjson, application/json", True),
            ("application/x-ndjson, */*;q=0.8", True),
            ("application/x-ndjson;q=0.5, application/json;q=0.2", True),
            ("application/x-ndjson;q=0.1, application/json", False),
            ("application/x-ndjson;q=0.5, */*", False),
            ("application/json", False),
            ("*/*", False),
        ],
    )
    def test_the_better_rated_of_a_type_and_json_is_preferred(self, header, preferred):
        assert make_call(headers={"Accept": header}).prefers("application/x-ndjson") is preferred


def test_a_public_call_has_no_caller():
    with pytest.raises(UnauthenticatedError):
        _ = make_call().caller


def test_path_parameters_are_text():
    assert make_call().path_text("slug") == "one"
