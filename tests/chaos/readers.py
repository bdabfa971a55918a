"""Who reads dashboards while things break: signed-in browsers and programs, each asking at its own pace."""

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared.auth.session_tokens import SESSION_COOKIE_NAME, create_session_token, hash_session_token
from tests.fixtures.stack import ADMIN, EDITOR, VIEWER, RunningStack

SLUGS = ("nyc-flights", "nyc-carriers", "nyc-weather-delays")
READERS = 12
PAUSE_SECONDS = 0.08
"""Between the answers of one reader: so many readers ask some 150 times a second, and a quick machine is not busy."""
_TIMEOUT_SECONDS = 30
_INSERT_SESSION = (
    "INSERT INTO sessions (id, user_id, token_sha256, expires_at, absolute_expires_at) "
    "SELECT :id, id, :digest, :ends_at, :ends_at FROM users WHERE email = :email"
)


@dataclass(frozen=True)
class Answer:
    """One answer to a reader: `status` is 0 where the connection broke; `is_true` when its content is the known one."""

    at: float
    seconds: float
    status: int
    is_true: bool
    is_degraded: bool


@dataclass(frozen=True)
class Figures:
    """What readers saw."""

    count: int
    good: int
    untrue: int
    degraded: int
    p50_ms: float
    p99_ms: float
    longest_ms: float

    @property
    def good_share(self) -> float:
        """Of all answers those that were the known ones."""
        return self.good / self.count

    @classmethod
    def of(cls, answers: list[Answer]) -> "Figures":
        """Their figures; times are those of all answers, good or not."""
        times = sorted(1000 * one.seconds for one in answers)
        return cls(
            count=len(answers),
            good=sum(one.status == http.client.OK and one.is_true for one in answers),
            untrue=sum(one.status == http.client.OK and not one.is_true for one in answers),
            degraded=sum(one.is_degraded for one in answers),
            p50_ms=times[len(times) // 2],
            p99_ms=times[int(len(times) * 0.99)],
            longest_ms=times[-1],
        )


@dataclass
class Load:
    """Readers at work; `answers` grows."""

    answers: list[Answer] = field(default_factory=list)

    def since(self, began: float) -> Figures:
        """The figures of what was asked since `began` of the monotonic clock."""
        return Figures.of([one for one in self.answers if one.at >= began])


@contextmanager
def reading(stack: RunningStack, known: Mapping[str, str]) -> Iterator[Load]:
    """Readers ask for the dashboards `known` (slug to the ETag of the right answer) inside the block.

    They are no strangers to any process: each has asked the function itself before, as within minutes all would have.
    """
    load, over = Load(), threading.Event()
    slugs = list(known)
    callers = make_callers(stack, READERS)
    for port in (stack.stack.function_port("data"), stack.stack.ports.nginx):
        with closing(_connect(port)) as connection:
            for headers in callers:
                assert all(_ask(connection, slug, headers, etag).is_true for slug, etag in known.items())

    def read(number: int, headers: Mapping[str, str]) -> None:
        asked = number
        while not over.is_set():
            with closing(_connect(stack.stack.ports.nginx)) as connection:
                while not over.wait(PAUSE_SECONDS):
                    slug = slugs[asked % len(slugs)]
                    asked += 1
                    answer = _ask(connection, slug, headers, known[slug])
                    load.answers.append(answer)
                    if answer.status == 0:
                        break

    threads = [
        threading.Thread(target=read, args=(number, headers)) for number, headers in enumerate(callers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()


def make_callers(stack: RunningStack, count: int) -> list[dict[str, str]]:
    """The headers of `count` callers: every second one a browser with a session of its own, the others programs."""
    emails = (VIEWER, EDITOR, ADMIN)
    for email in emails:
        stack.call("GET", "/dashboards", email=email).raise_for_status()  # so that there is a user
    callers = []
    for number in range(count):
        email = emails[number // 2 % len(emails)]
        if number % 2:
            callers.append({"Authorization": f"Bearer {stack.token(email)}"})
        else:
            callers.append({"Cookie": f"{SESSION_COOKIE_NAME}={_open_session(stack, email)}"})
    return callers


def _open_session(stack: RunningStack, email: str) -> str:
    token = create_session_token()
    ends_at = datetime.now(UTC) + timedelta(hours=12)
    stack.query(_INSERT_SESSION, id=uuid4(), digest=hash_session_token(token), ends_at=ends_at, email=email)
    return token


def read_known(stack: RunningStack) -> dict[str, str]:
    """The ETag of each sample dashboard's answer, as it is now."""
    known = {}
    for slug in SLUGS:
        response = stack.call("GET", f"/data/{slug}", headers={"Accept-Encoding": "gzip"})
        response.raise_for_status()
        known[slug] = response.headers["ETag"]
    return known


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)


def _ask(connection: http.client.HTTPConnection, slug: str, headers: Mapping[str, str], etag: str) -> Answer:
    began = time.monotonic()
    try:
        connection.request("GET", f"/data/{slug}", headers={"Accept-Encoding": "gzip", **headers})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return Answer(began, time.monotonic() - began, 0, is_true=False, is_degraded=False)
    return Answer(
        began,
        time.monotonic() - began,
        response.status,
        response.headers["ETag"] == etag,
        "Almanac-Degraded" in response.headers,
    )
