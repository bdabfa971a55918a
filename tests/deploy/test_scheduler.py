"""The local scheduler: when it calls, with an injected clock, and what it sends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.local.scheduler import LONGEST_SLEEP_SECONDS, find_next_tick, post_schedule, run_scheduler
from deploy.local.supervision.process import pick_free_port
from shared.api.manifest import Schedule

QUARTERS = Schedule(cron="*/15 * * * *", time_zone="Etc/UTC", path="/precompute", body='{"due": true}')
START = datetime(2024, 5, 1, 11, 50, 10, tzinfo=UTC)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def run_for(clock: Clock, calls: int, *, each_takes: timedelta = timedelta()) -> list[datetime]:
    """When the first `calls` calls were made."""
    made: list[datetime] = []

    def call(schedule: Schedule) -> None:
        made.append(clock.now)
        clock.now += each_takes

    run_scheduler([QUARTERS], call, lambda: clock.now, clock.sleep, lambda: len(made) >= calls)
    return made


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-05-01T{text}+00:00")


def test_it_calls_at_every_tick_and_not_at_once() -> None:
    clock = Clock(START)
    assert run_for(clock, 3) == [at("12:00"), at("12:15"), at("12:30")]
    assert max(clock.slept) <= LONGEST_SLEEP_SECONDS


def test_a_call_that_outlasts_ticks_is_not_overlapped_and_they_are_not_made_up_one_by_one() -> None:
    made = run_for(Clock(START), 3, each_takes=timedelta(minutes=40))
    assert made == [at("12:00"), at("12:45"), at("13:30")]


def test_a_machine_that_slept_calls_once_when_it_wakes() -> None:
    clock = Clock(START)
    original = clock.sleep

    def sleep(seconds: float) -> None:
        original(seconds)
        if len(clock.slept) == 1:
            clock.now += timedelta(hours=3)

    made: list[datetime] = []
    run_scheduler(
        [QUARTERS], lambda _: made.append(clock.now), lambda: clock.now, sleep, lambda: len(made) >= 2
    )
    assert made == [at("14:50:40"), at("15:00")]


@pytest.mark.parametrize(
    ("after", "ticks"),
    [
        # Clocks in New York went forward at 07:00 UTC on 10 March 2024 and back at 06:00 UTC on 3 November.
        ("2024-03-09T12:00:00+00:00", ["2024-03-10T10:00:00+00:00", "2024-03-11T10:00:00+00:00"]),
        ("2024-11-02T12:00:00+00:00", ["2024-11-03T11:00:00+00:00", "2024-11-04T11:00:00+00:00"]),
    ],
)
def test_six_in_the_morning_stays_six_when_clocks_change(after: str, ticks: list[str]) -> None:
    schedule = Schedule(cron="0 6 * * *", time_zone="America/New_York", path="/x", body="")
    found = [datetime.fromisoformat(after)]
    for _ in ticks:
        found.append(find_next_tick(schedule, found[-1]))
    assert [one.astimezone(UTC).isoformat() for one in found[1:]] == ticks


@contextmanager
def listen(status: int) -> Iterator[tuple[str, list[tuple[str, str | None, bytes]]]]:
    """A server that answers `status`, and what it was sent."""
    seen: list[tuple[str, str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Authorization"], body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"because")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_the_call_carries_the_body_and_a_fresh_token(capsys: pytest.CaptureFixture[str]) -> None:
    tokens = iter(["one", "two"])
    with listen(200) as (url, seen):
        for _ in range(2):
            post_schedule(url, lambda: next(tokens), QUARTERS)
    assert seen == [
        ("/precompute", "Bearer one", b'{"due": true}'),
        ("/precompute", "Bearer two", b'{"due": true}'),
    ]
    assert "answered 200" in capsys.readouterr().out


def test_failures_are_told_and_do_not_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    with listen(503) as (url, _):
        post_schedule(url, lambda: "one", QUARTERS)
    post_schedule(f"http://127.0.0.1:{pick_free_port()}", lambda: "one", QUARTERS)
    out = capsys.readouterr().out
    assert "answered 503: because" in out
    assert "failed" in out
