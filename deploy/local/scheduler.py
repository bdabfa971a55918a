"""Cloud Scheduler of the local stack: calls what the manifest schedules, as `python -m deploy.local.scheduler`.

A tick says only that it is time to look; which dashboards are due, the function itself knows. So ticks that were
missed (the machine slept, or a refresh outlasted the next tick) are made up for by the next one.
"""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import requests
from croniter import croniter

from deploy.local.environment import SCHEDULER_EMAIL
from deploy.local.servers.oidc import OidcLoginFailedError
from deploy.local.stack import Stack
from shared.api.manifest import Schedule, load_manifest

LONGEST_SLEEP_SECONDS = 30.0
CALL_TIMEOUT_SECONDS = 1800


def find_next_tick(schedule: Schedule, after: datetime) -> datetime:
    """When `schedule` fires next, strictly after `after`, in its own time zone."""
    local = after.astimezone(ZoneInfo(schedule.time_zone))
    tick: datetime = croniter(schedule.cron, local).get_next(datetime)
    return tick


def run_scheduler(
    schedules: Sequence[Schedule],
    call: Callable[[Schedule], None],
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Call each schedule at its ticks, one after the other, until `is_over`.

    The clock is looked at again and again, so that one that is set or jumps is followed.
    """
    ticks = {index: find_next_tick(schedule, now()) for index, schedule in enumerate(schedules)}
    while ticks and not is_over():
        index = min(ticks, key=lambda one: ticks[one])
        remaining = (ticks[index] - now()).total_seconds()
        if remaining > 0:
            sleep(min(remaining, LONGEST_SLEEP_SECONDS))
            continue
        call(schedules[index])
        ticks[index] = find_next_tick(schedules[index], now())


def post_schedule(url: str, fetch_token: Callable[[], str], schedule: Schedule) -> None:
    """Make the call and print what came back; a failure is printed too, the next tick tries again."""
    try:
        answer = requests.post(
            f"{url}{schedule.path}",
            data=schedule.body.encode(),
            headers={"Authorization": f"Bearer {fetch_token()}", "Content-Type": "application/json"},
            timeout=CALL_TIMEOUT_SECONDS,
        )
    except (requests.RequestException, OidcLoginFailedError) as error:
        print(f"POST {schedule.path} failed: {error}", flush=True)
        return
    said = "" if answer.ok else f": {answer.text[:500]}"
    print(f"POST {schedule.path} answered {answer.status_code}{said}", flush=True)


def main() -> int:
    """Run until a signal ends the process."""
    stack = Stack()
    schedules = [entry.schedule for entry in load_manifest().functions if entry.schedule]
    for schedule in schedules:
        print(f"POST {schedule.path} at {schedule.cron} ({schedule.time_zone})", flush=True)
    run_scheduler(
        schedules,
        lambda schedule: post_schedule(stack.url, lambda: stack.fetch_token(SCHEDULER_EMAIL), schedule),
        lambda: datetime.now(UTC),
        time.sleep,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
