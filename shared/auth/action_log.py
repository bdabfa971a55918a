"""Who did what: one row in `actions` for every call that changes state or spends money."""

from collections.abc import Callable, Sequence
from datetime import datetime

from shared.auth.principals import Principal
from shared.database.models.activity import Action, ActionOutcome
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError, ErrorCode

_FAILURES = frozenset(
    {
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.DEPENDENCY_UNAVAILABLE,
        ErrorCode.WAREHOUSE_UNAVAILABLE,
        ErrorCode.WAREHOUSE_TIMEOUT,
    }
)


class ActionLog:
    """Appends to `actions`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def record_actions(
        self,
        action: str,
        *,
        targets: Sequence[str],
        principal: Principal | None,
        error: AlmanacError | None,
        bytes_billed: int,
        trace_id: str,
    ) -> None:
        """Leave one row per target; the bytes of a call with several targets are in its first row."""
        rows = [
            Action(
                user_id=principal.user_id if principal else None,
                actor=principal.email if principal else "-",
                action=action,
                target=target,
                outcome=_judge(error),
                error_code=error.code.value if error else None,
                bytes_billed=bytes_billed if index == 0 else 0,
                trace_id=trace_id,
                created_at=self._clock(),
            )
            for index, target in enumerate(targets)
        ]
        with self._database.begin() as uow:
            uow.actions.create_many(rows)


def _judge(error: AlmanacError | None) -> ActionOutcome:
    if error is None:
        return ActionOutcome.SUCCESS
    return ActionOutcome.FAILED if error.code in _FAILURES else ActionOutcome.REFUSED
