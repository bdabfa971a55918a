"""Cron schedules: how often they fire."""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

_REFERENCE_YEAR = 2023
"""A common year that begins on a Sunday; any fixed year makes the count the same for the same schedule."""
_LEAP_YEARS = range(2021, 2025)
"""Four years in a row, for what a common year never sees: the 29th of February."""


@lru_cache(maxsize=1024)
def count_refreshes_per_month(schedule: str | None) -> Decimal:
    """Average number of times a month a five-field cron expression fires, to a hundredth; 0 without one.

    Counted over one year from the fields themselves: matching days times hours times minutes; over four years when
    there is no such day in one. A day matches as in POSIX cron: when day of month and day of week are both
    restricted, either is enough.
    """
    if schedule is None:
        return Decimal(0)
    minutes, hours, days, months, weekdays = croniter.expand(schedule)[0][:5]
    per_day = _count(minutes, 60) * _count(hours, 24)
    for years in ([_REFERENCE_YEAR], _LEAP_YEARS):
        matching = sum(_matches(day, days, months, weekdays) for day in _list_days(years))
        if matching:
            break
    return (Decimal(per_day * matching) / (12 * len(years))).quantize(Decimal("0.01"))


def is_due(schedule: str, time_zone: str, last_checked_at: datetime | None, now: datetime) -> bool:
    """True when the schedule, read in its own time zone, fired since `last_checked_at` (None: never checked)."""
    return last_checked_at is None or _find_last(schedule, time_zone, now) > last_checked_at


# Of a thousand dashboards most are refreshed at the same few times.
@lru_cache(maxsize=1024)
def _find_last(schedule: str, time_zone: str, now: datetime) -> datetime:
    """When the schedule fired last, before `now`."""
    fired: datetime = croniter(schedule, now.astimezone(ZoneInfo(time_zone))).get_prev(datetime)
    return fired


def _count(field: Sequence[object], size: int) -> int:
    return size if field == ["*"] else len(field)


def _list_days(years: Sequence[int]) -> list[date]:
    first = date(years[0], 1, 1)
    return [first + timedelta(days=offset) for offset in range((date(years[-1] + 1, 1, 1) - first).days)]


def _matches(day: date, days: Sequence[object], months: Sequence[object], weekdays: Sequence[object]) -> bool:
    if months != ["*"] and day.month not in months:
        return False
    last = calendar.monthrange(day.year, day.month)[1]
    in_days = day.day in days or ("l" in days and day.day == last)
    in_weekdays = day.isoweekday() % 7 in {int(str(w)) % 7 for w in weekdays if str(w).isdigit()}
    if days == ["*"]:
        return weekdays == ["*"] or in_weekdays
    return in_days or (weekdays != ["*"] and in_weekdays)
