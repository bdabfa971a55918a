"""One worker refreshes a query at a time, in the whole fleet.

Leases are in PostgreSQL, which every worker needs anyway: the fence they hand out is compared in the statement
that stores a result, it survives a flushed cache, and one clock says when a lease is over, whatever the workers'
own clocks say. A lease is short and renewed while its holder lives; a holder that dies is succeeded by one that
attaches to the same job, because job ids do not depend on the holder.

Queries that kill the processes they run in: run alone to find the one, and then no more without a person.

A refresh whose process is killed, for want of memory as a rule, is taken over by the next one, which would be killed in
its turn, every quarter of an hour and in whatever else that process does. What began and never ended is counted with
the lease (`query_leases.unfinished`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from uuid import UUID, uuid4

from shared.database.unit_of_work import Database
from shared.errors import DependencyUnavailableError, InternalError
from shared.precompute.refresh.outcomes import PendingTask


class UnwrittenEnds:
    """Refreshes of this process that ended while PostgreSQL was away: none of them died, and the next one says so.

    Safe between threads.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = Lock()
        self._ended: dict[UUID, set[str]] = {}

    def add(self, owner: UUID, fingerprints: set[str]) -> None:
        """Remember that the owner's refreshes of these ended."""
        with self._mutex:
            self._ended.setdefault(owner, set()).update(fingerprints)

    def write(self) -> None:
        """Write them down; what another worker has taken over since is its own. Raises DependencyUnavailableError."""
        with self._mutex:
            waiting = {owner: sorted(found) for owner, found in self._ended.items()}
        if not waiting:
            return
        with self._database.begin() as uow:
            for owner, fingerprints in waiting.items():
                uow.leases.end_many(fingerprints, owner)
                uow.leases.release_many(fingerprints, owner)
        with self._mutex:
            for owner in waiting:
                self._ended.pop(owner, None)


class RefreshLeases:
    """The leases of one refresh; what it cannot write when it ends is left to `unwritten`."""

    def __init__(
        self,
        database: Database,
        lifetime_seconds: float,
        elapsed_seconds: Callable[[], float] = time.monotonic,
        unwritten: UnwrittenEnds | None = None,
    ) -> None:
        self._unwritten = unwritten or UnwrittenEnds(database)
        self._database = database
        self._elapsed_seconds = elapsed_seconds
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._renew_every_seconds = lifetime_seconds / 3
        self._owner = uuid4()
        self._held: set[str] = set()
        self._begun: set[str] = set()
        self._renew_at = 0.0

    def acquire(self, fingerprints: Sequence[str]) -> dict[str, int]:
        """Take the leases that nobody has; their fences by fingerprint."""
        with self._database.begin() as uow:
            taken = uow.leases.acquire_many(fingerprints, self._owner, self._lifetime)
        self._held.update(taken)
        self._renew_at = self._elapsed_seconds() + self._renew_every_seconds
        return taken

    def count_unfinished(self, fingerprints: Sequence[str]) -> dict[str, int]:
        """How many refreshes in a row died with their processes; queries without any are left out."""
        self._unwritten.write()
        with self._database.begin() as uow:
            return uow.leases.count_unfinished(fingerprints)

    def begin(self, fingerprints: Sequence[str]) -> None:
        """Write down that these are refreshed from now on: what is never released then died with this process."""
        with self._database.begin() as uow:
            uow.leases.begin_many(fingerprints, self._owner)
        self._begun.update(fingerprints)

    def renew(self) -> None:
        """Keep the leases; cheap to call often, because it writes only when a third of the lifetime is over."""
        now = self._elapsed_seconds()
        if not self._held or now < self._renew_at:
            return
        with self._database.begin() as uow:
            self._held = uow.leases.renew_many(sorted(self._held), self._owner, self._lifetime)
        self._renew_at = now + self._renew_every_seconds

    def release(self, fingerprints: Iterable[str]) -> None:
        """Give leases back; those that ran out in the meantime are somebody else's and stay."""
        ended = self._held.intersection(fingerprints)
        if ended:
            with self._database.begin() as uow:
                uow.leases.end_many(sorted(ended & self._begun), self._owner)
                uow.leases.release_many(sorted(ended), self._owner)
            self._held -= ended
            self._begun -= ended

    def release_all(self) -> None:
        """Give everything back."""
        held, begun = set(self._held), set(self._begun)
        try:
            self.release(held)
        except DependencyUnavailableError:
            self._unwritten.add(self._owner, held & begun)
            raise

    def find_held(self, fingerprints: Sequence[str]) -> set[str]:
        """Those of the fingerprints that some worker is refreshing."""
        with self._database.begin() as uow:
            return uow.leases.list_held(fingerprints)


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
