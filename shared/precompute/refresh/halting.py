"""Queries that kill the processes they run in: run alone to find the one, and then no more without a person.

A refresh whose process is killed, for want of memory as a rule, is taken over by the next one, which would be killed in
its turn, every quarter of an hour and in whatever else that process does. What began and never ended is counted with
the lease (`query_leases.unfinished`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import InternalError
from shared.precompute.refresh.outcomes import PendingTask

MOST_UNFINISHED = 2
"""How many refreshes of a query in a row may die with their processes before a person has to start it again."""


@dataclass(frozen=True)
class HaltedTask:
    """A task that does not run, because so many processes in a row died while it did."""

    task: PendingTask
    unfinished: int

    def describe(self) -> InternalError:
        """Why, and what to do."""
        return InternalError(
            f"{self.task.task.unit.names[0]} is not refreshed any more: {self.unfinished} processes in a row were "
            "killed while they ran it, most likely because its result did not fit into their memory.",
            remediation="Make its result smaller (aggregate, fewer columns, a lower max_rows), or start it again, as a "
            'person and not as a service account: POST /precompute {"slugs": […], "force": true}.',
        )


def take_apart(
    tasks: Sequence[PendingTask], unfinished: Mapping[str, int], *, restart: bool
) -> Iterator[list[PendingTask] | HaltedTask]:
    """What runs together, then each alone that ran when a process died: the next death then names the one.

    `unfinished` are the deaths by fingerprint; `restart` says that a person wants all to run.
    """
    if sound := [one for one in tasks if not unfinished.get(one.fingerprint)]:
        yield sound
    for one in tasks:
        count = unfinished.get(one.fingerprint, 0)
        if count >= MOST_UNFINISHED and not restart:
            yield HaltedTask(one, count)
        elif count:
            yield [one]
