"""What the terminal shows while the stack starts."""

import time

from deploy.local.errors import StackError
from deploy.local.supervision.status import StackState, StackStatus, State, StatusFile, UnitStatus

_POLL_SECONDS = 0.1
_REPEAT_SECONDS = 3.0
_WORTH_A_LINE = frozenset({State.READY, State.DONE, State.FAILED})


def follow_start(file: StatusFile) -> StackStatus:
    """Print what becomes ready, until the start is over; answers the status then.

    Raises StackError with the reason when the start failed.
    """
    printer: _Printer | None = None
    while True:
        supervised = file.is_supervised()
        status = file.read()
        if status is not None:
            is_over = status.state in {StackState.READY, StackState.FAULTY}
            if printer is not None or not is_over:  # what was up before is no news
                printer = printer or _Printer()
                printer.show(status)
            if is_over:
                return status
        if not supervised:
            reason = status.message if status else ""
            raise StackError(reason or "The supervisor ended while starting; see 'make logs'.")
        time.sleep(_POLL_SECONDS)


class _Printer:
    """One line when a unit is settled, and every few seconds one for what a task says meanwhile."""

    def __init__(self) -> None:
        self._settled: set[str] = set()
        self._said: dict[str, str] = {}
        self._next_repeat = time.monotonic() + _REPEAT_SECONDS

    def show(self, status: StackStatus) -> None:
        for unit in status.units:
            if unit.state in _WORTH_A_LINE and unit.name not in self._settled:
                self._settled.add(unit.name)
                self._print_settled(unit)
        if time.monotonic() >= self._next_repeat:
            self._next_repeat = time.monotonic() + _REPEAT_SECONDS
            for unit in status.units:
                self._print_message(unit)

    def _print_settled(self, unit: UnitStatus) -> None:
        said = f"  {unit.message}" if unit.state is State.DONE and unit.message else ""
        print(f"  {unit.name:<20} {unit.state:<7} {unit.seconds:6.1f} s{said}", flush=True)

    def _print_message(self, unit: UnitStatus) -> None:
        if unit.state is State.STARTING and unit.message != self._said.get(unit.name, ""):
            self._said[unit.name] = unit.message
            print(f"  {unit.name:<20} ... {unit.message}", flush=True)
