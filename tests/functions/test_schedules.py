"""Which dashboards are due, by an injected clock."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.api.manifest import get_manifest
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.definition.schedule import (
    HEARTBEAT_MINUTES,
    count_per_month,
    count_refreshes_per_month,
    is_due,
    thin_out,
)
from shared.dashboards.keys import pointer_key
from tests.fixtures.functions import SHOP, FunctionHost

# Fires so seldom that no tick falls between two lines of a test.
SCHEDULED = SHOP.replace("refresh: {", 'refresh: {schedule: "0 0 1 1 *", ')
A_YEAR = timedelta(days=366)
POINTER = pointer_key("shop", hash_variant({"day": "2024-01-01"}), 1)


def list_due(functions: FunctionHost, later: timedelta) -> list[str]:
    return functions.container.catalog.list_due_slugs(datetime.now(UTC) + later)


def test_a_scheduled_dashboard_is_due_until_it_was_checked_and_again_after_the_next_tick(
    functions: FunctionHost,
) -> None:
    functions.save_shop(SCHEDULED)
    assert list_due(functions, timedelta()) == ["shop"]
    functions.precompute_shop()
    assert list_due(functions, timedelta()) == []
    assert list_due(functions, A_YEAR) == ["shop"]


def test_a_missed_tick_makes_it_due_once(functions: FunctionHost) -> None:
    functions.save_shop(SCHEDULED)
    functions.precompute_shop()
    assert list_due(functions, 3 * A_YEAR) == ["shop"]


def read_later(functions: FunctionHost, later: timedelta) -> int:
    """Read the dashboard at a later time; the status."""
    container = functions.container
    container.clock = lambda: datetime.now(UTC) + later
    vars(container).pop("data", None)
    functions.forget_cached(POINTER)  # a minute later it is gone anyway
    return functions.call("data", "GET", "/data/shop").status_code


def test_a_dashboard_without_a_schedule_that_nobody_reads_is_never_due(computed_shop: FunctionHost) -> None:
    assert computed_shop.call("data", "GET", "/data/shop").status_code == 200
    assert list_due(computed_shop, A_YEAR) == []


@pytest.mark.parametrize(("hours", "status"), [(25, 200), (24 * 8, 404)])
def test_a_dashboard_without_a_schedule_is_due_once_somebody_read_it_stale(
    computed_shop: FunctionHost, hours: int, status: int
) -> None:
    assert computed_shop.call("data", "GET", "/data/shop").status_code == 200
    assert list_due(computed_shop, timedelta(hours=hours)) == []
    assert read_later(computed_shop, timedelta(hours=hours)) == status
    assert list_due(computed_shop, timedelta(hours=hours)) == ["shop"]
    for name in ("refresher", "precompute"):
        vars(computed_shop.container).pop(name, None)
    response = computed_shop.call("precompute", "POST", "/precompute", json={"due": True})
    assert [one["slug"] for one in response.json["data"]["results"]] == ["shop"]
    assert response.json["data"]["results"][0]["totals"]["bytes_billed"] == 0
    assert list_due(computed_shop, timedelta(hours=hours)) == []
    assert not computed_shop.call("data", "GET", "/data/shop").json["data"]["stale"]


def test_a_schedule_says_when_and_reading_changes_nothing(functions: FunctionHost) -> None:
    functions.save_shop(SCHEDULED)
    functions.precompute_shop()
    assert read_later(functions, timedelta(hours=25)) == 200
    assert list_due(functions, timedelta(hours=25)) == []


@pytest.mark.parametrize(
    ("now", "checked", "due"),
    [
        # New York springs forward on 2024-03-10: 02:30 does not exist and fires at 03:00 or not at all that day.
        ("2024-03-10T12:00:00+00:00", "2024-03-08T12:00:00+00:00", True),
        # It falls back on 2024-11-03: 01:30 comes twice; one refresh after either is enough by noon.
        ("2024-11-03T18:00:00+00:00", "2024-11-03T07:00:00+00:00", False),
        ("2024-11-04T07:00:00+00:00", "2024-11-03T18:00:00+00:00", True),
    ],
)
def test_changes_of_the_clock_neither_lose_nor_repeat_a_refresh(now: str, checked: str, due: bool) -> None:
    hour = "30 2 * * *" if "03-10" in now else "30 1 * * *"
    moment, before = datetime.fromisoformat(now), datetime.fromisoformat(checked)
    assert is_due(hour, "America/New_York", before, moment) is due


def test_a_schedule_is_read_in_its_own_zone() -> None:
    checked = datetime(2024, 7, 1, 9, tzinfo=UTC)
    now = datetime(2024, 7, 1, 10, 30, tzinfo=UTC)
    assert is_due("0 6 * * *", "America/New_York", checked, now)
    assert not is_due("0 6 * * *", "UTC", checked, now)


@pytest.mark.parametrize(
    ("schedule", "per_month"),
    [
        ("0 6 * * *", "30.42"),
        ("*/15 * * * *", "2920.00"),
        ("0 6 1 * *", "1.00"),
        ("0 6 * * 1-5", "21.67"),
        ("0 0 1 * 1", "5.25"),
        ("0 0 29 2 *", "0.02"),
        # The heartbeat comes every 15 minutes, so that no more than 96 a day are done, and that of midnight after.
        ("*/5 * * * *", "2920.00"),
        ("* * * * *", "2920.00"),
        ("*/5 * 29 2 *", "2.02"),
        ("*/5 6 * * *", "152.08"),
        ("14,15 6 * * *", "30.42"),
        ("15,16 6 * * *", "60.83"),
        ("59 23 * * *", "30.42"),
        ("0,59 0,23 * * *", "91.25"),
        ("0,59 0,23 * * 1", "17.33"),
        (None, "0"),
    ],
)
def test_refreshes_per_month_are_counted_over_a_year(schedule: str | None, per_month: str) -> None:
    assert str(count_refreshes_per_month(schedule)) == per_month


def test_what_is_priced_is_what_the_heartbeat_does() -> None:
    cron = next(entry.schedule.cron for entry in get_manifest().functions if entry.schedule is not None)
    assert cron == f"*/{HEARTBEAT_MINUTES} * * * *"


@pytest.mark.parametrize(
    ("schedule", "possible"),
    [
        ("*/5 * * * *", "*/15 * * * *"),
        ("* 8-18 * * MON-FRI", "*/15 8-18 * * MON-FRI"),
        ("1,2 6 * * *", "2 6 * * *"),
        ("40-55 6 * * *", "45,55 6 * * *"),
        ("0,59 0,23 * * *", "0 0,23 * * *"),
    ],
)
def test_no_two_times_of_a_schedule_thinned_out_fall_between_two_heartbeats(
    schedule: str, possible: str
) -> None:
    assert thin_out(schedule) == possible
    frequency = count_per_month(possible)
    assert frequency.fires == frequency.refreshes
