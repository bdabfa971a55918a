"""A function as it really runs: gunicorn, over the wire, its output as a log collector reads it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from deploy.local.functions import build_function_spec
from deploy.local.supervision.process import Service, pick_free_port
from shared.api.manifest import get_manifest

HANDLER = """
import logging
import flask
from shared.api.endpoint import endpoint
from shared.telemetry.tracing import start_span

@endpoint("viewer", span="viewer.serve")
def viewer(call):
    if call.request.path == "/":
        raise RuntimeError("hunter2")

    def lines():
        for number in range(3):
            with start_span("line", {"number": number}):
                logging.getLogger("handler").warning("line %d", number)
            yield b"%d\\n" % number

    return flask.Response(lines(), content_type="application/x-ndjson")
"""


@dataclass(frozen=True)
class RunningFunction:
    url: str
    log_path: Path

    def call(self, path: str, **options: object) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            return http.get(self.url + path, timeout=20, **options)

    def read_log(self) -> list[dict]:
        """Its lines that are JSON; gunicorn's own first lines are not."""
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="module")
def function(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFunction]:
    folder = tmp_path_factory.mktemp("function")
    (folder / "viewer").mkdir()
    (folder / "viewer" / "main.py").write_text(HANDLER)
    port = pick_free_port()
    spec = build_function_spec(
        get_manifest().get("viewer"), port, {"OTEL_TRACES_EXPORTER": "console"}, folder, folder
    )
    with Service(spec).serving():
        yield RunningFunction(f"http://127.0.0.1:{port}", spec.log_path)


def test_an_unexpected_error_is_an_envelope_outside_and_a_stack_trace_in_the_log(function):
    answer = function.call("/")
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    trace_id = body["metadata"]["trace_id"]
    (entry,) = [
        line
        for line in function.read_log()
        if line.get("severity") == "ERROR" and line["logging.googleapis.com/trace"].endswith(trace_id)
    ]
    assert "RuntimeError: hunter2" in entry["message"]


def test_a_stream_is_one_trace_in_answer_spans_and_logs(function):
    answer = function.call("/openapi.json", headers={"X-Request-Id": "stream-request"})
    assert (answer.content, answer.headers["X-Request-Id"]) == (b"0\n1\n2\n", "stream-request")
    trace_id = answer.headers["traceparent"].split("-")[1]
    mine = [line for line in function.read_log() if trace_id in json.dumps(line)]
    spans = [line for line in mine if "duration_ms" in line]
    outer = next(span for span in spans if span["name"] == "viewer.serve")
    inner = [span for span in spans if span["name"] == "line"]
    assert [span["parent_id"] for span in inner] == [outer["span_id"]] * 3
    assert [line["message"] for line in mine if line.get("logger") == "handler"] == [
        "line 0",
        "line 1",
        "line 2",
    ]


def test_without_an_entry_in_the_manifest_the_process_ends_and_says_why(servers, tmp_path):
    folder = tmp_path / "strays"
    folder.mkdir()
    (folder / "main.py").write_text(HANDLER.replace("viewer", "strays"))
    entry = get_manifest().get("viewer").model_copy(update={"name": "strays"})
    spec = build_function_spec(entry, pick_free_port(), {}, tmp_path, tmp_path)
    service = Service(spec)
    service.start()
    try:
        assert service._process is not None
        assert service._process.wait(30) != 0
        log = spec.log_path.read_text()
    finally:
        service.stop()
    assert "'strays' has no entry in deploy/functions.yaml; every endpoint needs one" in log


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("module", ["shared.api.endpoint", "functions.data.main"])
def test_serving_loads_nothing_heavy(module):
    heavy = [
        "shared.api.openapi.document", "google.cloud.bigquery", "sqlglot", "pyarrow", "alembic", "jsonschema",
        "quickjs", "sqlalchemy", "yaml", "pg8000", "redis", "pydantic", "authlib", "opentelemetry.sdk",
    ]  # fmt: skip
    program = (
        "import importlib, sys\n"
        f"importlib.import_module({module!r})\n"
        "from shared.container import get_container\n"
        "get_container().data, get_container().authenticator\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
