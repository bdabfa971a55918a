"""Calls to Google Cloud Storage: a deadline, retries that are ours, errors that are ours, and a pause after silence.

The client's own retry waits up to two minutes and more; it is switched off (`retry=None`) in every call.
"""

import time
from collections.abc import Callable
from functools import cache

from shared.circuit import CircuitBreaker
from shared.errors import AlmanacError, DependencyUnavailableError

PAUSE_SECONDS = 5.0
"""How long a service that let a caller wait in vain is left alone."""
_FIRST_DELAY_SECONDS = 0.1
_SHORTEST_TIMEOUT_SECONDS = 0.05


class TryAgainError(Exception):
    """Raised inside an operation that should be repeated."""


class GcsCalls:
    """The calls of one store; safe between threads.

    `timeout_seconds` bounds each call, repetitions included. One that meets nothing but silence ends that way, and for
    PAUSE_SECONDS no other is made. A service that answers with errors is no silent one, and is asked each time.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._breaker = CircuitBreaker(PAUSE_SECONDS)

    def require(self) -> None:
        """Raise DependencyUnavailableError while the service is left alone; for what makes one call or many."""
        if not self._breaker.allows():
            raise DependencyUnavailableError(
                "Google Cloud Storage is left alone: it did not answer a moment ago."
            )

    def run[T](self, operation: Callable[[float], T]) -> T:
        """Run `operation(seconds_left)` until it succeeds, fails for good or the time is up.

        Only give it operations that may be repeated. Whatever Google's libraries raise becomes
        DependencyUnavailableError; the project's own errors pass.
        """
        began = time.monotonic()
        try:
            answer = _repeat(operation, began + self._timeout_seconds)
        except DependencyUnavailableError as error:
            if isinstance(error.__cause__, _list_silences()):
                self._breaker.note_silence(began)
            else:
                self._breaker.note_answer()
            raise
        except AlmanacError:
            self._breaker.note_answer()
            raise
        self._breaker.note_answer()
        return answer


def _repeat[T](operation: Callable[[float], T], deadline: float) -> T:
    delay = _FIRST_DELAY_SECONDS
    while True:
        try:
            return operation(max(deadline - time.monotonic(), _SHORTEST_TIMEOUT_SECONDS))
        except AlmanacError:
            raise
        except _list_transient_errors() as error:
            if time.monotonic() + delay >= deadline:
                raise _describe(error) from error
            time.sleep(delay)
            delay *= 2
        except _list_final_errors() as error:
            raise _describe(error) from error


@cache
def _list_silences() -> tuple[type[Exception], ...]:
    """What is raised where nobody answered; a refused connection, too, costs its caller all repetitions."""
    import requests
    from google.auth.exceptions import TransportError

    return requests.ConnectionError, requests.Timeout, TransportError


@cache
def _list_transient_errors() -> tuple[type[Exception], ...]:
    """What may pass: https://cloud.google.com/storage/docs/retry-strategy."""
    import requests
    from google.api_core import exceptions
    from google.cloud.storage.exceptions import DataCorruption

    return (
        *_list_silences(),
        TryAgainError,
        exceptions.TooManyRequests,
        exceptions.ServerError,
        requests.exceptions.ChunkedEncodingError,
        DataCorruption,
    )


@cache
def _list_final_errors() -> tuple[type[Exception], ...]:
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import InvalidResponse

    return GoogleAPIError, GoogleAuthError, InvalidResponse, requests.RequestException


def _describe(error: Exception) -> DependencyUnavailableError:
    remediation = None
    if type(error).__name__ in {"NotFound", "Forbidden", "Unauthorized", "DefaultCredentialsError"}:
        remediation = "Check that the bucket exists and that this service account may use it."
    return DependencyUnavailableError(
        f"Google Cloud Storage did not answer as it should ({type(error).__name__}).", remediation=remediation
    )
