"""A new process looks for garbage from its first answer on, and never again through what it was started with."""

import gc
from collections.abc import Iterator

import pytest

from shared.api.garbage import postpone_collection, resume_collection


@pytest.fixture(autouse=True)
def _usual_again() -> Iterator[None]:
    yield
    resume_collection()
    gc.unfreeze()


def test_the_first_answer_ends_the_postponement() -> None:
    resume_collection()
    usual = gc.get_threshold()
    gc.unfreeze()
    postpone_collection()
    assert gc.get_threshold()[0] > 50 * usual[0]
    assert gc.isenabled()
    resume_collection()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() > 1000


def test_later_answers_freeze_nothing() -> None:
    postpone_collection()
    resume_collection()
    frozen = gc.get_freeze_count()
    kept = [[number] for number in range(1000)]
    resume_collection()
    assert gc.get_freeze_count() <= frozen
    assert len(kept) == 1000
