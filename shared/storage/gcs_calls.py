"""One call to Google Cloud Storage: a deadline, retries that are ours, and errors that are ours.

The client's own retry waits up to two minutes and more; it is switched off (`retry=None`) in every call.
"""

import time
from collections.abc import Callable
from functools import cache

from shared.errors import AlmanacError, DependencyUnavailableError

_FIRST_DELAY_SECONDS = 0.1
_SHORTEST_TIMEOUT_SECONDS = 0.05


class TryAgainError(Exception):
    """Raised inside an operation that should be repeated."""


def run_call[T](operation: Callable[[float], T], timeout_seconds: float) -> T:
    """Run `operation(seconds_left)` until it succeeds, fails for good or the time is up.

    Only give it operations that may be repeated. Whatever Google's libraries raise becomes
    DependencyUnavailableError; the project's own errors pass.
    """
    deadline = time.monotonic() + timeout_seconds
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
def _list_transient_errors() -> tuple[type[Exception], ...]:
    """What may pass: https://cloud.google.com/storage/docs/retry-strategy."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import TransportError
    from google.cloud.storage.exceptions import DataCorruption

    return (
        TryAgainError,
        exceptions.TooManyRequests,
        exceptions.ServerError,
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        TransportError,
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
