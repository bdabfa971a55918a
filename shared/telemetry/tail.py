"""Which spans stay of a request whose caller asked for none.

Google's front end puts a `traceparent` that says "not sampled" on nearly every request
(https://cloud.google.com/trace/docs/trace-context), so obeying it alone would leave no trace of what went wrong.
Whether a request is worth its spans is known at its end: when it failed, took long, or spent.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping

from opentelemetry.trace import Status, StatusCode

JOB_ID = "gcp.bigquery.job_id"
"""The attribute of a span in which a job begins."""
# The latest of a request that nothing was found to be worth keeping of yet.
_MOST_SPANS = 1000


def is_telling(status: Status, attributes: Mapping[str, object] | None) -> bool:
    """True for a span for which its whole request is kept."""
    return status.status_code is StatusCode.ERROR or (attributes is not None and JOB_ID in attributes)


class Tail[S]:
    """The finished spans of one request in this process; `keep` gets them once one says that they are worth it."""

    def __init__(self, keep: Callable[[S], None]) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._waiting: deque[S] = deque(maxlen=_MOST_SPANS)
        self._is_kept = False

    def take(self, span: S, *, is_worth_it: bool) -> None:
        """A span has ended, in any thread."""
        with self._lock:
            self._is_kept = self._is_kept or is_worth_it
            self._waiting.append(span)
            ready = list(self._waiting) if self._is_kept else []
            if self._is_kept:
                self._waiting.clear()
        for one in ready:
            self._keep(one)
