"""What make chaos does, in short, on the stack of the other tests: PostgreSQL hangs under load; a small storm."""

import random
import time

from tests.chaos.asking import ask_all, wait_until_served
from tests.chaos.incidents import Chaos
from tests.chaos.readers import read_known, reading
from tests.chaos.storm import check_after, storming
from tests.fixtures.frozen import frozen
from tests.fixtures.stack import RunningStack, wait_until

LOST_SECONDS = 20
"""Until then every process has asked PostgreSQL in vain."""
STORM_SECONDS = 25
SEED = 7


def test_readers_go_on_while_postgresql_hangs_and_everybody_else_is_told(stack: RunningStack) -> None:
    ask_all(stack)
    with reading(stack, read_known(stack)) as load:
        with frozen(stack.unit("postgres").pid):
            began = time.monotonic()
            refused = [*ask_all(stack), *ask_all(stack)]
            wait_until(lambda: load.since(began).degraded > 0, LOST_SECONDS, 0.5)
            seen = load.since(began)
        assert {one.status for one in refused} == {503}
        assert (seen.untrue, seen.good) == (0, seen.count)
        wait_until_served(stack)
        wait_until(lambda: load.since(time.monotonic() - 1).degraded == 0, LOST_SECONDS, 0.5)


def test_nothing_is_lost_and_nothing_wrong_is_said_in_a_small_storm(stack: RunningStack) -> None:
    chaos = Chaos(stack, links={}, disk=None)
    check_after(chaos, storming(chaos, STORM_SECONDS, random.Random(SEED)))
