"""Finished spans as JSON lines on standard output."""

import json
import logging
import sys
import threading
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as _quote
from typing import NamedTuple

from opentelemetry.trace import SpanContext, Status
from opentelemetry.util.types import AttributeValue

from shared.sizes import format_seconds

MAX_BUFFERED_LINES = 200
_LOGGER = logging.getLogger(__name__)
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


class FinishedSpan(NamedTuple):
    """What a line tells; `start` and `end` are nanoseconds since 1970."""

    name: str
    context: SpanContext
    parent: SpanContext | None
    attributes: Mapping[str, AttributeValue]
    status: Status
    start: int
    end: int


class SpanLineWriter:
    """Writes a line per span, all spans of a request at once.

    Lines wait until the outermost span of this process ends, so that a request costs one write to the pipe
    and not one for each of its spans; of requests that end together, one writes for all.
    """

    def __init__(self, service_name: str, project: str) -> None:
        self._service = _encode(service_name)
        self._trace_prefix = _encode(f"projects/{project}/traces/")[:-1]
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._lines: list[str] = []

    def write(self, span: FinishedSpan) -> None:
        """Take a finished span."""
        line = self._format(span)
        with self._lock:
            self._lines.append(line)
        has_local_parent = span.parent is not None and not span.parent.is_remote
        if not has_local_parent or len(self._lines) >= MAX_BUFFERED_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what waits, or leave it to the thread that is writing; lost when standard output is gone."""
        # Asked again after letting go: lines that came while this thread wrote are nobody else's.
        while self._lines and self._writing.acquire(blocking=False):
            try:
                self._write_waiting()
            finally:
                self._writing.release()

    def _write_waiting(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        try:
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
        except (OSError, ValueError):
            _LOGGER.debug("Standard output is gone; %d spans are lost", len(lines))

    def _format(self, span: FinishedSpan) -> str:
        trace_id = f"{span.context.trace_id:032x}"
        parent = f'"{span.parent.span_id:016x}"' if span.parent else "null"
        description = span.status.description
        message = f',"status_message":{_encode(description)}' if description else ""
        seconds, nanoseconds = divmod(span.start, 1_000_000_000)
        # Put together by hand: this runs for every span, and an encoder for the whole takes four times as long.
        return (
            f'{{"type":"span","name":{_encode(span.name)},"service":{self._service},"trace_id":"{trace_id}",'
            f'"span_id":"{span.context.span_id:016x}","parent_id":{parent},'
            f'"start":"{format_seconds(seconds)}.{nanoseconds // 1000:06d}+00:00",'
            f'"duration_ms":{round((span.end - span.start) / 1e6, 3)},"status":"{span.status.status_code.name}",'
            f'"attributes":{_encode_attributes(span.attributes)},'
            f'"logging.googleapis.com/trace":{self._trace_prefix}{trace_id}"{message}}}\n'
        )


def _encode_attributes(attributes: Mapping[str, AttributeValue]) -> str:
    """As JSON. What most of them are, text and whole numbers, needs no encoder."""
    members = [
        f"{_quote(name)}:{_quote(value) if type(value) is str else value if type(value) is int else _encode(value)}"
        for name, value in attributes.items()
    ]
    return f"{{{','.join(members)}}}"
