"""What a job billed, how exact a count of bytes is, and what one refresh of one dashboard may bill."""

import threading
import time
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import BudgetExceededError


class Accuracy(StrEnum):
    """How exact a count of bytes is, in BigQuery's words (JobStatistics2.totalBytesProcessedAccuracy)."""

    PRECISE = "PRECISE"
    LOWER_BOUND = "LOWER_BOUND"
    UPPER_BOUND = "UPPER_BOUND"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Bill:
    """What a job that is over billed; `byte_count` is None where BigQuery does not tell.

    It tells no bytes of a query over tables with row-level security:
    https://cloud.google.com/bigquery/docs/best-practices-row-level-security#limit-side-channel.
    """

    byte_count: int | None

    def __add__(self, other: "Bill") -> "Bill":
        if self.byte_count is None or other.byte_count is None:
            return Bill(None)
        return Bill(self.byte_count + other.byte_count)


class RefreshBudget:
    """Bytes one refresh may bill in all; lives as long as the refresh, in one process. Safe between threads."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._billed = 0
        self._reserved = 0
        self._changed = threading.Condition()

    def take(self, byte_count: int, timeout_seconds: float) -> None:
        """Hold bytes for a job. Raises BudgetExceededError when they do not fit.

        Jobs side by side hold more than they will bill: what fits once they have settled waits for them, for
        at most `timeout_seconds`, so that the order in which jobs end decides nothing.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while self._billed + self._reserved + byte_count > self._limit:
                remaining_seconds = deadline - time.monotonic()
                never_fits = self._billed + byte_count > self._limit
                if never_fits or self._reserved == 0 or remaining_seconds <= 0:
                    raise self._refuse(byte_count)
                self._changed.wait(remaining_seconds)
            self._reserved += byte_count

    def settle(self, held: int, billed: int) -> None:
        """Replace the bytes held for a job by those it billed."""
        with self._changed:
            self._reserved -= held
            self._billed += billed
            self._changed.notify_all()

    def _refuse(self, byte_count: int) -> BudgetExceededError:
        remaining = max(0, self._limit - self._billed - self._reserved)
        return BudgetExceededError(
            f"The query may bill up to {byte_count} bytes; this refresh has {remaining} of {self._limit} left.",
            remediation="Raise budget.per_refresh, or make the dashboard's queries cheaper.",
            details=[
                {
                    "scope": "refresh",
                    "key": "this refresh",
                    "limit_bytes": self._limit,
                    "used_bytes": self._billed,
                    "reserved_bytes": self._reserved,
                    "remaining_bytes": remaining,
                    "needed_bytes": byte_count,
                    "refused": True,
                    "resets_at": None,
                    "time_zone": None,
                }
            ],
        )
