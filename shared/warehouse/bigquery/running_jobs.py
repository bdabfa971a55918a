"""The jobs of one call that are running, so that they can be stopped together."""

import threading

from shared.errors import WarehouseTimeoutError


class RunningJobs:
    """Ids of jobs somebody waits for. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job_ids: set[str] = set()
        self._is_closed = False

    def check_open(self) -> None:
        """Raise WarehouseTimeoutError when nobody waits any more: what has not begun must not begin to cost."""
        if self._is_closed:
            raise WarehouseTimeoutError("Nobody waits for this query any more; it was not started.")

    def add(self, job_id: str) -> None:
        """Note a job about to start; raises as `check_open` does."""
        with self._lock:
            self.check_open()
            self._job_ids.add(job_id)

    @property
    def is_closed(self) -> bool:
        """True when nobody waits any more."""
        return self._is_closed

    def remove(self, job_id: str) -> None:
        """Forget a job that is over, or that another worker pays for."""
        with self._lock:
            self._job_ids.discard(job_id)

    def close(self) -> set[str]:
        """Let nothing start any more; the jobs that were running."""
        with self._lock:
            self._is_closed = True
            return set(self._job_ids)
