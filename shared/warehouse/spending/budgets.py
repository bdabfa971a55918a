"""Budgets per user, dashboard, environment and day: reserve before a job, settle after it."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from shared.database.models.costs import CostReservation, CostScope
from shared.database.repositories.reservations import BudgetLine, BudgetState
from shared.database.unit_of_work import Database
from shared.errors import (
    BudgetExceededError,
    RateLimitedError,
    WarehouseTimeoutError,
    WarehouseUnavailableError,
)
from shared.settings import Settings
from shared.warehouse.models.bill import Bill

if TYPE_CHECKING:
    from shared.warehouse.models.bill import RefreshBudget
    from shared.warehouse.models.queries import QueryRequest

_LOGGER = logging.getLogger(__name__)
_EXPIRED_AT_ONCE = 10


@dataclass(frozen=True)
class Reservation:
    """Bytes held for one job, and the budgets they count against."""

    id: UUID
    bytes_reserved: int
    expires_at: datetime
    lines: tuple[BudgetLine, ...]
    refresh_budget: "RefreshBudget | None"


class BudgetService:
    """Nothing spends a byte without a reservation."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        find_bill: Callable[[str, UUID], Bill | None],
        require_ledger: Callable[[str], None],
    ) -> None:
        """`find_bill` asks BigQuery what a job started for a reservation billed.

        It answers nothing billed when that reservation started no such job, None when nobody can say yet, and raises
        WarehouseUnavailableError, WarehouseTimeoutError or RateLimitedError when asking on makes no sense.
        `require_ledger` raises, for an actor, while it is not known what was spent today.
        """
        self._database = database
        self._settings = settings
        self._clock = clock
        self._find_bill = find_bill
        self._require_ledger = require_ledger

    def reserve(self, request: "QueryRequest", byte_count: int, job_id: str) -> Reservation:
        """Hold `byte_count` bytes of every budget the request counts against.

        Raises BudgetExceededError, with limit, used, reserved, remaining and reset time, when one has no room.
        """
        self._require_ledger(request.actor)
        self.release_expired()
        refresh = request.refresh_budget
        if refresh is None:
            return self._reserve(request, byte_count, job_id)
        refresh.take(byte_count, self._settings.warehouse_timeout_seconds)
        try:
            return self._reserve(request, byte_count, job_id)
        except BaseException:
            refresh.settle(byte_count, 0)
            raise

    def settle(self, reservation: Reservation, bill: Bill | None) -> int:
        """Charge the billed bytes, or all the reserved ones where BigQuery never tells; answers what was charged.

        With None nobody knows yet what was billed: the reservation stands until it expires and BigQuery is asked;
        a refresh that goes on counts all of it as billed.
        """
        held = reservation.bytes_reserved
        charged = held if bill is None or bill.byte_count is None else bill.byte_count
        if reservation.refresh_budget is not None:
            reservation.refresh_budget.settle(held, charged)
        if bill is None:
            _LOGGER.warning("Reservation %s stays open: its job's cost is not known yet", reservation.id)
            return 0
        with self._database.begin() as uow:
            uow.reservations.settle(reservation.id, bill.byte_count, reservation.lines, self._clock())
        return charged

    def rename_job(self, reservation: Reservation, job_id: str) -> None:
        """Let the reservation stand for another job: whoever settles it after us asks for that one."""
        with self._database.begin() as uow:
            uow.reservations.rename_job(reservation.id, job_id)

    def has_expired(self, reservation: Reservation) -> bool:
        """True when its bytes may have gone back already: nothing may be started on it any more."""
        return self._clock() >= reservation.expires_at

    def release_expired(self) -> int:
        """Settle reservations whose process died, with what BigQuery says their jobs billed; how many.

        No daemon does this: the next query, heartbeat or look at the costs does. What is found is first
        claimed, by moving its expiry, and BigQuery is asked outside of any transaction: no lock is held
        while waiting, no second worker asks the same, and when BigQuery cannot be asked the reservation
        stands and is looked at again one grace period later.
        """
        now = self._clock()
        again_at = now + timedelta(seconds=self._settings.reservation_grace_seconds)
        with self._database.begin() as uow:
            expired = uow.reservations.claim_expired(now, again_at, _EXPIRED_AT_ONCE)
        settled = 0
        for row in expired:
            try:
                bill = self._find_bill(row.job_id, row.id) if row.job_id else Bill(0)
            except (WarehouseUnavailableError, WarehouseTimeoutError, RateLimitedError) as error:
                # Each of the others would wait as long, and somebody's query waits for all of them.
                _LOGGER.warning("BigQuery cannot be asked what lost jobs billed: %s", error.message)
                break
            if bill is None:
                continue
            with self._database.begin() as uow:
                lines = self.list_lines(row.actor, row.slug, None)
                settled += uow.reservations.settle(row.id, bill.byte_count, lines, now)
                uow.query_runs.abandon(row.job_id, row.created_at, bill.byte_count, now)
        return settled

    def _reserve(self, request: "QueryRequest", byte_count: int, job_id: str) -> Reservation:
        now = self._clock()
        settings = self._settings
        lines = self.list_lines(request.actor, request.slug, request.dashboard_day_limit_bytes)
        lifetime = timedelta(seconds=settings.warehouse_timeout_seconds + settings.reservation_grace_seconds)
        row = CostReservation(
            id=uuid4(), created_at=now, expires_at=now + lifetime, bytes_reserved=byte_count, actor=request.actor,
            slug=request.slug, query_name=request.query_name, fingerprint=request.fingerprint, job_id=job_id,
            day=self.today(),
        )  # fmt: skip
        try:
            with self._database.begin() as uow:
                if not uow.reservations.reserve(row, lines):
                    raise _NoRoomError
        except _NoRoomError:
            raise self._refuse(lines, row.day, byte_count) from None
        return Reservation(row.id, byte_count, row.expires_at, lines, request.refresh_budget)

    def read_states(self, actor: str, slug: str | None, dashboard_day_limit: int | None) -> list[BudgetState]:
        """What is taken today of the budgets a query of `actor` on `slug` counts against."""
        with self._database.begin() as uow:
            return uow.reservations.read_states(
                self.list_lines(actor, slug, dashboard_day_limit), self.today()
            )

    def list_lines(
        self, actor: str, slug: str | None, dashboard_day_limit: int | None
    ) -> tuple[BudgetLine, ...]:
        """The budgets a query counts against: its user's, its dashboard's and the environment's."""
        settings = self._settings
        lines = [
            BudgetLine(CostScope.USER, actor, settings.max_bytes_per_user_day),
            BudgetLine(
                CostScope.ENVIRONMENT, settings.environment.value, settings.max_bytes_per_environment_day
            ),
        ]
        if slug is not None:
            own = dashboard_day_limit or settings.max_bytes_per_dashboard_day
            limit = min(own, settings.max_bytes_per_dashboard_day)
            lines.append(BudgetLine(CostScope.DASHBOARD, slug, limit))
        return tuple(lines)

    def today(self) -> date:
        """The budget's current day, in its own time zone."""
        return self._clock().astimezone(ZoneInfo(self._settings.budget_time_zone)).date()

    def next_reset(self) -> datetime:
        """When the day of the budget ends, in the budget's time zone."""
        zone = ZoneInfo(self._settings.budget_time_zone)
        midnight = datetime.combine(self.today() + timedelta(days=1), datetime.min.time(), zone)
        # By way of UTC: where clocks skip midnight, the day begins at the first time that exists.
        return midnight.astimezone(UTC).astimezone(zone)

    def _refuse(self, lines: Sequence[BudgetLine], day: date, byte_count: int) -> BudgetExceededError:
        # Read after the rollback: inside the refused transaction the lines that had room took the bytes too.
        with self._database.begin() as uow:
            states = uow.reservations.read_states(lines, day)
        tightest = min(states, key=lambda state: state.remaining_bytes)
        described = [
            {
                **self.describe_state(state),
                "needed_bytes": byte_count,
                "refused": state is tightest or state.remaining_bytes < byte_count,
            }
            for state in states
        ]
        return BudgetExceededError(
            f"The query may bill up to {byte_count} bytes; the {tightest.line.scope} budget of "
            f"{tightest.line.key} has {tightest.remaining_bytes} of {tightest.line.limit_bytes} left today.",
            details=described,
            retry_after_seconds=max(1, math.ceil((self.next_reset() - self._clock()).total_seconds())),
        )

    def describe_state(self, state: BudgetState) -> dict[str, object]:
        """A budget line as answers show it; all counts are bytes, the reset is in the budget's time zone."""
        zone = self._settings.budget_time_zone
        return {
            "scope": state.line.scope.value,
            "key": state.line.key,
            "limit_bytes": state.line.limit_bytes,
            "used_bytes": state.bytes_billed,
            "reserved_bytes": state.bytes_reserved,
            "remaining_bytes": state.remaining_bytes,
            "resets_at": self.next_reset().isoformat(),
            "time_zone": zone,
        }


class _NoRoomError(Exception):
    """Rolls back a reservation that did not fit."""
