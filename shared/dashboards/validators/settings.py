"""What stands at the top of a file: the format's version and the slug, refresh and budget.

The version is written as its number; the slug is not the name of a route, and is the name of its file; schedules, time
zones, ages and limits are good and do not contradict each other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from zoneinfo import available_timezones

from shared.dashboards.definition.document import FORMAT_VERSION, RESERVED_SLUGS
from shared.dashboards.definition.field_types import read_duration, read_size
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import replace_plain, report, report_unknown_name
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.time_zones import is_time_zone

_DEFAULT_MAX_AGE, _DEFAULT_MAX_STALE = "24h", "7d"
_REFERENCE = datetime(2024, 1, 1)  # noqa: DTZ001 - a cron expression is checked without a zone


class VersionValidator:
    """A version with a decimal point, which to a JSON Schema is the whole number and to a reader is another version."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one diagnostic, at `version`."""
        version = document.root.get("version")
        if isinstance(version, float) and version == FORMAT_VERSION:
            written = str(FORMAT_VERSION)
            yield report(
                document,
                DiagnosticCode.UNSUPPORTED_VERSION,
                f"version {version} of the format is not read here",
                f"Write 'version: {written}'.",
                "/version",
                received=str(version),
                allowed=[written],
                edit=replace_plain(document, "/version", written),
            )


class SlugValidator:
    """Slugs that are taken by the service itself, and files with another name than their slug."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most two diagnostics, both at `slug`."""
        slug = document.slug
        if slug is None:
            return
        if slug in RESERVED_SLUGS:
            message = f"{slug!r} is the name of a route of this service"
            remedy = f"Choose another slug, for example {slug + '-dashboard'!r}."
            yield report(document, DiagnosticCode.RESERVED_SLUG, message, remedy, "/slug", received=slug)
        path = PurePosixPath(document.source.path)
        if path.suffix in (".yaml", ".yml") and path.stem != slug:
            yield report(
                document,
                DiagnosticCode.FILE_NAME_MISMATCH,
                f"the file is called {path.name[:200]}, not {slug[:80]}.yaml",
                "Rename the file, or change the slug.",
                "/slug",
                severity=Severity.WARNING,
                received=slug[:80],
            )


class RefreshValidator:
    """`refresh`: the schedule, its time zone, and that `max_stale` is no shorter than `max_age`."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one diagnostic per key."""
        refresh = document.root.get("refresh")
        if not isinstance(refresh, dict):
            return
        schedule, zone = refresh.get("schedule"), refresh.get("time_zone")
        if isinstance(schedule, str) and (reason := find_schedule_problem(schedule)):
            yield report(
                document,
                DiagnosticCode.INVALID_SCHEDULE,
                f"{schedule[:80]!r} is not a schedule: {reason}",
                "Write minute, hour, day of month, month, day of week, for example '0 6 * * *'.",
                "/refresh/schedule",
                received=schedule[:200],
            )
        elif isinstance(schedule, str):
            yield from _check_frequency(document, schedule)
        yield from _check_zone(document, zone, "/refresh/time_zone")
        yield from _check_ages(document, refresh.get("max_age"), refresh.get("max_stale"))


class TimeZoneValidator:
    """`time_zone`: the zone that moments are shown in."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one diagnostic."""
        yield from _check_zone(document, document.root.get("time_zone"), "/time_zone")


class BudgetValidator:
    """`budget` and `max_rows`: bounds that can never be reached because another one is lower."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """Warnings only: a bound that is too high does no harm."""
        budget = document.root.get("budget")
        sizes = _read_sizes(budget) if isinstance(budget, dict) else {}
        keys = [key for key in ("per_query", "per_refresh", "per_day") if key in sizes]
        for narrow, wide in pairwise(keys):
            if sizes[narrow] > sizes[wide]:
                message = f"{narrow} is larger than {wide}, which ends it first"
                remedy = f"Lower {narrow}, or raise {wide}."
                yield report(
                    document, DiagnosticCode.BUDGET_ORDER, message, remedy, f"/budget/{narrow}",
                    severity=Severity.WARNING,
                )  # fmt: skip
        yield from _check_rows(document)


@lru_cache(maxsize=4096)
def find_schedule_problem(schedule: str) -> str | None:
    """Why `schedule` is not a cron expression of five fields that ever comes, or None."""
    from croniter import CroniterBadDateError, CroniterError, croniter

    # As the published schema splits it: other white space stands inside a field.
    fields = [field for field in re.split(r"[ \t\r\n]+", schedule) if field]
    if len(fields) != 5:
        return f"it has {len(fields)} fields instead of 5"
    if any(character in schedule.upper() for character in "#?_~") or "H" in schedule.upper().replace(
        "THU", ""
    ):
        return "only numbers, names, *, ranges, lists and steps are accepted"
    try:
        croniter(schedule, _REFERENCE, max_years_between_matches=9).get_next(datetime)
    except CroniterBadDateError:
        return "there is no such date"
    except CroniterError as error:
        return str(error).rstrip(".")[:200]
    except (ValueError, KeyError, IndexError):
        return "a field cannot be read"
    return None


def _check_frequency(document: ParsedDashboard, schedule: str) -> Iterator[Diagnostic]:
    # Loaded by what has a schedule alone, as croniter is.
    from shared.dashboards.definition.schedule import HEARTBEAT_MINUTES, count_per_month, thin_out

    frequency = count_per_month(schedule)
    if frequency.refreshes < frequency.fires:
        possible = thin_out(schedule)
        yield report(
            document,
            DiagnosticCode.SCHEDULE_TOO_OFTEN,
            f"{schedule[:80]!r} comes {frequency.fires} times a month and is refreshed {frequency.refreshes} times:"
            f" what is due is looked for every {HEARTBEAT_MINUTES} minutes",
            f"Write {possible[:80]!r}: no two of its times fall between two of those looks.",
            "/refresh/schedule",
            severity=Severity.WARNING,
            received=schedule[:200],
        )


def _check_zone(document: ParsedDashboard, zone: object, pointer: str) -> Iterator[Diagnostic]:
    if isinstance(zone, str) and not is_time_zone(zone):
        names = sorted(filter(is_time_zone, available_timezones()))
        code = DiagnosticCode.INVALID_TIME_ZONE
        yield report_unknown_name(document, code, "unknown time zone", zone, names, pointer)


def _check_ages(document: ParsedDashboard, max_age: object, max_stale: object) -> Iterator[Diagnostic]:
    age = _read_seconds(max_age if max_age is not None else _DEFAULT_MAX_AGE)
    stale = _read_seconds(max_stale if max_stale is not None else _DEFAULT_MAX_STALE)
    if age is None or stale is None or stale >= age:
        return
    yield report(
        document,
        DiagnosticCode.STALE_BEFORE_AGED,
        f"max_stale is {max_stale or _DEFAULT_MAX_STALE}, shorter than max_age {max_age or _DEFAULT_MAX_AGE}",
        "Raise max_stale: answers would vanish before they are due to be computed again.",
        "/refresh/max_stale" if max_stale is not None else "/refresh/max_age",
    )


def _read_seconds(value: object) -> int | None:
    try:
        return read_duration(value)
    except ValueError:
        return None


def _read_sizes(budget: Mapping[str, object]) -> dict[str, int]:
    sizes = {}
    for key, value in budget.items():
        try:
            sizes[key] = read_size(value)
        except ValueError:
            continue
    return sizes


def _check_rows(document: ParsedDashboard) -> Iterator[Diagnostic]:
    limit = document.limits.max_rows_per_query
    for pointer, _, query in document.queries():
        rows = query.get("max_rows")
        if isinstance(rows, int | float) and not isinstance(rows, bool) and rows > limit:
            message = f"max_rows is {rows}; this environment keeps at most {limit}"
            place = f"{pointer}/max_rows"
            yield report(
                document, DiagnosticCode.ROWS_OVER_LIMIT, message, f"Write at most {limit}.", place,
                severity=Severity.WARNING, received=str(rows), allowed=[f"at most {limit}"],
            )  # fmt: skip
