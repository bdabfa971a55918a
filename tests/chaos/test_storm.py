"""A storm on a stack of its own: at random, and told how to have the same one again."""

import os
import random
import secrets

import pytest

from tests.chaos.incidents import Chaos
from tests.chaos.reporting import Report
from tests.chaos.storm import check_after, storming

pytestmark = pytest.mark.chaos

SECONDS = float(os.environ.get("CHAOS_SECONDS", "240"))
SEED = int(os.environ.get("CHAOS_SEED", secrets.randbelow(10**6)))


def test_nothing_is_lost_and_nothing_wrong_is_said_in_a_storm(chaos: Chaos, report: Report) -> None:
    report.notes.append(f"The storm: CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS:g}")
    storm = storming(chaos, SECONDS, random.Random(SEED))
    report.add_storm(storm)
    check_after(chaos, storm)
