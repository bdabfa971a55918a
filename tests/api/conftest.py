"""A function of a small manifest, served by functions-framework's own app, without a server."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import functions_framework
import pytest
from flask.testing import FlaskClient
from opentelemetry import trace

from shared.api import endpoint as endpoint_module
from shared.api.manifest import load_manifest
from shared.container import Container, use_container
from shared.settings import Settings
from shared.telemetry.line_tracer import LineTracer
from shared.telemetry.span_lines import FinishedSpan, SpanLineWriter
from shared.telemetry.tracing import configure_tracing
from tests.api.fakes import FakeAuthenticator, RecordingActionLog

MANIFEST = """
defaults:
  {memory: 256Mi, cpu: 1, timeout_seconds: 10, concurrency: 4, min_instances: 0, max_instances: 1,
   service_account: {roles: []}, secrets: []}
functions:
  - name: things
    routes:
      - {path: /things, methods: [GET, POST], auth: public}
      - {path: "/things/{slug}", methods: [GET], auth: session}
      - {path: "/things/{slug}/versions/{version:int}", methods: [GET], auth: public}
      - {path: /edits, methods: [POST], auth: session, role: editor}
      - {path: /runs, methods: [POST], auth: scheduler, role: editor}
      - {path: /secrets, methods: [GET, POST], auth: admin}
"""


@pytest.fixture
def authenticator() -> FakeAuthenticator:
    return FakeAuthenticator()


@pytest.fixture
def action_log() -> RecordingActionLog:
    return RecordingActionLog()


@pytest.fixture
def container(authenticator: FakeAuthenticator, action_log: RecordingActionLog) -> Iterator[Container]:
    """A container whose callers and records a test can see; it opens no connection."""
    settings = Settings(otel_traces_exporter="none", max_body_bytes=1000, service_version="1.2.3")
    container = Container(settings)
    container.authenticator = authenticator
    container.action_log = action_log
    use_container(container)
    yield container
    use_container(None)


@pytest.fixture(autouse=True)
def _keep_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class RecordingSpanWriter(SpanLineWriter):
    """Keeps finished spans instead of writing them."""

    def __init__(self) -> None:
        super().__init__("things", "local")
        self._finished: list[FinishedSpan] = []

    def write(self, span: FinishedSpan) -> None:
        self._finished.append(span)

    def get_finished_spans(self) -> list[FinishedSpan]:
        return list(self._finished)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> RecordingSpanWriter:
    """The spans that end during the test."""
    configure_tracing(Settings(otel_traces_exporter="none"), "things")
    tracer = trace.get_tracer_provider().get_tracer("things")
    assert isinstance(tracer, LineTracer)
    writer = RecordingSpanWriter()
    monkeypatch.setattr(tracer, "writer", writer)
    return writer


type ServeHandler = Callable[..., FlaskClient]


@pytest.fixture
def serve_handler(container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServeHandler:
    """A client of the function `things`, whose handler is the body given: `serve_handler("return …")`."""
    (tmp_path / "functions.yaml").write_text(MANIFEST)
    manifest = load_manifest(tmp_path / "functions.yaml")
    monkeypatch.setattr(endpoint_module, "get_routes", lambda name: manifest.get(name).routes)

    def serve(
        body: str, *, name: str = "things", action: str | Mapping[str, str] | None = None
    ) -> FlaskClient:
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        source = tmp_path / "main.py"
        source.write_text(
            "import flask\n"
            "from pydantic import BaseModel\n"
            "from opentelemetry import trace\n"
            "from shared.api.endpoint import endpoint\n"
            "from shared.api.responses import Reply\n"
            "from shared.errors import *\n"
            "from shared.telemetry.tracing import start_span\n"
            f"\n@endpoint({name!r}, span='things.handle', action={action!r})\n"
            f"def {name}(call):\n{lines}\n"
        )
        app = functions_framework.create_app(name, str(source))
        return app.test_client()

    return serve
