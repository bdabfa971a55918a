"""Bodies that are made while they are sent."""

import contextvars
from collections.abc import Callable, Iterator


class TracedStream(Iterator[bytes]):
    """The chunks of a body, each made in the context of its request, so that spans and logs join its trace.

    A web server asks for chunks after the handler has returned. `finish` is called once, in the same context:
    with True after the last chunk, with False when the client left or a chunk could not be made.
    """

    def __init__(
        self, chunks: Iterator[bytes], context: contextvars.Context, finish: Callable[[bool], None]
    ) -> None:
        self._chunks = chunks
        self._context = context
        self._finish = finish
        self._open = True

    def __next__(self) -> bytes:
        try:
            return self._context.run(next, self._chunks)
        except StopIteration:
            self._end(complete=True)
            raise

    def close(self) -> None:
        """What WSGI servers call at the end, and when the client is gone."""
        self._end(complete=False)

    def _end(self, *, complete: bool) -> None:
        if self._open:
            self._open = False
            self._context.run(self._close_chunks, complete)

    def _close_chunks(self, complete: bool) -> None:
        try:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()
        finally:
            self._finish(complete)
