"""What a job billed, and how exact a count of bytes is."""

from dataclasses import dataclass
from enum import StrEnum


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
