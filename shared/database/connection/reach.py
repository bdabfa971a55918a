"""Whether PostgreSQL answers this process: a server that hangs costs one caller its patience, not each of them."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pg8000.exceptions

from shared.circuit import CircuitBreaker
from shared.errors import DependencyUnavailableError

PAUSE_SECONDS = 5.0
"""How long a server that kept a caller waiting in vain is left alone."""
_PATIENCE_SHARE = 0.75
"""Of what a caller may wait in all: what was done before PostgreSQL was asked, validating say, took time, too."""
SILENT = "PostgreSQL is left alone: it did not answer a moment ago."
_LOGGER = logging.getLogger(__name__)


class DatabaseReach:
    """One for all connections of a process; safe between threads.

    A call is refused within `connect_timeout_seconds`; most of them, `patience_seconds`, are what it waits for a
    connection, from the first byte to the answer to a ping. A refusal by the server costs no time and is no silence:
    one that restarts is asked again at once.
    """

    def __init__(self, connect_timeout_seconds: float) -> None:
        self.patience_seconds = connect_timeout_seconds * _PATIENCE_SHARE
        self._breaker = CircuitBreaker(PAUSE_SECONDS)
        self._caller = threading.local()

    @property
    def is_lost(self) -> bool:
        """True from a silence until the next answer."""
        return self._breaker.is_open

    def require(self) -> None:
        """Raise DependencyUnavailableError while the server is left alone."""
        if self._breaker.is_left_alone:
            raise DependencyUnavailableError(SILENT)

    def has_answered_since(self, moment: float) -> bool:
        """Whether it answered anybody since `moment` of the monotonic clock."""
        return self._breaker.has_answered_since(moment)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """As `waiting`, unless the server is left alone; after a silence one caller at a time is let through."""
        if not self._breaker.allows():
            raise DependencyUnavailableError(SILENT)
        with self.waiting():
            yield

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what waits for the server: how that ends is noted, and `remaining_seconds` counts from here."""
        began = self._caller.began = time.monotonic()
        try:
            yield
        except DependencyUnavailableError:
            if time.monotonic() - began > self.patience_seconds / 2:
                self._note_silence(began)
            raise
        finally:
            self._caller.began = None
        self.note_answer()

    def note_answer(self) -> None:
        """The server answered, whatever it said."""
        if self._breaker.is_open:
            _LOGGER.warning("PostgreSQL answers again")
        self._breaker.note_answer()

    def remaining_seconds(self) -> float:
        """What is left of the caller's patience. Raises the driver's error when that is next to nothing."""
        began: float | None = getattr(self._caller, "began", None)
        if began is None:
            return self.patience_seconds
        remaining = self.patience_seconds - (time.monotonic() - began)
        if remaining < self.patience_seconds / 10:
            raise pg8000.exceptions.InterfaceError("network error")
        return remaining

    def _note_silence(self, began: float) -> None:
        was_lost = self._breaker.is_open
        self._breaker.note_silence(began)
        if self._breaker.is_open and not was_lost:
            # Counted: deploy/monitoring/log-metrics.json.
            _LOGGER.error(
                "PostgreSQL does not answer; what was known is believed meanwhile",
                extra={"database_lost": True},
            )
