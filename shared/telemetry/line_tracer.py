"""OpenTelemetry's API over lines of JSON on standard output, without its SDK.

The SDK's span with its processor, limits and metrics costs more than all else that `/data` does, and its import a
tenth of a second of every cold start. What writes lines for Cloud Logging needs none of that.
"""

import random
import time
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.util.types import Attributes, AttributeValue

from shared.telemetry.span_lines import FinishedSpan, SpanLineWriter
from shared.telemetry.tail import Tail, is_telling

if TYPE_CHECKING:
    from opentelemetry.util._decorator import _AgnosticContextManager

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class LineTracerProvider(trace.TracerProvider):
    """Tracers whose finished spans go to `writer`; without one, spans have ids and leave no line.

    Of a request whose caller asked for none, they stay when it failed, spent, or took `slow_seconds`.
    """

    def __init__(self, writer: SpanLineWriter | None, slow_seconds: float) -> None:
        self._tracer = LineTracer(writer, slow_seconds)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """The one tracer there is."""
        return self._tracer


class LineTracer(Tracer):
    """Starts spans. A parent that asks not to be sampled is obeyed, unless the end tells otherwise."""

    def __init__(self, writer: SpanLineWriter | None, slow_seconds: float) -> None:
        self.writer = writer
        self._slow = int(slow_seconds * 1e9)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """See OpenTelemetry's Tracer; `kind` and `links` have no place in a line."""
        above = trace.get_current_span(context)
        given = above.get_span_context()
        parent = given if given.is_valid else None
        own = SpanContext(
            parent.trace_id if parent else random.getrandbits(128) or 1,
            random.getrandbits(64) or 1,
            is_remote=False,
            trace_flags=parent.trace_flags if parent else _SAMPLED,
            trace_state=parent.trace_state if parent else None,
        )
        sink = self._find_sink(own, above)
        return LineSpan(name, own, parent, dict(attributes or {}), start_time or time.time_ns(), sink)

    def _find_sink(self, own: SpanContext, above: trace.Span) -> "SpanLineWriter | TailSink | None":
        if self.writer is None or own.trace_flags.sampled:
            return self.writer
        return above.sink if isinstance(above, LineSpan) else TailSink(self.writer, self._slow)

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> "_AgnosticContextManager[trace.Span]":
        """See OpenTelemetry's Tracer; the span begins with the call."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        return trace.use_span(span, end_on_exit, record_exception, set_status_on_exception)


class TailSink:
    """Takes the spans of one request whose caller asked for none, and decides."""

    def __init__(self, writer: SpanLineWriter, slow_nanoseconds: int) -> None:
        self._tail = Tail(writer.write)
        self._slow = slow_nanoseconds

    def write(self, span: FinishedSpan) -> None:
        """Take a finished span."""
        is_outermost = span.parent is None or span.parent.is_remote
        is_slow = is_outermost and span.end - span.start >= self._slow
        self._tail.take(span, is_worth_it=is_slow or is_telling(span.status, span.attributes))


class LineSpan(trace.Span):
    """A span that is being recorded; used by one thread at a time. `sink` gets it when it ends."""

    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        attributes: dict[str, AttributeValue],
        start: int,
        sink: "SpanLineWriter | TailSink | None",
    ) -> None:
        self.sink = sink
        self._name = name
        self._context = context
        self._parent = parent
        self._attributes = attributes
        self._start = start
        self._status = Status(StatusCode.UNSET)
        self._ended = False

    def end(self, end_time: int | None = None) -> None:
        """Write the line; a second call changes nothing."""
        if self._ended:
            return
        self._ended = True
        if self.sink is not None:
            finished = FinishedSpan(
                self._name, self._context, self._parent, self._attributes, self._status,
                self._start, end_time or time.time_ns(),
            )  # fmt: skip
            self.sink.write(finished)

    def get_span_context(self) -> SpanContext:
        """Its ids."""
        return self._context

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes, until it ends."""
        if not self._ended:
            self._attributes.update(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Add one attribute, until it ends."""
        if not self._ended:
            self._attributes[key] = value

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Nothing: a line has no events; what happens inside a span is logged with its ids."""

    def update_name(self, name: str) -> None:
        """Rename it, until it ends."""
        if not self._ended:
            self._name = name

    def is_recording(self) -> bool:
        """True until it ends."""
        return not self._ended

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went; OK is final."""
        if not self._ended and self._status.status_code is not StatusCode.OK:
            self._status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add the exception's class and text as attributes; its stack is in the log."""
        kind: type[BaseException] = type(exception)
        self.set_attributes({"exception.type": kind.__qualname__, "exception.message": str(exception)})

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        if exc_val is not None:
            self.record_exception(exc_val)
            self.set_status(Status(StatusCode.ERROR, str(exc_val)))
        self.end()
