"""Cron schedules: how often they fire."""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from croniter import croniter

_REFERENCE_YEAR = 2023
"""A common year that begins on a Sunday; any fixed year makes the count the same for the same schedule."""


def count_refreshes_per_month(schedule: str | None) -> Decimal:
    """Average number of times a month a five-field cron expression fires, to a hundredth; 0 without one.

    Counted over one year from the fields themselves: matching days times hours times minutes. A day matches as
    in POSIX cron: when day of month and day of week are both restricted, either is enough.
    """
    if schedule is None:
        return Decimal(0)
    minutes, hours, days, months, weekdays = croniter.expand(schedule)[0][:5]
    per_day = _count(minutes, 60) * _count(hours, 24)
    matching = sum(_matches(day, days, months, weekdays) for day in _days_of_year())
    return (Decimal(per_day * matching) / 12).quantize(Decimal("0.01"))


def is_due(schedule: str, time_zone: str, last_checked_at: datetime | None, now: datetime) -> bool:
    """True when the schedule, read in its own time zone, fired since `last_checked_at` (None: never checked)."""
    fired: datetime = croniter(schedule, now.astimezone(ZoneInfo(time_zone))).get_prev(datetime)
    return last_checked_at is None or fired > last_checked_at


def _count(field: Sequence[object], size: int) -> int:
    return size if field == ["*"] else len(field)


def _days_of_year() -> list[date]:
    first = date(_REFERENCE_YEAR, 1, 1)
    return [first + timedelta(days=offset) for offset in range(365)]


def _matches(day: date, days: Sequence[object], months: Sequence[object], weekdays: Sequence[object]) -> bool:
    if months != ["*"] and day.month not in months:
        return False
    last = calendar.monthrange(day.year, day.month)[1]
    in_days = day.day in days or ("l" in days and day.day == last)
    in_weekdays = day.isoweekday() % 7 in {int(str(w)) % 7 for w in weekdays if str(w).isdigit()}
    if days == ["*"]:
        return weekdays == ["*"] or in_weekdays
    return in_days or (weekdays != ["*"] and in_weekdays)
