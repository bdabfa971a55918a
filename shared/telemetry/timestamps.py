"""Times of day as text, quick enough to be written for every request."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=8)
def format_seconds(seconds: int) -> str:
    """A whole second since 1970 by RFC 3339 in UTC, without fraction and offset: `2026-01-31T23:59:59`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
