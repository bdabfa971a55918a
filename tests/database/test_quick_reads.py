"""What serving reads without the ORM."""

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.alone.postgres import RunningPostgres
from deploy.local.supervision.process import pick_free_port
from shared.database.quick_reads import QuickReads
from shared.database.unit_of_work import Database
from shared.environment import SecretStr
from shared.errors import DependencyUnavailableError
from shared.settings import Settings
from tests.database.builders import (
    NOW,
    add_dashboards,
    add_user,
    delete_dashboard,
    disable_user,
    make_session,
    make_version,
)

HOUR = timedelta(hours=1)


def token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def test_a_session_is_open_until_it_ends_one_way_or_another(database: Database) -> None:
    user = add_user(database)
    with database.begin() as work:
        session = work.sessions.create_many([make_session(user, "good")])[0]
    found = database.quick.find_session(token_hash("good"), NOW)
    assert found is not None
    assert (found.id, found.user_id, found.email) == (session.id, user.id, "ada@example.com")
    assert (found.last_used_at, found.expires_at) == (session.last_used_at, session.expires_at)
    assert database.quick.find_session(token_hash("unknown"), NOW) is None
    assert database.quick.find_session(token_hash("good"), NOW + 12 * HOUR) is None
    with database.begin() as work:
        assert work.sessions.revoke_many([session.id, uuid4()], NOW) == [session.id]
        assert work.sessions.revoke_many([session.id], NOW) == []
    assert database.quick.find_session(token_hash("good"), NOW) is None


def test_a_disabled_user_has_no_open_session(database: Database) -> None:
    user = add_user(database)
    with database.begin() as work:
        work.sessions.create_many([make_session(user, "good")])
    disable_user(database, user.id, NOW)
    assert database.quick.find_session(token_hash("good"), NOW) is None
    disable_user(database, user.id, None)
    assert database.quick.find_session(token_hash("good"), NOW) is not None


def test_expiry_slides_within_the_absolute_one_and_never_back(database: Database) -> None:
    user = add_user(database)
    with database.begin() as work:
        sessions = work.sessions.create_many([make_session(user, token) for token in "abc"])
        a, b, c = (session.id for session in sessions)
    database.quick.touch_session(a, NOW + HOUR, NOW + 13 * HOUR)
    database.quick.touch_session(b, NOW + HOUR, NOW + timedelta(days=30))
    database.quick.touch_session(c, NOW - HOUR, NOW)
    with database.begin() as work:
        rows = {row.id: row for row in work.sessions.list_for_user(user.id, NOW)}
    assert (rows[a].last_used_at, rows[a].expires_at) == (NOW + HOUR, NOW + 13 * HOUR)
    assert rows[b].expires_at == NOW + timedelta(days=7)
    assert (rows[c].last_used_at, rows[c].expires_at) == (NOW, NOW + 12 * HOUR)


def test_the_definition_found_is_the_current_one_of_a_live_dashboard(database: Database) -> None:
    one, gone = add_dashboards(database, "one", "gone")
    with database.begin() as work:
        work.versions.create_many(
            [make_version(one.id, definition={"slug": "one", "title": "Ünï"}), make_version(gone.id)]
        )
    delete_dashboard(database, "gone")
    found = database.quick.find_definitions(["one", "gone", "unknown"])
    assert found == {"one": (1, {"slug": "one", "title": "Ünï"})}
    assert database.quick.find_definitions([]) == {}


def test_a_connection_that_was_lost_while_idle_is_replaced(
    postgres_server: RunningPostgres, database: Database
) -> None:
    quick = QuickReads(postgres_server.settings(), "almanac-quick")
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(lambda _: quick.find_session(b"x" * 32, NOW), range(12))) == {None}
    ended = postgres_server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'almanac-quick'"
    )
    assert ended
    assert quick.find_session(b"x" * 32, NOW) is None
    quick.close()


def test_an_unreachable_server_and_a_wrong_password_are_named(postgres_server: RunningPostgres) -> None:
    closed = f"postgresql+pg8000://a:hunter2@127.0.0.1:{pick_free_port()}/none"
    wrong = postgres_server.url.replace(":almanac@", ":hunter2@")
    for url, message in ((closed, "cannot be reached"), (wrong, "refused the password")):
        quick = QuickReads(Settings(database_url=SecretStr(url)), "almanac-quick")
        with pytest.raises(DependencyUnavailableError, match=message) as caught:
            quick.find_session(b"x" * 32, NOW)
        assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_more_callers_than_connections_wait_and_then_are_told(postgres_server: RunningPostgres) -> None:
    settings = postgres_server.settings(database_pool_size=2, database_statement_timeout_seconds=0.3)
    quick = QuickReads(settings, "almanac-quick")
    with quick._borrow(), pytest.raises(DependencyUnavailableError, match="are busy"):
        quick.find_session(b"x" * 32, NOW)
    assert quick.find_session(b"x" * 32, NOW) is None
    quick.close()


def test_a_server_that_falls_silent_is_reported_in_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+pg8000://a:b@127.0.0.1:{silent.getsockname()[1]}/none"
        settings = Settings(database_url=SecretStr(url), database_connect_timeout_seconds=0.5)
        begun = time.monotonic()
        with pytest.raises(DependencyUnavailableError, match="cannot be reached"):
            QuickReads(settings, "almanac-quick").find_session(b"x" * 32, NOW)
        assert time.monotonic() - begun < 5


@pytest.mark.usefixtures("programs")
def test_none_of_it_loads_sqlalchemy() -> None:
    program = (
        "import sys, shared.database.quick_reads, shared.database.unit_of_work, shared.auth.sessions;"
        "import shared.auth.authenticator, shared.dashboards.saved.head_cache;"
        "sys.exit('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], timeout=60)
    assert done.returncode == 0
