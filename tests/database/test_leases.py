"""Leases: one holder at a time, and a fence that only grows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from deploy.local.alone.postgres import RunningPostgres
from shared.database.unit_of_work import Database
from shared.environment import SecretStr
from shared.errors import DependencyUnavailableError
from shared.precompute.refresh.leases import RefreshLeases, UnwrittenEnds

MINUTE = timedelta(minutes=1)
KEY = "ab" * 32


def acquire(database: Database, owner: UUID) -> dict[str, int]:
    with database.begin() as uow:
        return uow.leases.acquire_many([KEY], owner, MINUTE)


def let_pass(database: Database, seconds: int) -> None:
    """As if the leases had been taken `seconds` earlier by the database's clock."""
    with database.engine.begin() as connection:
        connection.execute(
            text("UPDATE query_leases SET expires_at = expires_at - make_interval(secs => :s)"),
            {"s": seconds},
        )


def test_only_one_of_many_workers_gets_a_lease(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: acquire(database, uuid4()), range(24)))
    assert [one for one in taken if one] == [{KEY: 1}]


def test_a_lease_that_was_given_back_is_free_with_a_higher_fence(database: Database) -> None:
    owner = uuid4()
    acquire(database, owner)
    with database.begin() as uow:
        uow.leases.release_many([KEY], owner)
        assert uow.leases.list_held([KEY]) == set()
    assert acquire(database, uuid4()) == {KEY: 2}


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_can_neither_renew_nor_release_it(
    database: Database,
) -> None:
    dead, next_one = uuid4(), uuid4()
    acquire(database, dead)
    let_pass(database, 60)
    assert acquire(database, next_one) == {KEY: 2}
    with database.begin() as uow:
        assert uow.leases.renew_many([KEY], dead, timedelta(hours=1)) == set()
        uow.leases.release_many([KEY], dead)
        assert uow.leases.list_held([KEY]) == {KEY}


def test_a_renewed_lease_is_not_free(database: Database) -> None:
    owner = uuid4()
    acquire(database, owner)
    let_pass(database, 50)
    with database.begin() as uow:
        assert uow.leases.renew_many([KEY], owner, MINUTE) == {KEY}
    let_pass(database, 50)
    assert acquire(database, uuid4()) == {}


def test_one_call_takes_the_free_ones_of_many(database: Database) -> None:
    acquire(database, uuid4())
    other = "cd" * 32
    with database.begin() as uow:
        assert uow.leases.acquire_many([KEY, other], uuid4(), MINUTE) == {other: 1}


def count_unfinished(database: Database) -> dict[str, int]:
    with database.begin() as uow:
        return uow.leases.count_unfinished([KEY])


def test_what_began_and_never_ended_is_counted_until_something_ends(database: Database) -> None:
    for died in (1, 2):
        owner = uuid4()
        acquire(database, owner)
        with database.begin() as uow:
            uow.leases.begin_many([KEY], owner)
        assert count_unfinished(database) == {KEY: died}
        let_pass(database, 60)
    successor = uuid4()
    acquire(database, successor)
    with database.begin() as uow:
        uow.leases.end_many([KEY], owner)  # it was dead, or away for too long
    assert count_unfinished(database) == {KEY: 2}
    with database.begin() as uow:
        uow.leases.begin_many([KEY], successor)
        uow.leases.end_many([KEY], successor)
    assert count_unfinished(database) == {}


def test_a_lease_that_is_given_back_without_a_beginning_keeps_the_count(database: Database) -> None:
    dead, careful = uuid4(), uuid4()
    acquire(database, dead)
    with database.begin() as uow:
        uow.leases.begin_many([KEY], dead)
    let_pass(database, 60)
    leases = RefreshLeases(database, 60)
    assert leases.acquire([KEY]) == {KEY: 2}
    leases.release_all()
    assert count_unfinished(database) == {KEY: 1}
    assert leases.acquire([KEY]) == {KEY: 3}
    leases.begin([KEY])
    leases.release_all()
    assert count_unfinished(database) == {}
    assert acquire(database, careful) == {KEY: 4}


def test_a_refresh_that_ended_while_postgresql_was_away_did_not_die(
    database: Database, postgres_server: RunningPostgres
) -> None:
    nowhere = SecretStr("postgresql+pg8000://nobody:x@127.0.0.1:1/none")
    unwritten = UnwrittenEnds(database)
    leases = RefreshLeases(database, 60, unwritten=unwritten)
    leases.acquire([KEY])
    leases.begin([KEY])
    leases._database = Database(postgres_server.settings(database_url=nowhere))
    with pytest.raises(DependencyUnavailableError):
        leases.release_all()
    assert count_unfinished(database) == {KEY: 1}
    after = RefreshLeases(database, 60, unwritten=unwritten)
    assert after.count_unfinished([KEY]) == {}
    assert after.acquire([KEY]) == {KEY: 2}
    assert RefreshLeases(database, 60, unwritten=unwritten).count_unfinished([KEY]) == {}
