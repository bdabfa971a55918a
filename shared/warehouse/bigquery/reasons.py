"""Every reason that BigQuery documents for a failure: our error, its words, what to do, and whether to try again.

Source of reasons and advice: https://cloud.google.com/bigquery/docs/error-messages. What one reason stands for more
than once (access to a table, to a tag, to the API itself) is told apart by the words that BigQuery uses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import (
    AlmanacError,
    InvalidRequestError,
    PayloadTooLargeError,
    RateLimitedError,
    SqlInvalidError,
    TableNotAllowedError,
    WarehouseTimeoutError,
    WarehouseUnavailableError,
)


@dataclass(frozen=True)
class Reason:
    """What one reason means here.

    `words` come before BigQuery's own. `call_again` is for one HTTP call inside its deadline; `job_again` for a job
    that was done and had failed: once more, under a new id. `retry_after_seconds` is for who asked us.
    """

    name: str
    error: type[AlmanacError]
    words: str = ""
    remedy: str | None = None
    said: re.Pattern[str] | None = None
    call_again: bool = False
    job_again: bool = False
    retry_after_seconds: int | None = None


_INSIDE_GOOGLE = "BigQuery failed, not the query: "
_LIMITED = "BigQuery limits this project: "
_BUSY_SECONDS = 30


def _says(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# The first that fits counts, so the narrower of one name comes first.
REASONS: Sequence[Reason] = (
    Reason(
        "accessDenied", TableNotAllowedError, "A column is protected by a policy tag: ",
        "Leave the column out, or grant this function's service account the role Fine-Grained Reader on the tag.",
        said=_says(r"policy tag|fine-grained reader|masked get"),
    ),
    Reason(
        "accessDenied", WarehouseUnavailableError, "The BigQuery API is off: ",
        "Turn it on: gcloud services enable bigquery.googleapis.com --project=PROJECT. Then try again in a minute.",
        said=_says(r"has not been used in project|API .{0,40}disabled|SERVICE_DISABLED"),
    ),
    Reason(
        "accessDenied", TableNotAllowedError, "",
        "Grant this function's service account the role BigQuery Job User on the project that runs the jobs.",
        said=_says(r"bigquery\.jobs\.create"),
    ),
    Reason("accessDenied", TableNotAllowedError, "", "Grant this function's service account read access."),
    Reason(
        "accessNotConfigured", WarehouseUnavailableError, "The BigQuery API is off: ",
        "Turn it on: gcloud services enable bigquery.googleapis.com --project=PROJECT. Then try again in a minute.",
    ),
    Reason("attributeError", SqlInvalidError, "", "Correct the routine that the query calls."),
    Reason("backendError", WarehouseUnavailableError, _INSIDE_GOOGLE, call_again=True, job_again=True),
    Reason("badRequest", SqlInvalidError),
    Reason(
        "billingNotEnabled", WarehouseUnavailableError, "The project has no billing: ",
        "Link the project that runs the jobs to a billing account, or name another in GOOGLE_CLOUD_PROJECT.",
    ),
    Reason(
        "billingTierLimitExceeded", SqlInvalidError, "The query computes too much for the bytes it reads: ",
        "Join and sort fewer rows: filter and aggregate before the join.",
    ),
    Reason(
        "blocked", RateLimitedError, "BigQuery blocked this kind of call for a while: ",
        "Read the message: it says what was done too often. If it does not pass, ask Google's support.",
        retry_after_seconds=300,
    ),
    Reason("duplicate", InvalidRequestError),
    Reason("internalError", WarehouseUnavailableError, _INSIDE_GOOGLE, call_again=True, job_again=True),
    Reason("invalid", SqlInvalidError),
    Reason(
        "invalidQuery", SqlInvalidError, "",
        "Nothing is wrong with the query: try it at BigQuery (bq query --dry_run), or write it another way for here.",
        said=_says(r"^BigQuery takes this query; the local emulator cannot"),
    ),
    Reason("invalidQuery", SqlInvalidError),
    Reason(
        "invalidUser", WarehouseUnavailableError, "BigQuery does not know who asks: ",
        "Check this function's service account: it may be deleted, disabled or of another project.",
    ),
    Reason("jobBackendError", WarehouseUnavailableError, _INSIDE_GOOGLE, call_again=True, job_again=True),
    Reason("jobInternalError", WarehouseUnavailableError, _INSIDE_GOOGLE, call_again=True, job_again=True),
    Reason(
        "jobRateLimitExceeded", RateLimitedError, _LIMITED,
        call_again=True, job_again=True, retry_after_seconds=_BUSY_SECONDS,
    ),
    Reason("notFound", SqlInvalidError),
    Reason(
        "notImplemented", SqlInvalidError, "BigQuery cannot do this: ", "Write the query without it."
    ),
    Reason(
        "policyViolation", TableNotAllowedError, "A policy of the organisation forbids it: ",
        "Show the message to who keeps the organisation's policies (VPC Service Controls): it holds the id they need.",
    ),
    Reason(
        "proxyAuthenticationRequired", WarehouseUnavailableError, "A proxy on the way wants to know who asks: ",
        "Let this service reach BigQuery without that proxy.",
    ),
    # A quota of a day comes back with the day: asking again in half a minute helps nobody.
    Reason(
        "quotaExceeded", RateLimitedError, "A daily quota of this project is used up: ",
        "Wait until the quota's next day (it begins at midnight, Pacific Time), or raise it on the page Quotas of the "
        "Google Cloud console.",
        said=_says(r"per day|daily|QueryUsagePerDay|PerDay"),
    ),
    Reason("quotaExceeded", RateLimitedError, _LIMITED, retry_after_seconds=_BUSY_SECONDS),
    Reason("rateLimitExceeded", RateLimitedError, _LIMITED, call_again=True, retry_after_seconds=_BUSY_SECONDS),
    Reason("resourceInUse", WarehouseUnavailableError, "Something the query needs is in use: ", job_again=True),
    Reason(
        "resourcesExceeded", SqlInvalidError, "The query needs more memory or processor time than BigQuery gives one: ",
        "Make its largest step smaller: filter and aggregate before joins, and leave out ORDER BY without LIMIT.",
    ),
    Reason(
        "responseTooLarge", PayloadTooLargeError, "The result is larger than BigQuery hands out: ",
        "Aggregate in SQL, name fewer columns, or add LIMIT.",
    ),
    Reason("stopped", WarehouseTimeoutError),
    Reason("tableUnavailable", WarehouseUnavailableError, "A table cannot be read for the moment: ", job_again=True),
    Reason("timeout", WarehouseTimeoutError),
)  # fmt: skip

_BY_STATUS = {
    400: SqlInvalidError,
    403: TableNotAllowedError,
    404: SqlInvalidError,
    409: InvalidRequestError,
    504: WarehouseTimeoutError,
}
_BUSY_STATUS = frozenset({429, 500, 502, 503, 504})
# Google's client puts method and address before a body that is no JSON.
_HTML = re.compile(r"(?:^|: )\s*<(?:!doctype|html)", re.IGNORECASE)


def find_reason(names: Sequence[str], status: int, message: str) -> Reason:
    """What a failure means, by BigQuery's reasons first and the HTTP status second.

    `names` are empty where no JSON came: a page of HTML is Google's front end, which is busy.
    """
    for reason in REASONS:
        if reason.name in names and (reason.said is None or reason.said.search(message)):
            return reason
    if status in _BUSY_STATUS and (_HTML.search(message) or not message):
        words = f"Google's front end is busy (HTTP {status})"
        return Reason(
            "", WarehouseUnavailableError, words, call_again=True, retry_after_seconds=_BUSY_SECONDS
        )
    if status == 429:
        return Reason("", RateLimitedError, _LIMITED, call_again=True, retry_after_seconds=_BUSY_SECONDS)
    if status in _BY_STATUS:
        remedy = _by_name("accessDenied").remedy if status == 403 else None
        return Reason("", _BY_STATUS[status], remedy=remedy, call_again=status == 504 and not names)
    words = f"BigQuery answered {status or 'with an error'}: "
    return Reason("", WarehouseUnavailableError, words, call_again=status in _BUSY_STATUS and not names)


def is_page(message: str) -> bool:
    """True for HTML, which says nothing to who asked."""
    return _HTML.search(message) is not None


def _by_name(name: str) -> Reason:
    return next(reason for reason in REASONS if reason.name == name and reason.said is None)
