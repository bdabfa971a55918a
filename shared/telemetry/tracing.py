"""Spans, trace ids, and the trace context of requests.

Only export by OTLP needs OpenTelemetry's SDK and imports it. Before `configure_tracing` is called, spans cost
nothing and record nothing.
"""

import threading
from collections.abc import Mapping
from contextvars import Token
from functools import cache
from types import TracebackType
from typing import Protocol

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from shared.errors import AlmanacError
from shared.settings import Settings

TRACER_NAME = "almanac"
_MAX_HEADER_CHARACTERS = 512
# W3C context only: baggage would let any caller put values into our processes.
_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER_NAMES = tuple(sorted(_PROPAGATOR.fields))
_lock = threading.Lock()
_is_configured = False


class Headers(Protocol):
    """Headers by name, whatever its case (Flask's), or a mapping with names in lower case."""

    def get(self, name: str, /) -> str | None:
        """The value, or None."""
        ...


def configure_tracing(settings: Settings, function_name: str) -> None:
    """Begin recording spans of the service `function_name`, exported as OTEL_TRACES_EXPORTER says.

    Call it on the first request, not at import: exporters may start a thread, which a fork would lose. Only
    the first call has an effect. A caller that asks not to be sampled (traceparent flag 00) is obeyed, unless the
    request fails, spends, or takes TRACE_SLOW_SECONDS.
    """
    global _is_configured
    if _is_configured:
        return
    with _lock:
        if not _is_configured:
            _install_provider(settings, function_name)
            _is_configured = True


class SpanBlock:
    """A span around a `with` block, current inside it. An exception that leaves the block is recorded.

    `leave_open` lets the span live on behind the block, until `close`, which must be called in the same context.
    """

    # A class, not a generator: one of these stands around every request, and a generator costs it twice as much.
    __slots__ = ("_is_left_open", "_span", "_token")
    _token: Token[Context]

    def __init__(self, span: Span) -> None:
        self._span = span
        self._is_left_open = False

    def __enter__(self) -> Span:
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            _record_error(self._span, error)
        elif self._is_left_open:
            return
        self.close()

    def leave_open(self) -> None:
        """Do not end the span with the block, unless an exception leaves it."""
        self._is_left_open = True

    def close(self) -> None:
        """End the span."""
        detach(self._token)
        self._span.end()


def start_span(
    name: str, attributes: Mapping[str, AttributeValue] | None = None, *, parent: Context | None = None
) -> SpanBlock:
    """A span, begun now, for a `with` block; a child of `parent`, or of the span that is current now.

    An exception that leaves the block is recorded, with `error.type` our error code or the exception's class.
    """
    # Not start_as_current_span: its two context managers cost more than the span.
    return SpanBlock(
        _get_tracer().start_span(
            name, parent, attributes=attributes, record_exception=False, set_status_on_exception=False
        )
    )


def extract_context(headers: Headers) -> Context:
    """The trace context a request came with; an empty one when there is none or it is malformed."""
    # OpenTelemetry would log a warning for a longer one, at any caller's wish.
    carrier = {
        name: value
        for name in _HEADER_NAMES
        if (value := headers.get(name)) is not None and len(value) <= _MAX_HEADER_CHARACTERS
    }
    return _PROPAGATOR.extract(carrier, Context()) if carrier else Context()


def inject_context(span: Span | None = None) -> dict[str, str]:
    """The headers that carry `span`, or the current one, on (`traceparent`); empty outside of spans."""
    context = (span or trace.get_current_span()).get_span_context()
    if not context.is_valid:
        return {}
    # By hand: OpenTelemetry's propagator takes as long as the rest of a span.
    flags = context.trace_flags
    headers = {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"}
    if context.trace_state:
        headers["tracestate"] = context.trace_state.to_header()
    return headers


def current_trace_id() -> str:
    """The current trace id, 32 hexadecimal digits; all zeros outside of spans."""
    return read_trace_id(trace.get_current_span())


def read_trace_id(span: Span) -> str:
    """The trace id of `span`, 32 hexadecimal digits."""
    return f"{span.get_span_context().trace_id:032x}"


@cache
def _get_tracer() -> trace.Tracer:
    # Asking the provider each time costs more than the span. One that was asked for before tracing was configured
    # finds the provider later.
    return trace.get_tracer(TRACER_NAME)


def _record_error(span: Span, error: Exception) -> None:
    if not span.is_recording():
        return
    kind = type(error)
    name = error.code.value if isinstance(error, AlmanacError) else f"{kind.__module__}.{kind.__qualname__}"
    span.set_attribute("error.type", name)
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, str(error)))


def _install_provider(settings: Settings, function_name: str) -> None:
    if settings.otel_traces_exporter == "otlp":
        from shared.telemetry.otlp import build_otlp_provider

        trace.set_tracer_provider(build_otlp_provider(settings, function_name))
        return
    from shared.telemetry.line_tracer import LineTracerProvider
    from shared.telemetry.span_lines import SpanLineWriter

    is_written = settings.otel_traces_exporter == "console"
    writer = SpanLineWriter(function_name, settings.google_cloud_project) if is_written else None
    trace.set_tracer_provider(LineTracerProvider(writer, settings.trace_slow_seconds))
