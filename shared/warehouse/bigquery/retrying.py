"""The one retry policy for calls to BigQuery.

Google's default retries an HTTP 500 for ten minutes, which a person waiting for an answer reads as a hang.
Here a call is tried again only for what BigQuery documents as worth retrying, and only inside its deadline:
https://cloud.google.com/bigquery/docs/error-messages.
"""

from typing import TYPE_CHECKING

from shared.warehouse.bigquery.failures import find_api_reason

if TYPE_CHECKING:
    from google.api_core.retry import Retry

# Long enough for a router to fail over, short enough that a person is told within seconds.
UNAVAILABLE_DEADLINE_SECONDS = 3.0


def is_retryable(error: BaseException) -> bool:
    """True for the failures BigQuery documents as transient, and for a connection that never formed."""
    from google.api_core.exceptions import GoogleAPICallError
    from requests.exceptions import ConnectionError as RequestsConnectionError

    if isinstance(error, RequestsConnectionError):
        return True
    return isinstance(error, GoogleAPICallError) and find_api_reason(error).call_again


def make_retry(deadline_seconds: float) -> "Retry":
    """A retry of `is_retryable` failures that gives up after `deadline_seconds`, or sooner when down."""
    from google.api_core.retry import Retry

    return Retry(
        predicate=is_retryable,
        initial=0.1,
        maximum=1.0,
        multiplier=2.0,
        timeout=min(deadline_seconds, UNAVAILABLE_DEADLINE_SECONDS),
    )
