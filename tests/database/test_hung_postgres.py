"""PostgreSQL that hangs: one caller waits for it, the others are told at once, and service resumes by itself."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.alone.postgres import RunningPostgres
from shared.database.connection import reach
from shared.database.unit_of_work import Database
from shared.errors import DependencyUnavailableError
from tests.fixtures.frozen import frozen

PATIENCE = 1.0
CALLERS = 12


@pytest.fixture
def patient(own_postgres: RunningPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(reach, "PAUSE_SECONDS", 1.0)
    database = Database(own_postgres.settings(database_connect_timeout_seconds=PATIENCE), "almanac-hung")
    yield database
    database.dispose()


def use_quick(database: Database) -> None:
    database.quick._run("SELECT 1", [])


def use_transaction(database: Database) -> None:
    with database.begin():
        pass


def time_call(call: Callable[[], None]) -> tuple[str, float]:
    """What a call says, and how long it takes to say it."""
    began = time.monotonic()
    try:
        call()
    except DependencyUnavailableError as error:
        return error.message, time.monotonic() - began
    return "", time.monotonic() - began


@pytest.mark.parametrize("use", [use_quick, use_transaction])
def test_a_frozen_server_costs_one_patience_and_no_queue(
    own_postgres: RunningPostgres, patient: Database, use: Callable[[Database], None]
) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: use(patient), range(9)))
    with frozen(own_postgres.pid), ThreadPoolExecutor(CALLERS) as pool:
        first = list(pool.map(lambda _: time_call(lambda: use(patient)), range(CALLERS)))
        # Twice the patience and more is what a ping and a new connection took, three times what waiting callers did.
        assert max(seconds for _, seconds in first) < 1.8 * PATIENCE
        # What is done before the server is asked has a quarter of the time.
        assert min(seconds for _, seconds in first) < 0.9 * PATIENCE
        assert all(said for said, _ in first)
        assert patient.reach.is_lost
        again = [time_call(lambda: use(patient)) for _ in range(CALLERS)]
        assert {said for said, _ in again} == {reach.SILENT}
        assert sum(seconds for _, seconds in again) < PATIENCE / 2
    time.sleep(1.2)
    assert time_call(lambda: use(patient))[0] == ""
    assert not patient.reach.is_lost


def test_after_a_silence_one_caller_at_a_time_looks_again(
    own_postgres: RunningPostgres, patient: Database
) -> None:
    use_quick(patient)
    with frozen(own_postgres.pid):
        time_call(lambda: use_quick(patient))
        time.sleep(1.2)
        with ThreadPoolExecutor(CALLERS) as pool:
            said = [
                one[0] for one in pool.map(lambda _: time_call(lambda: use_quick(patient)), range(CALLERS))
            ]
        assert sorted(said).count(reach.SILENT) == CALLERS - 1


def test_a_ping_asks_although_everybody_else_leaves_it_alone(
    own_postgres: RunningPostgres, patient: Database
) -> None:
    use_quick(patient)
    with frozen(own_postgres.pid):
        time_call(lambda: use_quick(patient))
    assert time_call(lambda: use_quick(patient))[0] == reach.SILENT
    patient.ping()
    use_quick(patient)


def test_a_refusal_is_no_silence(own_postgres: RunningPostgres, patient: Database) -> None:
    use_transaction(patient)
    own_postgres.stop()
    try:
        for use in (use_quick, use_transaction):
            assert "cannot be reached" in time_call(lambda use=use: use(patient))[0]  # type: ignore[misc]
        assert not patient.reach.is_lost
    finally:
        own_postgres.start()
    for use in (use_quick, use_transaction):
        assert time_call(lambda use=use: use(patient))[0] == ""  # type: ignore[misc]


def test_who_waits_for_connections_that_nobody_answers_is_told_within_the_patience(
    own_postgres: RunningPostgres, patient: Database
) -> None:
    slots = [patient._slot() for _ in range(3)]
    for slot in slots:
        slot.__enter__()
    try:
        said, seconds = time_call(lambda: use_transaction(patient))
    finally:
        for slot in slots:
            slot.__exit__(None, None, None)
    assert "busy" in said
    assert seconds < 2 * PATIENCE
