"""Leases: one holder at a time, and a fence that only grows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.database.unit_of_work import Database

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
