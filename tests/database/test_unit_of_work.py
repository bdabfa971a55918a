"""Transactions, and what PostgreSQL's failures turn into."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic import command

from deploy.local.alone.postgres import RunningPostgres, alembic_config
from deploy.local.supervision.process import pick_free_port
from shared.database.unit_of_work import Database
from shared.environment import SecretStr
from shared.errors import ConflictError, DependencyUnavailableError, InvalidRequestError
from shared.settings import Settings
from tests.database.builders import add_dashboards, make_dashboard

FEW_SECONDS = 5.0
TIMEOUTS = ("statement_timeout", "lock_timeout", "TimeZone")


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    database = Database(settings, "almanac-test")
    try:
        yield database
    finally:
        database.dispose()


def test_a_block_that_ends_is_committed_and_its_rows_stay_readable(database: Database) -> None:
    with database.begin() as work:
        created = work.dashboards.create_many([make_dashboard("nyc-flights")])
    with database.begin() as work:
        found = work.dashboards.get_by_slugs(["nyc-flights"])
    assert found["nyc-flights"].id == created[0].id
    assert created[0].current_version == 1


def test_a_block_that_raises_is_rolled_back(database: Database) -> None:
    with pytest.raises(LookupError), database.begin() as work:
        fail_after(work.dashboards.create_many([make_dashboard("nyc-flights")]))
    with database.begin() as work:
        assert work.dashboards.get_by_slugs(["nyc-flights"]) == {}


def test_an_oserror_of_the_block_is_not_taken_for_postgresqls(database: Database) -> None:
    with pytest.raises(FileNotFoundError), database.begin():
        raise FileNotFoundError("a file of the caller's")


def test_a_failed_block_leaves_a_usable_connection(database: Database) -> None:
    add_dashboards(database, "nyc-flights")
    for _ in range(8):
        with pytest.raises(ConflictError), database.begin() as work:
            work.dashboards.create_many([make_dashboard("nyc-flights")])
    with database.begin() as work:
        assert set(work.dashboards.get_by_slugs(["nyc-flights"])) == {"nyc-flights"}


def test_nothing_connects_before_the_first_transaction() -> None:
    settings = Settings(database_url=SecretStr("postgresql+pg8000://a:b@127.0.0.1:1/none"))
    Database(settings).dispose()


def test_repositories_are_made_once_per_transaction(database: Database) -> None:
    with database.begin() as work:
        assert work.dashboards is work.dashboards
        assert work.users is work.users


def test_connection_refused_is_reported_fast() -> None:
    settings = Settings(database_url=SecretStr(f"postgresql+pg8000://a:b@127.0.0.1:{pick_free_port()}/none"))
    with opened(settings) as database, expect_unavailable("cannot be reached"), database.begin():
        pass


def test_a_server_that_accepts_and_never_answers_is_reported_fast() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = Settings(
            database_url=SecretStr(f"postgresql+pg8000://a:b@127.0.0.1:{port}/none"),
            database_connect_timeout_seconds=0.5,
        )
        with opened(settings) as database, expect_unavailable("cannot be reached"):
            database.ping()


def test_a_wrong_password_and_a_missing_database_are_named(postgres_server: RunningPostgres) -> None:
    wrong = postgres_server.url.replace(":almanac@", ":guess@")
    with opened(Settings(database_url=SecretStr(wrong))) as database, expect_unavailable("password"):
        database.ping()
    missing = postgres_server.server.database_url("missing")
    with opened(Settings(database_url=SecretStr(missing))) as database, expect_unavailable("does not exist"):
        database.ping()


def test_the_password_is_in_no_error(postgres_server: RunningPostgres) -> None:
    wrong = postgres_server.url.replace(":almanac@", ":hunter2@")
    with opened(Settings(database_url=SecretStr(wrong))) as database:
        with pytest.raises(DependencyUnavailableError) as caught:
            database.ping()
        chain = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "hunter2" not in chain


def test_waiting_for_a_lock_ends_with_its_name(postgres_server: RunningPostgres, database: Database) -> None:
    settings = postgres_server.settings(database_statement_timeout_seconds=0.5)
    unavailable = expect_unavailable("lock that another request holds")
    held = slug_held(database, "nyc-flights")
    with held, opened(settings) as impatient, unavailable, impatient.begin() as work:
        work.dashboards.lock_by_slugs(["nyc-flights"])


def test_more_callers_than_connections_wait_and_then_are_told(postgres_server: RunningPostgres) -> None:
    settings = postgres_server.settings(database_pool_size=2, database_statement_timeout_seconds=0.3)
    with opened(settings) as database, database.begin(), expect_unavailable("are busy"):
        database.ping()


def test_nul_in_a_text_is_the_callers_mistake(database: Database) -> None:
    with pytest.raises(InvalidRequestError, match="NUL"), database.begin() as work:
        work.dashboards.search(q="a\0b")


def test_a_number_beyond_64_bits_is_the_callers_mistake(database: Database) -> None:
    with pytest.raises(InvalidRequestError, match="out of range"), database.begin() as work:
        work.dashboards.search(page=10**30)


def test_connections_say_who_they_are_and_carry_the_timeouts(postgres_server: RunningPostgres) -> None:
    with opened(postgres_server.settings(database_statement_timeout_seconds=7)) as database, database.begin():
        rows = postgres_server.run(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'almanac-test'"
        )
        assert rows == [[1]]
        with database.engine.connect() as connection:
            shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in TIMEOUTS]
    assert shown == ["7s", "5600ms", "UTC"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_service_resumes_by_itself_after_a_restart(own_postgres: RunningPostgres, how: str) -> None:
    command.upgrade(alembic_config(own_postgres.url), "head")
    with opened(own_postgres.settings()) as database:
        use_connections(database, 3)
        getattr(own_postgres, how)()
        for _ in range(6):
            with expect_unavailable("cannot be reached"):
                database.ping()
        own_postgres.start()
        use_connections(database, 3)
        with database.begin() as work:
            assert work.dashboards.get_by_slugs(["nothing"]) == {}


def test_pooled_connections_that_died_during_a_short_restart_are_replaced_unseen(
    own_postgres: RunningPostgres,
) -> None:
    with opened(own_postgres.settings()) as database:
        use_connections(database, 3)
        own_postgres.kill()
        own_postgres.start()
        use_connections(database, 3)


def test_a_connection_lost_within_a_transaction_is_reported_and_replaced(
    own_postgres: RunningPostgres,
) -> None:
    command.upgrade(alembic_config(own_postgres.url), "head")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'almanac-test'"
    with opened(own_postgres.settings()) as database:
        with expect_unavailable("PostgreSQL"), database.begin() as work:
            work.dashboards.list_live()
            own_postgres.run(end)
            work.dashboards.list_live()
        database.ping()


def test_a_frozen_server_is_reported_within_seconds(own_postgres: RunningPostgres) -> None:
    with opened(own_postgres.settings(database_connect_timeout_seconds=1.0)) as database:
        database.ping()
        backend = own_postgres.run(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'almanac-test'"
        )[0][0]
        frozen = [own_postgres.pid or 0, backend]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            with expect_unavailable("cannot be reached"):
                database.ping()
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        database.ping()


@contextmanager
def expect_unavailable(message: str) -> Iterator[None]:
    begun = time.monotonic()
    with pytest.raises(DependencyUnavailableError, match=message):
        yield
    assert time.monotonic() - begun < FEW_SECONDS


def use_connections(database: Database, count: int) -> None:
    """Hold `count` connections at once, so that the pool is full of them afterwards."""
    everybody = threading.Barrier(count)

    def use() -> None:
        with database.begin():
            everybody.wait(20)

    with ThreadPoolExecutor(count) as pool:
        users = [pool.submit(use) for _ in range(count)]
    for user in users:
        user.result()


def fail_after(done: object) -> None:
    raise LookupError(done)


@contextmanager
def slug_held(database: Database, slug: str) -> Iterator[None]:
    """Another transaction holds the slug while the block runs."""
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with database.begin() as work:
            work.dashboards.lock_by_slugs([slug])
            locked.set()
            release.wait(20)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        try:
            while not locked.wait(0.05):
                assert not holder.done(), holder.exception()
            yield
        finally:
            release.set()
        holder.result()
