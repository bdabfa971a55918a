"""Queries on their way through a refresh: to be run here, or waited for."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeGuard

from shared.database.models.runs import QueryFailure, QueryResult
from shared.precompute.refresh.tasks import RefreshTask, TaskOutcome


@dataclass(frozen=True)
class PendingTask:
    """A task that has to run, why, and the result there was when that was decided.

    `newer_than` is what makes a job's answer too old; `known_failure` the fence of the failure that was known.
    """

    task: RefreshTask
    previous: QueryResult | None
    reason: str
    newer_than: datetime
    known_failure: int = 0

    @property
    def fingerprint(self) -> str:
        """The query."""
        return self.task.fingerprint

    def is_answered_by(self, row: QueryResult | None) -> TypeGuard[QueryResult]:
        """True when somebody stored a result after this task was looked at."""
        return row is not None and (self.previous is None or row.fence > self.previous.fence)

    def has_failed_since(self, failure: QueryFailure | None) -> TypeGuard[QueryFailure]:
        """True when somebody else tried after this task was looked at, and failed."""
        return failure is not None and failure.fence > self.known_failure


@dataclass
class OthersReport:
    """What other workers did: tasks that are done, tasks still waited for, and whether one of those is free."""

    done: list[tuple[PendingTask, TaskOutcome]] = field(default_factory=list)
    pending: list[PendingTask] = field(default_factory=list)
    left_free: bool = False
