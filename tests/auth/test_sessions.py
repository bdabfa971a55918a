"""Sessions in PostgreSQL: made, believed, extended and ended."""

import copy
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.auth.allowlist import Allowlist
from shared.auth.principals import IdTokenClaims, RecentPrincipals, Role
from shared.auth.session_tokens import derive_csrf_token, require_csrf_token
from shared.auth.sessions import SessionService
from shared.database.unit_of_work import Database
from shared.errors import ForbiddenError, UnauthenticatedError
from shared.settings import Settings
from tests.auth.conftest import Clock
from tests.database.builders import disable_user

VERA = IdTokenClaims("https://id.example.com", "1", "viewer@example.com", "Vera Viewer", "example.com", 0)
ADA = replace(VERA, email="admin@example.com", name="Ada Admin")

type MakeService = Callable[..., SessionService]


@pytest.fixture
def make_service(settings: Settings, database: Database, clock: Clock) -> MakeService:
    """A session service as another process would have it: `make_service(session_cache_seconds=0)`."""

    def make(**changes: object) -> SessionService:
        changed = copy.replace(settings, **changes)
        return SessionService(changed, database, Allowlist(changed), clock)

    return make


@pytest.fixture
def sessions(make_service: MakeService) -> SessionService:
    return make_service()


def test_a_session_resolves_to_its_user(sessions: SessionService):
    created = sessions.create(ADA, "Firefox", "192.0.2.7")
    principal = sessions.resolve(created.token)

    assert principal == created.principal
    assert principal.email == "admin@example.com"
    assert principal.display_name == "Ada Admin"
    assert principal.role is Role.ADMIN
    assert (principal.kind, principal.via) == ("user", "session")
    assert principal.user_id is not None
    assert principal.session_id is not None


def test_only_the_hash_of_the_token_is_stored(sessions: SessionService, database: Database, clock: Clock):
    created = sessions.create(VERA, None, None)
    assert database.quick.find_session(hashlib.sha256(created.token.encode()).digest(), clock()) is not None
    with database.begin() as work:
        (stored,) = work.sessions.list_for_user(created.principal.user_id, clock())
    assert len(created.token) == 43
    assert created.token.encode() not in stored.token_sha256


def test_signing_in_twice_is_one_user_with_two_sessions(sessions: SessionService):
    first = sessions.create(VERA, "Firefox", "192.0.2.7")
    second = sessions.create(replace(VERA, name="Vera V."), "curl\x00/8" + "x" * 500, "not an address")

    assert first.principal.user_id == second.principal.user_id
    assert first.token != second.token
    assert first.principal.user_id is not None
    listed = {summary.id: summary for summary in sessions.list_sessions(first.principal.user_id)}
    assert set(listed) == {first.principal.session_id, second.principal.session_id}
    one, two = (listed[made.principal.session_id] for made in (first, second))
    assert (one.user_agent, one.ip) == ("Firefox", "192.0.2.7")
    assert two.user_agent is not None
    assert two.user_agent.startswith("curl/8xxx")
    assert len(two.user_agent) == 400
    assert two.ip is None


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "\n", "A" * 42 + "=", "é" * 43, "\udc80" * 43]
)
def test_a_malformed_token_is_refused_without_asking_the_database(sessions: SessionService, token: str):
    with pytest.raises(UnauthenticatedError, match="malformed"):
        sessions.resolve(token)


def test_an_unknown_token_is_refused(sessions: SessionService):
    with pytest.raises(UnauthenticatedError, match="unknown"):
        sessions.resolve("A" * 43)


def test_an_unused_session_expires(sessions: SessionService, clock: Clock):
    token = sessions.create(VERA, None, None).token
    clock.advance(hours=12, seconds=1)
    with pytest.raises(UnauthenticatedError, match="expired at 20"):
        sessions.resolve(token)


def test_use_extends_a_session_until_its_absolute_end(sessions: SessionService, clock: Clock):
    token = sessions.create(VERA, None, None).token
    for _ in range(15):
        clock.advance(hours=11)
        sessions.resolve(token)
    clock.advance(hours=4)
    with pytest.raises(UnauthenticatedError, match="expired at 20"):
        sessions.resolve(token)


def test_use_is_written_at_most_once_a_minute(sessions: SessionService, database: Database, clock: Clock):
    created = sessions.create(VERA, None, None)

    def read_last_use():
        assert created.principal.user_id is not None
        return sessions.list_sessions(created.principal.user_id)[0].last_used_at

    first = read_last_use()
    for _ in range(5):
        clock.advance(seconds=11)
        sessions.resolve(created.token)
    assert read_last_use() == first
    clock.advance(seconds=11)
    sessions.resolve(created.token)
    assert (read_last_use() - first).total_seconds() == pytest.approx(66, abs=5)


def test_what_is_remembered_does_not_outlive_the_absolute_end(make_service: MakeService, clock: Clock):
    sessions = make_service(
        session_idle_seconds=3600, session_absolute_seconds=3600, session_cache_seconds=600
    )
    token = sessions.create(VERA, None, None).token
    clock.advance(seconds=3580)
    sessions.resolve(token)
    clock.advance(seconds=21)
    with pytest.raises(UnauthenticatedError, match="expired at 20"):
        sessions.resolve(token)


def test_a_short_idle_time_still_slides(make_service: MakeService, clock: Clock):
    sessions = make_service(session_idle_seconds=60)
    token = sessions.create(VERA, None, None).token
    for _ in range(6):
        clock.advance(seconds=40)
        sessions.resolve(token)


def test_signing_out_works_at_once_here_and_within_the_bound_elsewhere(
    make_service: MakeService, clock: Clock
):
    here, elsewhere = make_service(), make_service()
    created = here.create(VERA, None, None)
    here.resolve(created.token)
    elsewhere.resolve(created.token)
    assert created.principal.session_id is not None

    assert here.revoke([created.principal.session_id]) == [created.principal.session_id]
    assert here.revoke([created.principal.session_id]) == []

    with pytest.raises(UnauthenticatedError, match="signed out"):
        here.resolve(created.token)
    assert elsewhere.resolve(created.token)
    clock.advance(seconds=5.1)
    with pytest.raises(UnauthenticatedError, match="signed out"):
        elsewhere.resolve(created.token)


def test_with_no_cache_time_a_revoked_session_ends_everywhere_at_once(make_service: MakeService):
    here, elsewhere = make_service(session_cache_seconds=0), make_service(session_cache_seconds=0)
    created = here.create(VERA, None, None)
    elsewhere.resolve(created.token)
    assert created.principal.session_id is not None
    here.revoke([created.principal.session_id])
    with pytest.raises(UnauthenticatedError):
        elsewhere.resolve(created.token)


def test_signing_out_everywhere_ends_only_the_users_own_sessions(sessions: SessionService):
    mine, other = [sessions.create(VERA, None, None) for _ in range(2)], sessions.create(ADA, None, None)
    for created in (*mine, other):
        sessions.resolve(created.token)
    user_id = mine[0].principal.user_id
    assert user_id is not None

    revoked = sessions.revoke_for_users([user_id])

    assert set(revoked) == {created.principal.session_id for created in mine}
    for created in mine:
        with pytest.raises(UnauthenticatedError):
            sessions.resolve(created.token)
    assert sessions.resolve(other.token)
    assert sessions.list_sessions(user_id) == []


def test_a_disabled_user_is_out_within_the_bound_and_cannot_return(
    sessions: SessionService, database: Database, clock: Clock
):
    created = sessions.create(VERA, None, None)
    sessions.resolve(created.token)
    assert created.principal.user_id is not None
    disable_user(database, created.principal.user_id, clock())
    clock.advance(seconds=5.1)

    with pytest.raises(UnauthenticatedError, match="disabled"):
        sessions.resolve(created.token)
    with pytest.raises(ForbiddenError, match=r"viewer@example\.com is disabled"):
        sessions.create(VERA, None, None)


def test_changed_lists_apply_to_sessions_that_exist(make_service: MakeService):
    token = make_service().create(VERA, None, None).token

    assert make_service(editor_emails=["@example.com"]).resolve(token).role is Role.EDITOR
    with pytest.raises(ForbiddenError, match="not on the allowlist"):
        make_service(allowed_domains=["partner.test"]).resolve(token)


def test_somebody_not_allowed_gets_no_session_and_no_user(sessions: SessionService, database: Database):
    with pytest.raises(ForbiddenError, match="not on the allowlist"):
        sessions.create(replace(VERA, email="outsider@elsewhere.test"), None, None)
    with database.begin() as work:
        assert work.users.get_by_emails(["outsider@elsewhere.test"]) == {}


def test_concurrent_use_of_one_session_is_fine(make_service: MakeService, clock: Clock):
    sessions = make_service(session_cache_seconds=0)
    token = sessions.create(VERA, None, None).token
    clock.advance(minutes=5)
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(sessions.resolve(token).email)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["viewer@example.com"] * 8


def test_a_csrf_token_belongs_to_one_session(sessions: SessionService):
    mine, other = (sessions.create(VERA, None, None).token for _ in range(2))
    require_csrf_token(mine, derive_csrf_token(mine))
    for wrong in (derive_csrf_token(other), derive_csrf_token(mine)[:-1], mine, "", None, "\udc80"):
        with pytest.raises(ForbiddenError, match="X-CSRF-Token"):
            require_csrf_token(mine, wrong)


def test_what_is_remembered_is_bounded(sessions: SessionService, clock: Clock):
    principal = sessions.create(VERA, None, None).principal
    recent = RecentPrincipals(max_entries=3)
    for number in range(10):
        recent.put(bytes([number]), principal, clock().replace(year=2100))
    assert len(recent) == 3
    assert recent.get(bytes([9]), clock()) is principal
    assert recent.get(bytes([0]), clock()) is None
