"""BigQuery's failures as ours, in one table."""

import concurrent.futures
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from shared.errors import (
    AlmanacError,
    BytesLimitExceededError,
    InvalidRequestError,
    RateLimitedError,
    SqlInvalidError,
    TableNotAllowedError,
    WarehouseTimeoutError,
    WarehouseUnavailableError,
)
from shared.warehouse.bigquery.refusal_kinds import read_refusal

_POSITION = re.compile(r"\bat \[(\d+):(\d+)\]")
# What BigQuery says of a table that was made with require_partition_filter.
_UNFILTERED = re.compile(r"Cannot query over table '([^']+)' without a filter over column\(s\) '([^']+)'")
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
    """Our error for an API failure, by BigQuery's reason first and HTTP status second."""
    described = [entry for entry in getattr(error, "errors", None) or [] if isinstance(entry, dict)]
    reasons = {str(entry.get("reason")) for entry in described}
    message = _find_message(error, described)
    code = int(getattr(error, "code", 0) or 0)
    if "bytesBilledLimitExceeded" in reasons:
        return _bytes_limit(message)
    if reasons & {"rateLimitExceeded", "quotaExceeded", "jobRateLimitExceeded"} or code == 429:
        return RateLimitedError(f"BigQuery limits this project: {message}", retry_after_seconds=30)
    unfiltered = _UNFILTERED.search(message)
    if unfiltered:
        table, column = unfiltered.groups()
        return sql_invalid(message, f"Filter on {column}, the partitioning column of {table}.")
    if "invalidQuery" in reasons or "notFound" in reasons or code == 404:
        return sql_invalid(message)
    if "accessDenied" in reasons or code == 403:
        return TableNotAllowedError(message, remediation="Grant this function's service account read access.")
    if "timeout" in reasons or "stopped" in reasons or code == 504:
        return WarehouseTimeoutError(message)
    if code in {400, 409} or "invalid" in reasons:
        return sql_invalid(message) if code == 400 else InvalidRequestError(message)
    return WarehouseUnavailableError(f"BigQuery answered {code or 'with an error'}: {message}")


def _find_message(error: Exception, described: Sequence[Mapping[str, object]]) -> str:
    """BigQuery's own words. The client's `message` wraps them in URL, location and job id."""
    for entry in described:
        if entry.get("message"):
            return str(entry["message"])
    return str(getattr(error, "message", "") or error)


def sql_invalid(message: str, remediation: str | None = None) -> SqlInvalidError:
    """SQL_INVALID with the position BigQuery names, when it names one."""
    position = _POSITION.search(message)
    details: list[dict[str, object]] = []
    if position:
        details.append({"line": int(position.group(1)), "column": int(position.group(2))})
    elif remediation is None:
        # The default speaks of a position.
        remediation = read_refusal(message).kind.value
    return SqlInvalidError(message, remediation=remediation, details=details)


def _bytes_limit(message: str) -> BytesLimitExceededError:
    numbers = _REQUIRED_BYTES.search(message)
    details: list[dict[str, object]] = []
    if numbers:
        details.append({"cap_bytes": int(numbers.group(1)), "required_bytes": int(numbers.group(2))})
    return BytesLimitExceededError(message, details=details)
