"""`tail` for the spans of OpenTelemetry's SDK."""

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.util.types import Attributes

from shared.telemetry.tail import Tail, is_telling


class TailSampler(Sampler):
    """Samples what a caller asked for, and what nobody asked about; the rest is recorded, and decided at its end."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """See OpenTelemetry's Sampler."""
        parent = trace.get_current_span(parent_context).get_span_context()
        is_asked_for = not parent.is_valid or parent.trace_flags.sampled
        decision = Decision.RECORD_AND_SAMPLE if is_asked_for else Decision.RECORD_ONLY
        return SamplingResult(decision, attributes, parent.trace_state)

    def get_description(self) -> str:
        """Its name."""
        return "TailSampler"


class TailProcessor(SpanProcessor):
    """Hands spans on to `exporting`: sampled ones at once, others when their request was worth it."""

    def __init__(self, exporting: SpanProcessor, slow_seconds: float) -> None:
        self._exporting = exporting
        self._slow = slow_seconds * 1e9
        # By the ids of the spans that are open.
        self._tails: dict[int, Tail[ReadableSpan]] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Give a span that was not asked for the tail of its parent, or one of its own."""
        context, parent = span.get_span_context(), span.parent
        if context is None or context.trace_flags.sampled:
            return
        above = None if parent is None else self._tails.get(parent.span_id)
        self._tails[context.span_id] = above or Tail(lambda one: self._exporting.on_end(_mark_sampled(one)))

    def on_end(self, span: ReadableSpan) -> None:
        """Take a finished span."""
        context = span.get_span_context()
        tail = self._tails.pop(context.span_id, None) if context is not None else None
        if tail is None:
            self._exporting.on_end(span)
            return
        is_outermost = span.parent is None or span.parent.is_remote
        is_slow = is_outermost and (span.end_time or 0) - (span.start_time or 0) >= self._slow
        tail.take(span, is_worth_it=is_slow or is_telling(span.status, span.attributes))

    def shutdown(self) -> None:
        """Export what waits."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export what waits; False when that took too long."""
        return self._exporting.force_flush(timeout_millis)


def _mark_sampled(span: ReadableSpan) -> ReadableSpan:
    """The same span for an exporter, which passes over what is not sampled."""
    context = span.get_span_context()
    return ReadableSpan(
        name=span.name,
        context=context and SpanContext(
            context.trace_id, context.span_id, context.is_remote, TraceFlags(TraceFlags.SAMPLED),
            context.trace_state,
        ),
        parent=span.parent, resource=span.resource, attributes=span.attributes, events=span.events,
        links=span.links, kind=span.kind, status=span.status, start_time=span.start_time,
        end_time=span.end_time, instrumentation_scope=span.instrumentation_scope,
    )  # fmt: skip
