"""Callers kept in the process, while they can be asked about and while they cannot."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.auth.principals import Principal, RecentPrincipals, Role
from shared.errors import DependencyUnavailableError, UnauthenticatedError

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = b"a credential"
ADA = Principal(uuid4(), "ada@example.com", Role.VIEWER, "user", uuid4(), "session")


def make_recent(**changes: timedelta) -> RecentPrincipals:
    recent = RecentPrincipals(
        **{"believed_for": 5 * SECOND, "believed_without_answer": 60 * SECOND, **changes}
    )
    assert recent.resolve(KEY, NOW, lambda: (ADA, NOW + 1000 * SECOND)) is ADA
    return recent


def fail() -> tuple[Principal, datetime]:
    raise DependencyUnavailableError("PostgreSQL cannot be reached.")


def refuse() -> tuple[Principal, datetime]:
    raise UnauthenticatedError("revoked")


def test_a_known_caller_is_not_asked_about() -> None:
    assert make_recent().resolve(KEY, NOW + 4.9 * SECOND, lambda: pytest.fail("asked")) is ADA


def test_without_an_answer_a_known_caller_is_believed_for_a_bounded_time() -> None:
    recent = make_recent()
    for seconds in (5, 30, 59):
        assert recent.resolve(KEY, NOW + seconds * SECOND, fail) is ADA
    with pytest.raises(DependencyUnavailableError):
        recent.resolve(KEY, NOW + 61 * SECOND, fail)


def test_no_belief_goes_beyond_the_end_of_the_credential() -> None:
    recent = RecentPrincipals(5 * SECOND, 60 * SECOND)
    recent.resolve(KEY, NOW, lambda: (ADA, NOW + 20 * SECOND))
    assert recent.resolve(KEY, NOW + 19.5 * SECOND, fail) is ADA
    for seconds in (20, 21):
        with pytest.raises(DependencyUnavailableError):
            recent.resolve(KEY, NOW + seconds * SECOND, fail)


def test_no_seconds_believe_nobody() -> None:
    recent = make_recent(believed_without_answer=timedelta())
    with pytest.raises(DependencyUnavailableError):
        recent.resolve(KEY, NOW + 5 * SECOND, fail)


def test_who_was_refused_is_not_believed_afterwards() -> None:
    recent = make_recent()
    with pytest.raises(UnauthenticatedError):
        recent.resolve(KEY, NOW + 5 * SECOND, refuse)
    with pytest.raises(DependencyUnavailableError):
        recent.resolve(KEY, NOW + 6 * SECOND, fail)


def test_while_one_asks_others_go_on_with_what_was_good_a_moment_ago() -> None:
    recent = make_recent()
    asking, answered = threading.Event(), threading.Event()

    def ask() -> tuple[Principal, datetime]:
        asking.set()
        answered.wait(20)
        return ADA, NOW + 1000 * SECOND

    thread = threading.Thread(target=recent.resolve, args=(KEY, NOW + 5 * SECOND, ask))
    thread.start()
    assert asking.wait(20)
    assert recent.resolve(KEY, NOW + 5.5 * SECOND, lambda: pytest.fail("asked twice")) is ADA
    answered.set()
    thread.join()


def test_who_was_away_for_longer_is_asked_about_by_everybody() -> None:
    """A session that was revoked meanwhile must not slip through while somebody asks."""
    recent = make_recent()

    def ask() -> tuple[Principal, datetime]:
        assert recent.get(KEY, NOW + 30 * SECOND) is None
        return ADA, NOW + 1000 * SECOND

    assert recent.resolve(KEY, NOW + 30 * SECOND, ask) is ADA
