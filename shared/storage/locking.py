"""A lock between threads and processes, on a file."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import DependencyUnavailableError

_POLL_SECONDS = 0.005


@contextmanager
def lock_file(path: Path, timeout_seconds: float) -> Iterator[int]:
    """Hold the lock on `path`; yields its file descriptor, which child processes may be given to share it.

    Raises DependencyUnavailableError when somebody else holds it for longer than `timeout_seconds`. The
    kernel releases it when the last process that has the descriptor ends, however it ends.
    """
    # flock belongs to the open file, so threads that each open it exclude one another too.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, path, timeout_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise DependencyUnavailableError(
                    f"The blob store at {path.parent} is busy: its lock was held for {timeout_seconds:g} s."
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
