"""A process that was told to stop ends its refreshes by itself, before it is killed.

Cloud Run sends SIGTERM and kills ten seconds later (https://cloud.google.com/run/docs/container-contract), and a
refresh may take half an hour. Killed, it would leave jobs that go on billing, and leases and reservations that
nobody may use until they run out. Ended in time it cancels, settles and gives back, and the next call goes on
where it left off, because every finished query is kept.
"""

import signal
import time
from collections.abc import Callable

from shared.errors import DependencyUnavailableError

RETRY_AFTER_SECONDS = 5


def is_worker_leaving() -> bool:
    """True when the gunicorn worker that this thread belongs to was told to stop; False anywhere else.

    gunicorn starts the workers itself and tells nobody; the handler it installs for SIGTERM is a method of the
    worker, and the worker's `alive` is what that method clears.
    """
    worker = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(worker, "alive", True) is False


class Departure:
    """The time this process has left for work that could go on elsewhere."""

    def __init__(self, drain_seconds: float, is_leaving: Callable[[], bool] = is_worker_leaving) -> None:
        self._drain_seconds = drain_seconds
        self._is_leaving = is_leaving
        self._noticed_at: float | None = None

    def check(self) -> None:
        """Raise DependencyUnavailableError when the process is leaving and `drain_seconds` are over."""
        if not self._is_leaving():
            return
        now = time.monotonic()
        if self._noticed_at is None:
            self._noticed_at = now
        if now - self._noticed_at >= self._drain_seconds:
            raise DependencyUnavailableError(
                "This instance is being stopped; what the refresh has finished is kept.",
                remediation="Call again: another instance goes on where this one left off.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
