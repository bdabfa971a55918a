"""PostgreSQL that hangs: readers who were known go on reading what was known, and everything else is told at once."""

import copy
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.alone.postgres import RunningPostgres
from deploy.local.servers.oidc import OidcServer
from shared.auth.principals import IdTokenClaims
from shared.auth.session_tokens import SESSION_COOKIE_NAME, hash_session_token
from shared.container import Container, use_container
from shared.dashboards.definition.head import hash_variant
from shared.dashboards.keys import head_key, pointer_key
from shared.settings import Settings
from tests.fixtures.frozen import frozen
from tests.fixtures.functions import SHOP, FunctionHost

PATIENCE = 1.0
OUTAGE_SECONDS = 300
PATH = "/data/shop?day=2024-01-01"


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(
    functions: FunctionHost, function_settings: Settings, oidc_server: OidcServer, clock: Clock
) -> Iterator[FunctionHost]:
    """A process that has the shop ready, and remembers for a second what it served."""
    settings = copy.replace(
        function_settings,
        payload_memory_seconds=1.0,
        session_cache_seconds=1,
        database_connect_timeout_seconds=PATIENCE,
        database_outage_seconds=OUTAGE_SECONDS,
    )
    container = Container(settings, clock)
    use_container(container)
    host = FunctionHost(container, oidc_server)
    host.save_shop()
    host.precompute_shop()
    yield host
    use_container(functions.container)
    container.database.dispose()


def sign_in(host: FunctionHost, email: str = "viewer@example.com") -> dict[str, str]:
    claims = IdTokenClaims("https://accounts", email, email, "A viewer", None, int(time.time()) + 3600)
    return {"Cookie": f"{SESSION_COOKIE_NAME}={host.container.sessions.create(claims, None, None).token}"}


def forget_what_can_be_asked(host: FunctionHost) -> None:
    """As after a minute: the shared cache knows neither head nor pointer any more."""
    host.forget_cached(head_key("shop"))
    host.forget_cached(pointer_key("shop", hash_variant({"day": "2024-01-01"}), 1))


def test_known_readers_go_on_and_everything_else_is_told_at_once(
    host: FunctionHost,
    clock: Clock,
    postgres_server: RunningPostgres,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cookie = sign_in(host)
    ways = [{"headers": cookie, "email": None}, {"email": "viewer@example.com"}]
    before = [host.call("data", "GET", PATH, **way) for way in ways]  # type: ignore[arg-type]
    assert [(one.status_code, "Almanac-Degraded" in one.headers) for one in before] == [(200, False)] * 2
    host.call("dashboards_read", "GET", "/dashboards")
    forget_what_can_be_asked(host)
    clock.ahead += timedelta(seconds=30)
    with frozen(postgres_server.pid), caplog.at_level(logging.WARNING):
        began = time.monotonic()
        answers = [host.call("data", "GET", PATH, **way) for _ in range(20) for way in ways]  # type: ignore[arg-type]
        # A patience for each of the few that asked, not one for every answer.
        assert time.monotonic() - began < 4 * PATIENCE
        assert {one.status_code for one in answers} == {200}
        assert {one.headers.get("Almanac-Degraded") for one in answers} == {"database"}
        assert {one.headers["ETag"] for one in answers} == {before[0].headers["ETag"]}
        for function, path in (("dashboards_read", "/dashboards"), ("data", "/data/shop?day=2024-01-02")):
            began = time.monotonic()
            refused = host.call(function, "GET", path)
            assert (refused.status_code, refused.json["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
            assert time.monotonic() - began < PATIENCE / 2
        with monkeypatch.context() as patch:
            patch.setattr(host.container.validation, "validate_dashboards", lambda _: pytest.fail("in vain"))
            body = {"dashboards": [{"path": "shop.yaml", "yaml": SHOP}]}
            assert host.call("dashboards_save", "POST", "/dashboards/save", json=body).status_code == 503
    assert {one.believed for one in caplog.records if hasattr(one, "believed")} == {"caller", "answer"}
    assert any(getattr(one, "database_lost", False) for one in caplog.records)
    host.container.database.ping()
    clock.ahead += timedelta(seconds=2)
    after = host.call("data", "GET", PATH, **ways[0])  # type: ignore[arg-type]
    assert (after.status_code, "Almanac-Degraded" in after.headers) == (200, False)


def test_belief_ends(host: FunctionHost, clock: Clock, postgres_server: RunningPostgres) -> None:
    cookie = sign_in(host)
    assert host.call("data", "GET", PATH, headers=cookie, email=None).status_code == 200
    forget_what_can_be_asked(host)
    with frozen(postgres_server.pid):
        for seconds, status in ((OUTAGE_SECONDS - 20, 200), (40, 503)):
            clock.ahead += timedelta(seconds=seconds)
            assert host.call("data", "GET", PATH, headers=cookie, email=None).status_code == status


def test_who_is_not_known_is_not_let_in(host: FunctionHost, postgres_server: RunningPostgres) -> None:
    cookie = sign_in(host)
    stranger = sign_in(host, "other@example.com")
    assert host.call("data", "GET", PATH, headers=cookie, email=None).status_code == 200
    with frozen(postgres_server.pid):
        assert host.call("data", "GET", PATH, headers=stranger, email=None).status_code == 503


def test_a_session_that_was_found_revoked_is_believed_no_more(
    host: FunctionHost, clock: Clock, postgres_server: RunningPostgres
) -> None:
    cookie = sign_in(host)
    assert host.call("data", "GET", PATH, headers=cookie, email=None).status_code == 200
    digest = hash_session_token(cookie["Cookie"].partition("=")[2])
    postgres_server.run(f"UPDATE sessions SET revoked_at = now() WHERE token_sha256 = '\\x{digest.hex()}'")
    clock.ahead += timedelta(seconds=30)
    assert host.call("data", "GET", PATH, headers=cookie, email=None).status_code == 401
    with frozen(postgres_server.pid):
        assert host.call("data", "GET", PATH, headers=cookie, email=None).status_code == 503
