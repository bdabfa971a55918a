"""Spans and trace context, as they come out of a process."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deploy.local.supervision.process import pick_free_port
from tests.telemetry.conftest import Lines

Run = Callable[..., Lines]
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


def test_spans_nest_and_say_what_they_were(run_program: Run) -> None:
    inner, outer = run_program(
        """
with start_span("sql.run", {"slug": "nyc", "count": 3}) as span:
    with start_span("bigquery.start"):
        pass
    span.set_attribute("late", True)
"""
    )
    assert (outer["type"], outer["name"], outer["service"]) == ("span", "sql.run", "sql_run")
    assert (outer["parent_id"], inner["parent_id"]) == (None, outer["span_id"])
    assert inner["trace_id"] == outer["trace_id"]
    assert re.fullmatch(r"[0-9a-f]{32}", outer["trace_id"])
    assert re.fullmatch(r"[0-9a-f]{16}", outer["span_id"])
    assert outer["attributes"] == {"slug": "nyc", "count": 3, "late": True}
    assert outer["status"] == "UNSET"
    assert 0 <= inner["duration_ms"] <= outer["duration_ms"] < 10_000
    assert abs(datetime.now(UTC) - datetime.fromisoformat(outer["start"])) < timedelta(minutes=1)
    assert outer["logging.googleapis.com/trace"] == f"projects/my-project/traces/{outer['trace_id']}"


def test_requests_that_end_together_leave_all_their_lines_whole(run_program: Run) -> None:
    lines = run_program(
        """
import threading
def serve(thread):
    for number in range(200):
        with start_span("outer", {"thread": thread, "number": number}), start_span("inner"):
            pass
threads = [threading.Thread(target=serve, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    )
    outer = [
        (line["attributes"]["thread"], line["attributes"]["number"])
        for line in lines
        if line["name"] == "outer"
    ]
    assert sorted(outer) == [(thread, number) for thread in range(8) for number in range(200)]
    assert len(lines) == 2 * len(outer)


def test_separate_requests_have_separate_traces(run_program: Run) -> None:
    first, second = run_program("for _ in range(2):\n  with start_span('a'): pass")
    assert first["trace_id"] != second["trace_id"]


def test_an_inbound_traceparent_is_continued_and_passed_on(run_program: Run) -> None:
    lines = run_program(
        f"""
from werkzeug.datastructures import Headers
parent = extract_context(Headers({{"TraceParent": {TRACEPARENT!r}, "tracestate": "vendor=1", "Accept": "x"}}))
with start_span("sql.run", parent=parent):
    assert current_trace_id() == {TRACE_ID!r}
    headers = inject_context()
    assert headers["tracestate"] == "vendor=1"
    print('"' + headers["traceparent"] + '"')
"""
    )
    assert (lines[1]["trace_id"], lines[1]["parent_id"]) == (TRACE_ID, PARENT_ID)
    assert lines[0] == f"00-{TRACE_ID}-{lines[1]['span_id']}-01"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"00-{TRACE_ID[:-1]}g-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{PARENT_ID}",
        "00-☀-1-01",
        TRACEPARENT * 100,
    ],
)
def test_a_malformed_traceparent_is_ignored(run_program: Run, value: str) -> None:
    [line] = run_program(
        f"headers = {{'traceparent': {value!r}, 'tracestate': '=,='}}\n"
        "with start_span('a', parent=extract_context(headers)): pass"
    )
    assert line["parent_id"] is None
    assert line["trace_id"] not in {TRACE_ID, "0" * 32}


def test_a_caller_that_asks_not_to_be_sampled_keeps_its_trace_id_and_leaves_no_line(run_program: Run) -> None:
    lines = run_program(
        f"""
with start_span("a", parent=extract_context({{"traceparent": "00-{TRACE_ID}-{PARENT_ID}-00"}})):
    print('"' + current_trace_id() + '"')
"""
    )
    assert lines == [TRACE_ID]


UNASKED = f"extract_context({{'traceparent': '00-{TRACE_ID}-{PARENT_ID}-00'}})"
WORTH_IT = {
    "failed inside": """
try:
    with start_span("inner"):
        raise BudgetExceededError("No room.")
except BudgetExceededError: pass
""",
    "failed at the end": "outer.set_status(Status(StatusCode.ERROR, 'No.'))",
    "slow": "time.sleep(0.2)",
    "spent": "with start_span('bigquery.start', {'gcp.bigquery.job_id': 'job-1'}): pass",
    "spent in a thread": """
context = contextvars.copy_context()
def work():
    with start_span('bigquery.start', {'gcp.bigquery.job_id': 'job-1'}): pass
thread = threading.Thread(target=context.run, args=(work,)); thread.start(); thread.join()
""",
}


def write_unasked_request(worth: str) -> str:
    """A request that asks for no spans, with one before and one after what makes it worth them."""
    return f"""
import contextvars, threading, time
from opentelemetry.trace import Status, StatusCode
with start_span("outer", parent={UNASKED}) as outer:
    with start_span("before"): pass
{"".join(f"    {line}{chr(10)}" for line in worth.strip().splitlines())}
    with start_span("after"): pass
    assert inject_context()["traceparent"].endswith("-00")
"""


@pytest.mark.parametrize("worth", WORTH_IT.values(), ids=WORTH_IT)
def test_a_request_that_asks_for_no_spans_leaves_them_when_it_was_worth_it(
    run_program: Run, worth: str
) -> None:
    lines = run_program(write_unasked_request(worth), trace_slow_seconds="0.15")
    assert {line["trace_id"] for line in lines} == {TRACE_ID}
    names = [line["name"] for line in lines]
    assert names[0] == "before"
    assert names[-2:] == ["after", "outer"]
    outer = lines[-1]
    assert outer["parent_id"] == PARENT_ID
    assert {line["parent_id"] for line in lines[:-1]} == {outer["span_id"]}


def test_of_two_requests_in_one_trace_only_the_one_that_was_worth_it_leaves_spans(run_program: Run) -> None:
    lines = run_program(
        f"""
import threading
failing = threading.Event()
def go_well():
    with start_span("good", parent={UNASKED}):
        with start_span("inner"): failing.wait()
thread = threading.Thread(target=go_well); thread.start()
try:
    with start_span("bad", parent={UNASKED}):
        raise BudgetExceededError("No room.")
except BudgetExceededError: pass
failing.set(); thread.join()
"""
    )
    assert [line["name"] for line in lines] == ["bad"]


@pytest.mark.parametrize("worth", WORTH_IT.values(), ids=WORTH_IT)
def test_an_error_or_a_job_keeps_spans_by_otlp_too(run_program: Run, worth: str) -> None:
    _, spans = collect(run_program, write_unasked_request(worth), trace_slow_seconds="0.15")
    names = [span.name for span in spans]
    assert {"before", "after", "outer"} <= set(names)
    assert {span.trace_id.hex() for span in spans} == {TRACE_ID}
    (outer,) = [span for span in spans if span.name == "outer"]
    assert outer.parent_span_id.hex() == PARENT_ID


def test_by_otlp_too_nothing_is_sent_of_what_was_not_asked_for_and_went_well(run_program: Run) -> None:
    bodies, spans = collect(run_program, write_unasked_request("pass"))
    assert (bodies, spans) == ([], [])


def test_an_error_of_ours_gives_its_code_and_another_its_class(run_program: Run) -> None:
    ours, other, outer = run_program(
        """
with start_span("outer"):
    for error in (BudgetExceededError("No room."), KeyError("x")):
        try:
            with start_span("inner"):
                raise error
        except type(error):
            pass
"""
    )
    assert (ours["status"], ours["status_message"]) == ("ERROR", "No room.")
    assert ours["attributes"]["error.type"] == "BUDGET_EXCEEDED"
    assert other["attributes"]["error.type"] == "builtins.KeyError"
    assert outer["status"] == "UNSET"


def test_outside_of_spans_there_is_no_trace_id_and_nothing_to_pass_on(run_program: Run) -> None:
    run_program("assert current_trace_id() == '0' * 32; assert inject_context() == {}")


def test_without_an_exporter_ids_are_made_all_the_same(run_program: Run) -> None:
    lines = run_program(
        "with start_span('a'):\n  assert inject_context()\n  print('\"' + current_trace_id() + '\"')",
        otel_traces_exporter="none",
    )
    assert len(lines) == 1
    assert re.fullmatch(r"(?!0{32})[0-9a-f]{32}", str(lines[0]))


def test_configuring_again_changes_nothing(run_program: Run) -> None:
    lines = run_program("configure_tracing(settings, 'other')\nwith start_span('a'): pass")
    assert [line["service"] for line in lines] == ["sql_run"]


def test_threads_and_forked_workers_write_whole_lines(run_program: Run) -> None:
    lines = run_program(
        """
import os
from concurrent.futures import ThreadPoolExecutor

def work(number):
    with start_span("outer", {"number": number}):
        with start_span("inner"):
            logging.getLogger("test").info("in %s", number)

workers = [pid for _ in range(2) if (pid := os.fork()) or os._exit(
    [work(n) for n in range(20)] and 0
)]
with ThreadPoolExecutor(8) as pool:
    list(pool.map(work, range(200)))
for pid in workers:
    assert os.waitpid(pid, 0)[1] == 0
"""
    )
    assert len([line for line in lines if line.get("name") == "outer"]) == 240
    assert len([line for line in lines if line.get("name") == "inner"]) == 240
    assert len([line for line in lines if "message" in line]) == 240
    spans = [line for line in lines if line.get("type") == "span"]
    assert len({span["span_id"] for span in spans}) == 480


@pytest.mark.usefixtures("programs")
def test_importing_tracing_does_not_import_the_sdk() -> None:
    program = "import sys, shared.telemetry.tracing; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def collect(run_program: Run, statements: str, path: str = "", **settings: str) -> tuple[list, list]:
    """What a collector received of a program: requests with their paths, and the spans in them."""
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        lines = run_program(
            statements,
            otel_traces_exporter="otlp",
            otel_exporter_otlp_endpoint=f"http://127.0.0.1:{server.server_port}{path}",
            **settings,
        )
        server.shutdown()
        thread.join()
    assert lines == []
    resources = [
        resource
        for _, body in received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
    ]
    spans = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
    return [
        (where, resource.resource) for (where, _), resource in zip(received, resources, strict=True)
    ], spans


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_otlp_sends_the_spans_to_a_collector(run_program: Run, path: str) -> None:
    [(where, resource)], spans = collect(run_program, "with start_span('a', {'slug': 'nyc'}): pass", path)
    assert where == "/v1/traces"
    described = {item.key: item.value.string_value for item in resource.attributes}
    assert (described["service.name"], described["service.version"]) == ("sql_run", "1.2.3")
    assert [span.name for span in spans] == ["a"]


def test_a_missing_collector_does_not_disturb_the_request(run_program: Run) -> None:
    lines = run_program(
        """
import time
started = time.monotonic()
for _ in range(100):
    with start_span("a"): pass
assert time.monotonic() - started < 1
logging.getLogger("opentelemetry").disabled = True
logging.disable()
""",
        otel_traces_exporter="otlp",
        otel_exporter_otlp_endpoint=f"http://127.0.0.1:{pick_free_port()}",
    )
    assert lines == []


def test_a_span_costs_the_request_little(run_program: Run) -> None:
    """A request with four spans, written to a pipe: the bound is wide, since machines that test are busy."""
    lines = run_program(
        """
import sys, time
def request():
    with start_span("outer", {"a": 1, "b": "x"}):
        for _ in range(3):
            with start_span("inner", {"a": 1}): pass
for _ in range(50): request()
costs = []
for _ in range(200):
    started = time.perf_counter(); request(); costs.append((time.perf_counter() - started) / 4)
print(sorted(costs)[20] * 1e6)
"""
    )
    assert float(str(lines[-1])) < 200
