"""The wrapper around every handler, through functions-framework's own application."""

import json
import re
from uuid import UUID

import pytest

from shared.auth.principals import Role
from shared.container import use_container
from shared.errors import DependencyUnavailableError, ErrorCode
from shared.settings import Environment
from tests.api.fakes import CSRF_TOKEN, SESSION_TOKEN
from tests.fixtures.containers import restart_with

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
OK = """return Reply(b'{"a":1}')"""
EDITOR = {"Authorization": "Bearer editor"}


class TestAnswers:
    def test_a_reply_becomes_the_envelope(self, serve_handler):
        answer = serve_handler(OK).get("/things")
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        assert answer.json["data"] == {"a": 1}
        assert answer.json["metadata"]["version"] == "1.2.3"

    def test_a_handler_may_answer_for_itself(self, serve_handler):
        answer = serve_handler("return flask.Response('x', 302, {'Location': '/there'})").get("/things")
        assert (answer.status_code, answer.headers["Location"], answer.data) == (302, "/there", b"x")
        assert "X-Request-Id" in answer.headers

    def test_path_parameters_reach_the_handler(self, serve_handler):
        client = serve_handler("import json\nreturn Reply(json.dumps(dict(call.path_parameters)).encode())")
        assert client.get("/things/a%20b/versions/7").json["data"] == {"slug": "a b", "version": 7}

    @pytest.mark.parametrize(
        ("path", "route"),
        [("/things", "/things"), ("/things/a/versions/7", "/things/{slug}/versions/{version:int}")],
    )
    def test_the_handler_is_told_which_route_it_serves(self, serve_handler, path, route):
        client = serve_handler("import json\nreturn Reply(json.dumps(call.route).encode())")
        assert client.get(path).json["data"] == route

    @pytest.mark.parametrize("environment", Environment)
    def test_browsers_are_told_to_keep_to_https_where_there_is_some(
        self, serve_handler, container, environment
    ):
        use_container(restart_with(container, environment=environment))
        answer = serve_handler(OK).get("/things")
        kept = environment is not Environment.LOCAL
        assert answer.headers.getlist("Strict-Transport-Security") == ["max-age=31536000"] * kept

    def test_head_answers_as_get_without_a_body(self, serve_handler):
        client = serve_handler(OK)
        answer = client.head("/things")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.content_type == "application/json"

    def test_nothing_is_cached_or_sniffed_unless_the_handler_says_so(self, serve_handler):
        answer = serve_handler(OK).get("/things")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        client = serve_handler("return Reply(b'1', headers={'Cache-Control': 'public, max-age=300'})")
        assert client.get("/things").headers["Cache-Control"] == "public, max-age=300"

    def test_server_timing_is_in_milliseconds(self, serve_handler):
        client = serve_handler("import time\ntime.sleep(0.05)\nreturn Reply(b'1')")
        timing = client.get("/things").headers["Server-Timing"]
        found = re.fullmatch(r"total;dur=(\d+\.\d\d)", timing)
        assert found is not None
        assert 50 <= float(found[1]) < 5000

    def test_health_is_answered_without_a_route_and_without_credentials(self, serve_handler, authenticator):
        answer = serve_handler("raise RuntimeError('not called')").get("/healthz")
        assert (answer.status_code, answer.json["data"]) == (200, {"status": "ok"})
        assert authenticator.calls == 0


class TestRefusals:
    def test_an_unknown_path_is_a_404_envelope(self, serve_handler):
        answer = serve_handler(OK).get("/nothing/here")
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
    def test_a_wrong_method_is_a_405_envelope_that_names_the_right_ones(self, serve_handler, method):
        answer = serve_handler(OK).open("/things", method=method)
        assert (answer.status_code, answer.json["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"] == "GET, POST"

    def test_no_credentials_is_a_401_envelope_that_says_how(self, serve_handler):
        answer = serve_handler(OK).get("/things/one")
        assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")
        assert "/auth/login" in answer.json["error"]["remediation"]

    def test_a_missing_role_is_a_403_envelope(self, serve_handler):
        answer = serve_handler(OK).post("/edits", headers={"Authorization": "Bearer viewer"})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "FORBIDDEN")

    def test_a_session_cookie_signs_in_and_changes_with_its_csrf_token_only(
        self, serve_handler, authenticator
    ):
        client = serve_handler("return Reply(b'\"' + call.caller.email.encode() + b'\"')")
        client.set_cookie("__Host-almanac-session", SESSION_TOKEN, secure=True)
        secure = {"base_url": "https://localhost"}
        assert client.get("/things/one", **secure).json["data"] == "viewer@example.com"
        authenticator.session_role = Role.EDITOR
        assert client.post("/runs", **secure).status_code == 403
        assert client.post("/runs", headers={"X-CSRF-Token": CSRF_TOKEN}, **secure).status_code == 200

    def test_a_refused_call_never_reaches_the_handler(self, serve_handler):
        client = serve_handler("raise RuntimeError('reached')")
        for answer in (
            client.get("/things/one"),
            client.put("/things"),
            client.get("/nothing"),
            client.post("/edits"),
        ):
            assert answer.status_code in {401, 404, 405}

    def test_an_error_of_ours_keeps_its_code_details_and_retry_after(self, serve_handler):
        client = serve_handler(
            "raise BudgetExceededError('No room.', details=[{'limit': 1}], retry_after_seconds=60)"
        )
        answer = client.get("/things")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        assert answer.json["error"]["details"] == [{"limit": 1}]

    def test_an_oversized_body_is_refused_before_it_is_parsed(self, serve_handler):
        client = serve_handler("call.parse_json(BaseModel)\nreturn Reply(b'1')")
        answer = client.post("/things", data=b"{" * 1001, content_type="application/json")
        assert (answer.status_code, answer.json["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


class TestUnexpectedErrors:
    BROKEN = "secret = 'hunter2'\nraise RuntimeError('cannot open ' + secret)"

    def test_the_answer_is_an_envelope_that_gives_nothing_away(self, serve_handler):
        answer = serve_handler(self.BROKEN).get("/things")
        assert (answer.status_code, answer.json["error"]["code"]) == (500, "INTERNAL_ERROR")
        assert answer.json["error"]["message"] == "Something went wrong on our side."
        for leak in (b"hunter2", b"RuntimeError", b"Traceback", b"main.py"):
            assert leak not in answer.data
        assert "X-Google-Status" not in answer.headers

    def test_the_log_has_the_stack_trace_under_the_trace_id_of_the_answer(self, serve_handler, capsys):
        answer = serve_handler(self.BROKEN).get("/things")
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        entry = next(line for line in lines if line["severity"] == "ERROR")
        assert "Traceback (most recent call last)" in entry["message"]
        assert "RuntimeError: cannot open hunter2" in entry["message"]
        assert entry["logging.googleapis.com/trace"].endswith(answer.json["metadata"]["trace_id"])

    def test_an_answer_that_cannot_be_written_is_an_unexpected_error_too(self, serve_handler):
        answer = serve_handler("return Reply(None)").get("/things")
        assert (answer.status_code, answer.json["error"]["code"]) == (500, "INTERNAL_ERROR")


class TestRequestIds:
    @pytest.mark.parametrize("given", ["abc-12345", "A.b_c-1234", "x" * 64])
    def test_a_harmless_id_is_kept(self, serve_handler, given):
        answer = serve_handler(OK).get("/things", headers={"X-Request-Id": given})
        assert answer.headers["X-Request-Id"] == answer.json["metadata"]["request_id"] == given

    @pytest.mark.parametrize("given", ["", "short", "x" * 65, 'a"},{"b":"c', "with space1", "é" * 10])
    def test_any_other_is_replaced(self, serve_handler, given):
        answer = serve_handler(OK).get("/things", headers={"X-Request-Id": given})
        assert answer.headers["X-Request-Id"] == answer.json["metadata"]["request_id"]
        UUID(answer.headers["X-Request-Id"])

    def test_errors_carry_it_too(self, serve_handler):
        answer = serve_handler(OK).get("/nothing", headers={"X-Request-Id": "abc-12345"})
        assert answer.headers["X-Request-Id"] == answer.json["metadata"]["request_id"] == "abc-12345"


class TestTraces:
    def test_a_callers_trace_goes_on(self, serve_handler, spans):
        answer = serve_handler(OK).get("/things", headers={"traceparent": TRACEPARENT})
        (span,) = spans.get_finished_spans()
        assert answer.json["metadata"]["trace_id"] == TRACE_ID
        assert f"{span.context.trace_id:032x}" == TRACE_ID
        assert f"{span.parent.span_id:016x}" == PARENT_ID
        assert answer.headers["traceparent"] == f"00-{TRACE_ID}-{span.context.span_id:016x}-01"

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "garbage",
            f"00-{'0' * 32}-{PARENT_ID}-01",
            f"00-{TRACE_ID}-{'0' * 16}-01",
            f"ff-{TRACE_ID}-1-01",
        ],
    )
    def test_a_malformed_one_begins_a_new_trace(self, serve_handler, given):
        answer = serve_handler(OK).get("/things", headers={"traceparent": given})
        trace_id = answer.json["metadata"]["trace_id"]
        assert re.fullmatch(r"[0-9a-f]{32}", trace_id)
        assert trace_id not in {TRACE_ID, "0" * 32}
        assert answer.headers["traceparent"].startswith(f"00-{trace_id}-")

    def test_a_request_of_googles_front_end_leaves_its_spans_when_it_fails(self, serve_handler, spans):
        client = serve_handler("with start_span('inner'): pass\nraise InternalError('No.')")
        unasked = {"traceparent": TRACEPARENT.removesuffix("1") + "0"}
        answer = client.get("/things", headers=unasked)
        assert answer.headers["traceparent"].endswith("-00")
        assert [span.name for span in spans.get_finished_spans()] == ["inner", "things.handle"]
        assert client.get("/nothing", headers=unasked).status_code == 404
        assert len(spans.get_finished_spans()) == 2

    def test_two_requests_are_two_traces(self, serve_handler):
        client = serve_handler(OK)
        ids = {client.get("/things").json["metadata"]["trace_id"] for _ in range(2)}
        assert len(ids) == 2

    def test_errors_carry_the_trace_id_twice(self, serve_handler):
        answer = serve_handler(OK).get("/nothing", headers={"traceparent": TRACEPARENT})
        assert answer.json["error"]["trace_id"] == answer.json["metadata"]["trace_id"] == TRACE_ID

    def test_the_span_says_what_was_asked_and_answered(self, serve_handler, spans):
        serve_handler(OK).post("/things")
        (span,) = spans.get_finished_spans()
        assert span.name == "things.handle"
        assert dict(span.attributes) == {
            "http.request.method": "POST", "url.path": "/things", "http.response.status_code": 200,
        }  # fmt: skip

    def test_spans_of_the_handler_are_children(self, serve_handler, spans):
        serve_handler("with start_span('inner', {}):\n    return Reply(b'1')").get("/things")
        inner, outer = spans.get_finished_spans()
        assert (inner.name, inner.parent.span_id) == ("inner", outer.context.span_id)

    def test_a_refusal_is_no_failure_of_this_server(self, serve_handler, spans):
        serve_handler("raise ConflictError('Taken.')").get("/things")
        (span,) = spans.get_finished_spans()
        assert span.attributes["error.type"] == "CONFLICT"
        assert span.status.is_ok

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("raise WarehouseTimeoutError('Slow.')", "WAREHOUSE_TIMEOUT"),
            ("raise KeyError('x')", "INTERNAL_ERROR"),
        ],
    )
    def test_a_failure_is_one_on_the_span(self, serve_handler, spans, body, code):
        serve_handler(body).get("/things")
        (span,) = spans.get_finished_spans()
        assert span.attributes["error.type"] == code
        assert not span.status.is_ok


class TestActions:
    EDIT = "call.action_targets = ['a', 'b']\ncall.bytes_billed = 10\n"

    def test_a_call_with_an_action_leaves_a_row(self, serve_handler, action_log):
        client = serve_handler(self.EDIT + OK, action="thing.edit")
        answer = client.post("/edits", headers=EDITOR)
        (row,) = action_log.rows
        assert (row.action, row.targets, row.email) == ("thing.edit", ["a", "b"], "editor@example.com")
        assert (row.error, row.bytes_billed) == (None, 10)
        assert row.trace_id == answer.json["metadata"]["trace_id"]

    def test_a_failed_one_says_how(self, serve_handler, action_log):
        client = serve_handler("raise ConflictError('Taken.')", action="thing.edit")
        assert client.post("/edits", headers=EDITOR).status_code == 409
        assert [(row.targets, row.error.code) for row in action_log.rows] == [(["-"], ErrorCode.CONFLICT)]

    def test_an_unexpected_failure_is_recorded_as_internal(self, serve_handler, action_log):
        client = serve_handler("raise KeyError('x')", action="thing.edit")
        client.post("/edits", headers=EDITOR)
        assert [row.error.code for row in action_log.rows] == [ErrorCode.INTERNAL_ERROR]

    def test_a_call_that_was_not_let_in_leaves_none(self, serve_handler, action_log):
        client = serve_handler(OK, action="thing.edit")
        client.post("/edits")
        client.get("/edits", headers=EDITOR)
        assert action_log.rows == []

    def test_a_call_without_an_action_leaves_none(self, serve_handler, action_log):
        serve_handler(OK).post("/edits", headers=EDITOR)
        assert action_log.rows == []

    def test_each_route_may_have_an_action_of_its_own(self, serve_handler, action_log):
        client = serve_handler(OK, action={"/edits": "thing.edit", "/runs": "thing.run"})
        for path in ("/edits", "/runs", "/things"):
            assert client.post(path, headers=EDITOR).status_code == 200
        assert [row.action for row in action_log.rows] == ["thing.edit", "thing.run"]

    def test_an_action_for_a_route_that_is_not_there_does_not_start(self, serve_handler):
        with pytest.raises(LookupError, match=r"/edit$"):
            serve_handler(OK, action={"/edit": "thing.edit"})

    def test_a_public_call_without_a_caller_leaves_none(self, serve_handler, action_log):
        serve_handler(OK, action="thing.edit").post("/things")
        assert action_log.rows == []

    @pytest.mark.parametrize("failure", [DependencyUnavailableError("Down."), RuntimeError("odd")])
    def test_a_record_that_cannot_be_written_does_not_change_the_answer(
        self, serve_handler, action_log, capsys, failure
    ):
        action_log.failure = failure
        assert serve_handler(OK, action="thing.edit").post("/edits", headers=EDITOR).json["data"] == {"a": 1}
        failing = serve_handler("raise ConflictError('Taken.')", action="thing.edit")
        assert failing.post("/edits", headers=EDITOR).status_code == 409
        assert "The action thing.edit could not be recorded" in capsys.readouterr().out


class TestStreams:
    STREAM = """
def lines():
    yield b'1\\n'
    with start_span('work', {}):
        call.bytes_billed += 5
        yield b'2\\n'
return flask.Response(lines(), content_type='application/x-ndjson')
""".strip()

    def test_the_chunks_are_made_in_the_requests_trace(self, serve_handler, spans):
        answer = serve_handler(self.STREAM).get("/things", headers={"traceparent": TRACEPARENT})
        assert answer.data == b"1\n2\n"
        work, request = spans.get_finished_spans()
        assert (work.name, request.name) == ("work", "things.handle")
        assert work.parent.span_id == request.context.span_id
        assert f"{work.context.trace_id:032x}" == TRACE_ID
        assert work.end <= request.end

    def test_the_row_waits_for_the_end(self, serve_handler, action_log):
        client = serve_handler(self.STREAM, action="thing.edit")
        answer = client.post("/edits", headers=EDITOR)
        chunks = answer.iter_encoded()
        assert next(chunks) == b"1\n"
        assert action_log.rows == []
        assert list(chunks) == [b"2\n"]
        assert [(row.bytes_billed, row.error) for row in action_log.rows] == [(5, None)]
        answer.close()
        assert len(action_log.rows) == 1

    def test_a_client_that_leaves_ends_the_work_and_the_row_says_so(self, serve_handler, action_log, spans):
        answer = serve_handler(self.STREAM, action="thing.edit").post("/edits", headers=EDITOR)
        next(answer.iter_encoded())
        answer.close()
        assert [row.error.code for row in action_log.rows] == [ErrorCode.INTERNAL_ERROR]
        assert [span.name for span in spans.get_finished_spans()] == ["things.handle"]

    def test_a_stream_nobody_reads_is_closed_too(self, serve_handler, action_log, spans):
        serve_handler(self.STREAM, action="thing.edit").post("/edits", headers=EDITOR).close()
        assert len(action_log.rows) == 1
        assert len(spans.get_finished_spans()) == 1

    def test_what_the_stream_says_about_its_end_is_recorded(self, serve_handler, action_log, spans):
        body = self.STREAM.replace("yield b'2\\n'", "call.failure = WarehouseTimeoutError('Slow.')")
        client = serve_handler(body, action="thing.edit")
        assert client.post("/edits", headers=EDITOR).data == b"1\n"
        assert [row.error.code for row in action_log.rows] == [ErrorCode.WAREHOUSE_TIMEOUT]
        assert spans.get_finished_spans()[-1].attributes["error.type"] == "WAREHOUSE_TIMEOUT"

    def test_the_next_request_has_a_trace_of_its_own(self, serve_handler):
        client = serve_handler(self.STREAM)
        answer = client.get("/things")
        next(answer.iter_encoded())
        other = client.get("/things")
        assert other.headers["traceparent"][3:35] != answer.headers["traceparent"][3:35]
        answer.close()


def test_a_function_without_an_entry_in_the_manifest_does_not_start(serve_handler):
    with pytest.raises(LookupError, match=r"'strays' has no entry in deploy/functions\.yaml"):
        serve_handler(OK, name="strays")
