"""Cron schedules: how often they fire, and how often the heartbeat refreshes what they ask for."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from croniter import croniter

HEARTBEAT_MINUTES = 15
"""How far apart the looks for what is due are: the `schedule` of `precompute` in deploy/functions.yaml."""

_BEATS_PER_DAY = 24 * 60 // HEARTBEAT_MINUTES
_HUNDREDTH = Decimal("0.01")
_REFERENCE_YEAR = 2023
"""A common year that begins on a Sunday; any fixed year makes the count the same for the same schedule."""
_LEAP_YEARS = range(2021, 2025)
"""Four years in a row, for what a common year never sees: the 29th of February."""


@dataclass(frozen=True)
class Frequency:
    """How often a schedule fires and how often it is refreshed, on average times a month, to a hundredth."""

    fires: Decimal
    refreshes: Decimal


def count_refreshes_per_month(schedule: str | None) -> Decimal:
    """Average number of times a month the heartbeat finds a five-field cron expression due; 0 without one."""
    return Decimal(0) if schedule is None else count_per_month(schedule).refreshes


@lru_cache(maxsize=1024)
def count_per_month(schedule: str) -> Frequency:
    """How often a five-field cron expression fires a month, and at how many heartbeats that is a refresh.

    Counted over one year from the fields themselves: matching days times the moments of a day; over four years when
    there is no such day in one. A day matches as in POSIX cron: when day of month and day of week are both
    restricted, either is enough. What fires more than once between two heartbeats is refreshed once.
    """
    minutes, hours, days, months, weekdays = croniter.expand(schedule)[0][:5]
    moments = [hour * 60 + minute for hour in _list(hours, 24) for minute in _list(minutes, 60)]
    beats = {_find_beat(moment) for moment in moments}
    for years in ([_REFERENCE_YEAR], _LEAP_YEARS):
        matching = [day for day in _list_days(years) if _matches(day, days, months, weekdays)]
        if matching:
            break
    # The heartbeat of midnight takes what fired late on the day before, too.
    shared = _count_nights(matching) if {0, _BEATS_PER_DAY} <= beats else 0
    year = 12 * len(years)
    return Frequency(
        (Decimal(len(moments) * len(matching)) / year).quantize(_HUNDREDTH),
        (Decimal(len(beats) * len(matching) - shared) / year).quantize(_HUNDREDTH),
    )


def thin_out(schedule: str) -> str:
    """The schedule with the last minute before each heartbeat alone, and none before the next hour's first."""
    minutes = croniter.expand(schedule)[0][0]
    last = {_find_beat(minute): minute for minute in sorted(_list(minutes, 60))}
    if 0 in last:
        last.pop(60 // HEARTBEAT_MINUTES, None)  # the next hour's first
    kept = sorted(last.values())
    steps = kept == list(range(0, 60, HEARTBEAT_MINUTES))
    written = f"*/{HEARTBEAT_MINUTES}" if steps else ",".join(map(str, kept))
    return " ".join([written, *schedule.split()[1:]])


def is_due(schedule: str, time_zone: str, last_checked_at: datetime | None, now: datetime) -> bool:
    """True when the schedule, read in its own time zone, fired since `last_checked_at` (None: never checked)."""
    return last_checked_at is None or _find_last(schedule, time_zone, now) > last_checked_at


# Of a thousand dashboards most are refreshed at the same few times.
@lru_cache(maxsize=1024)
def _find_last(schedule: str, time_zone: str, now: datetime) -> datetime:
    """When the schedule fired last, before `now`."""
    fired: datetime = croniter(schedule, now.astimezone(ZoneInfo(time_zone))).get_prev(datetime)
    return fired


def _list(field: Sequence[int | str], size: int) -> list[int]:
    return list(range(size)) if field == ["*"] else [int(value) for value in field]


def _find_beat(moment: int) -> int:
    """The heartbeat that finds what fires at a minute of a day: that of the minute itself, or the next."""
    return -(-moment // HEARTBEAT_MINUTES)


def _count_nights(days: Sequence[date]) -> int:
    """How many of the days follow another one of them; the first day follows the last where they fill the years."""
    nights = sum(after - before == timedelta(days=1) for before, after in pairwise(days))
    is_round = (days[0].month, days[0].day, days[-1].month, days[-1].day) == (1, 1, 12, 31)
    return nights + is_round


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
