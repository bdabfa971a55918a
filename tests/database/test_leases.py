"""Leases: one holder at a time, and a fence that only grows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from shared.database.unit_of_work import Database

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
KEY = "ab" * 32


def acquire(database: Database, owner: UUID, now: datetime = NOW) -> dict[str, int]:
    with database.begin() as uow:
        return uow.leases.acquire_many([KEY], owner, now, now + timedelta(seconds=60))


def test_only_one_of_many_workers_gets_a_lease(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: acquire(database, uuid4()), range(24)))
    assert [one for one in taken if one] == [{KEY: 1}]


def test_a_lease_that_was_given_back_is_free_with_a_higher_fence(database: Database) -> None:
    owner = uuid4()
    acquire(database, owner)
    with database.begin() as uow:
        uow.leases.release_many([KEY], owner)
        assert uow.leases.list_held([KEY], NOW) == set()
    assert acquire(database, uuid4()) == {KEY: 2}


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_can_neither_renew_nor_release_it(
    database: Database,
) -> None:
    dead, next_one = uuid4(), uuid4()
    acquire(database, dead)
    assert acquire(database, next_one, LATER) == {KEY: 2}
    with database.begin() as uow:
        assert uow.leases.renew_many([KEY], dead, LATER + timedelta(hours=1)) == set()
        uow.leases.release_many([KEY], dead)
        assert uow.leases.list_held([KEY], LATER) == {KEY}


def test_a_renewed_lease_is_not_free(database: Database) -> None:
    owner = uuid4()
    acquire(database, owner)
    with database.begin() as uow:
        assert uow.leases.renew_many([KEY], owner, LATER + timedelta(seconds=60)) == {KEY}
    assert acquire(database, uuid4(), LATER) == {}


def test_one_call_takes_the_free_ones_of_many(database: Database) -> None:
    acquire(database, uuid4())
    other = "cd" * 32
    with database.begin() as uow:
        assert uow.leases.acquire_many([KEY, other], uuid4(), NOW, LATER) == {other: 1}
