"""BigQuery's failures as ours, in one table, and the one policy by which a call is made again.

Google's default retries an HTTP 500 for ten minutes, which a person waiting for an answer reads as a hang.
Here a call is tried again only for what BigQuery documents as worth retrying, and only inside its deadline:
https://cloud.google.com/bigquery/docs/error-messages.
"""

import concurrent.futures
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import (
    AlmanacError,
    BytesLimitExceededError,
    SqlInvalidError,
    WarehouseTimeoutError,
    WarehouseUnavailableError,
)
from shared.warehouse.bigquery.reasons import Reason, find_reason, is_page
from shared.warehouse.bigquery.refusal_kinds import read_refusal

if TYPE_CHECKING:
    from google.api_core.retry import Retry

_POSITION = re.compile(r"\bat \[(\d+):(\d+)\]")
_SUGGESTION = re.compile(r"; Did you mean (?P<name>[^\s?]+)\?")
# What BigQuery says of a table that was made with require_partition_filter; of one partitioned by the time its rows
# came in it names three pseudo columns.
_UNFILTERED = re.compile(
    r"Cannot query over table '(?P<table>[^']+)' without a filter over column\(s\) (?P<columns>'[^']+'(?:, '[^']+')*)"
)
_REQUIRED_BYTES = re.compile(r"limit for bytes billed: (\d+)\. (\d+) or higher required")


@contextmanager
def translated_failures(doing: str) -> Iterator[None]:
    """Raise what Google's client raises inside the block as one of our errors."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException, Timeout

    try:
        yield
    except GoogleAPICallError as error:
        raise translate_api_error(error) from error
    except RetryError as error:
        cause = error.cause
        if isinstance(cause, GoogleAPICallError):
            raise translate_api_error(cause) from error
        raise WarehouseUnavailableError(f"BigQuery cannot be reached while {doing}.") from error
    except (TimeoutError, concurrent.futures.TimeoutError, Timeout) as error:
        # Not the query's fault: making it cheaper would not bring an answer.
        raise WarehouseTimeoutError(
            f"BigQuery did not answer in time while {doing}.", remediation="Try again in a moment."
        ) from error
    except (RequestException, GoogleAuthError) as error:
        raise WarehouseUnavailableError(f"BigQuery cannot be reached while {doing}.") from error


def translate_api_error(error: Exception) -> AlmanacError:
    """Our error for an API failure; which one it is, `reasons` says."""
    described = _list_described(error)
    message = _find_message(error, described)
    if any(entry.get("reason") == "bytesBilledLimitExceeded" for entry in described):
        return _bytes_limit(message)
    reason = find_api_reason(error)
    if reason.error is SqlInvalidError:
        return sql_invalid(f"{reason.words}{message}", reason.remedy or _advise_filter(message))
    return reason.error(
        f"{reason.words}." if is_page(message) else f"{reason.words}{message}",
        remediation=reason.remedy,
        retry_after_seconds=reason.retry_after_seconds,
    )


def find_api_reason(error: Exception) -> Reason:
    """What Google documents about a failure that its client raised."""
    described = _list_described(error)
    names = [str(entry.get("reason")) for entry in described]
    return find_reason(names, int(getattr(error, "code", 0) or 0), _find_message(error, described))


def _list_described(error: Exception) -> list[Mapping[str, object]]:
    return [entry for entry in getattr(error, "errors", None) or [] if isinstance(entry, dict)]


def _advise_filter(message: str) -> str | None:
    unfiltered = _UNFILTERED.search(message)
    if unfiltered is None:
        return None
    columns = re.findall(r"'([^']+)'", unfiltered["columns"])
    column = "_PARTITIONDATE" if "_PARTITIONDATE" in columns else columns[0]
    return f"Filter on {column}, the partitioning column of {unfiltered['table']}."


def _find_message(error: Exception, described: Sequence[Mapping[str, object]]) -> str:
    """BigQuery's own words. The client's `message` wraps them in URL, location and job id."""
    for entry in described:
        if entry.get("message"):
            return str(entry["message"])
    return str(getattr(error, "message", "") or error)


def sql_invalid(message: str, remediation: str | None = None) -> SqlInvalidError:
    """SQL_INVALID with the position and the name meant that BigQuery gives, when it gives them."""
    position, meant = _POSITION.search(message), _SUGGESTION.search(message)
    detail: dict[str, object] = {}
    if position:
        detail |= {"line": int(position.group(1)), "column": int(position.group(2))}
    if meant:
        detail |= {"suggestion": meant["name"]}
        remediation = remediation or f"Did you mean {meant['name']}?"
    if not position and remediation is None:
        # The default speaks of a position.
        remediation = read_refusal(message).kind.value
    return SqlInvalidError(message, remediation=remediation, details=[detail] if detail else [])


def _bytes_limit(message: str) -> BytesLimitExceededError:
    numbers = _REQUIRED_BYTES.search(message)
    details: list[dict[str, object]] = []
    if numbers:
        details.append({"cap_bytes": int(numbers.group(1)), "required_bytes": int(numbers.group(2))})
    return BytesLimitExceededError(message, details=details)


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
