"""Statements that take at most so many rows keep to it, whatever plan PostgreSQL chooses."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.models.base import Base
from shared.database.models.costs import CostReservation
from shared.database.models.runs import ExpiredBlob
from shared.database.unit_of_work import Database, UnitOfWork
from tests.database.builders import NOW, add_dashboards, add_user, make_payload, make_session

ROWS, BOUND = 9, 2
LATER = NOW + timedelta(days=30)
# What is left is a nested loop, which runs a subquery of IN once for each row outside.
ONE_PLAN = (
    "hashjoin",
    "mergejoin",
    "hashagg",
    "sort",
    "material",
    "bitmapscan",
    "indexscan",
    "indexonlyscan",
)


def make_sessions(database: Database) -> Sequence[Base]:
    user = add_user(database)
    return [make_session(user, str(number)) for number in range(ROWS)]


def make_retired_payloads(database: Database) -> Sequence[Base]:
    (dashboard,) = add_dashboards(database, "gone", deleted_at=NOW)
    return [make_payload(dashboard.id, str(number)) for number in range(ROWS)]


def make_blobs(database: Database) -> Sequence[Base]:
    return [ExpiredBlob(path=str(number), delete_after=NOW) for number in range(ROWS)]


def make_reservations(database: Database) -> Sequence[Base]:
    held = {"bytes_reserved": 1, "actor": "ada@example.com", "day": NOW.date(), "created_at": NOW}
    return [
        CostReservation(id=uuid4(), expires_at=NOW + timedelta(seconds=number + 1), **held)
        for number in range(ROWS)
    ]


@pytest.mark.parametrize(
    ("make_rows", "take"),
    [
        (make_sessions, lambda work: work.sessions.delete_expired(LATER, BOUND)),
        (make_retired_payloads, lambda work: len(work.payloads.retire_many(LATER, BOUND))),
        (make_blobs, lambda work: len(work.expired_blobs.take_due(LATER, BOUND))),
        (make_reservations, lambda work: len(work.reservations.claim_expired(LATER, LATER, BOUND))),
    ],
)
def test_no_more_rows_are_taken_than_allowed(
    database: Database,
    make_rows: Callable[[Database], Sequence[Base]],
    take: Callable[[UnitOfWork], Any],
) -> None:
    rows = make_rows(database)
    with Session(database.engine) as session, session.begin():
        session.add_all(rows)
    with database.begin() as work:
        for node in ONE_PLAN:
            work._session.execute(text(f"SET LOCAL enable_{node} = off"))
        assert take(work) == BOUND
