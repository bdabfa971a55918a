"""Leaving alone what does not answer, so that only the first of many calls waits for it."""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Says whether a server is worth a call; safe between threads.

    Silence opens it for `pause_seconds`; then one caller is let through, and how that ends decides for all.
    A server that answered anybody meanwhile is not silent, only slow with one call: that does not open it.
    `clock` gives seconds that never go back.
    """

    def __init__(self, pause_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.pause_seconds = pause_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._left_alone_until: float | None = None
        self._answered_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """True from a silence until the next answer, also while one caller is let through."""
        return self._left_alone_until is not None

    @property
    def is_left_alone(self) -> bool:
        """Whether nobody may call the server now. Unlike `allows`, asking lets nobody through."""
        until = self._left_alone_until
        return until is not None and self._clock() < until

    def has_answered_since(self, moment: float) -> bool:
        """Whether the server answered anybody since `moment`, by the clock."""
        return self._answered_at >= moment

    def allows(self) -> bool:
        """Whether to call the server now."""
        if self._left_alone_until is None:
            return True
        with self._lock:
            if self._left_alone_until is None:
                return True
            now = self._clock()
            if now < self._left_alone_until:
                return False
            self._left_alone_until = now + self.pause_seconds
            return True

    def note_answer(self) -> None:
        """The server answered, whatever it said."""
        self._answered_at = self._clock()
        self._left_alone_until = None

    def note_silence(self, waited_since: float) -> None:
        """A call that began at `waited_since`, by the clock, was given up without an answer."""
        with self._lock:
            if self._answered_at < waited_since:
                self._left_alone_until = self._clock() + self.pause_seconds
