"""Queries on their way through a refresh: to be run here, or waited for."""

from dataclasses import dataclass, field
from typing import TypeGuard

from shared.database.models.runs import QueryResult
from shared.precompute.tasks import RefreshTask, TaskOutcome


@dataclass(frozen=True)
class PendingTask:
    """A task that has to run, why, and the result there was when that was decided."""

    task: RefreshTask
    previous: QueryResult | None
    reason: str

    @property
    def fingerprint(self) -> str:
        """The query."""
        return self.task.fingerprint

    @property
    def known_error(self) -> dict[str, object] | None:
        """The failure that was known when the refresh began."""
        return self.previous.refresh_error if self.previous else None

    def is_answered_by(self, row: QueryResult | None) -> TypeGuard[QueryResult]:
        """True when somebody stored a result after this task was looked at."""
        return row is not None and (self.previous is None or row.fence > self.previous.fence)


@dataclass
class OthersReport:
    """What other workers did: tasks that are done, tasks still waited for, and whether one of those is free."""

    done: list[tuple[PendingTask, TaskOutcome]] = field(default_factory=list)
    pending: list[PendingTask] = field(default_factory=list)
    left_free: bool = False
