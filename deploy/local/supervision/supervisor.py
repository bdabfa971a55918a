"""Runs the units of the stack: starts each when what it needs is there, restarts what ends, stops in reverse.

All processes are started from the main thread: their parent-death signal is tied to the thread that
started them (see `process`). Whatever may block (preparing, waiting until ready) runs in worker threads.
"""

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from deploy.local.supervision.process import Service, ServiceFailedError
from deploy.local.supervision.status import StackState, StackStatus, State, StatusFile, read_process_start
from deploy.local.supervision.units import Unit, UnitRun, order_for_stopping

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
STABLE_AFTER_SECONDS = 60.0
_BUSY_POLL_SECONDS = 0.05
_IDLE_POLL_SECONDS = 1.0


class Supervisor:
    """Runs `units` (an acyclic graph) until a signal says stop, and keeps `file` up to date.

    At most `max_starting` services start at once, in the order given: twenty programs that import at the
    same time on two processors are all late, and what others wait for should not be.
    """

    def __init__(
        self, units: Sequence[Unit], file: StatusFile, status: StackStatus, max_starting: int | None = None
    ) -> None:
        self._max_starting = max_starting or max(4, os.cpu_count() or 1)
        self._runs = {unit.name: UnitRun(unit) for unit in units}
        self._stop_order = order_for_stopping(units)
        self._file = file
        self._status = status
        self._status.units = [run.status for run in self._runs.values()]
        self._written = ""
        # A signal is waited for on a socket: an Event set in the handler of a signal that arrives while the
        # same thread holds the Event's lock would wait for that lock for ever.
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._stop_requested = False
        self._pool = ThreadPoolExecutor(max_workers=len(units) + 1, thread_name_prefix="unit")

    def run(self) -> int:
        """Start everything and stay until SIGTERM, SIGINT or SIGHUP; answers the exit code."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        # Python writes to the wakeup descriptor only for signals that have a handler of its own.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            while not self._stop_requested and self._status.state is not StackState.FAILED:
                for run in self._runs.values():
                    self._advance(run)
                self._judge()
                self._report()
                self._wait(_BUSY_POLL_SECONDS if self._is_busy() else _IDLE_POLL_SECONDS)
        finally:
            self._stop_all()
        return 1 if self._status.state is StackState.FAILED else 0

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requested = True

    def _wait(self, timeout_seconds: float) -> None:
        """Until a signal arrives, or so long."""
        if select.select([self._woken], [], [], timeout_seconds)[0]:
            self._woken.recv(4096)

    def _advance(self, run: UnitRun) -> None:
        match run.status.state:
            case State.WAITING if self._may_start(run):
                self._begin(run)
            case State.STARTING if run.service is None:
                self._continue_start(run)
            case State.STARTING if run.unit.is_task:
                self._watch_task(run)
            case State.STARTING:
                self._watch_start(run)
            case State.READY:
                self._watch_ready(run)
            case State.RESTARTING if time.monotonic() >= run.restart_at:
                self._begin(run)

    def _may_start(self, run: UnitRun) -> bool:
        if not all(self._runs[name].is_settled for name in run.unit.needs):
            return False
        starting = sum(
            other.status.state is State.STARTING and not other.unit.is_task for other in self._runs.values()
        )
        return run.unit.is_task or starting < self._max_starting

    def _begin(self, run: UnitRun) -> None:
        run.service = None
        run.began = time.monotonic()
        run.status.state = State.STARTING
        run.preparing = self._pool.submit(run.unit.prepare)

    def _continue_start(self, run: UnitRun) -> None:
        if run.preparing is None or not run.preparing.done():
            return
        error = run.preparing.exception()
        if error is not None:
            self._fail(run, f"{run.unit.name} could not be prepared: {error}")
            return
        spec = run.preparing.result()
        run.status.log_path = str(spec.log_path)
        service = Service(spec)
        try:
            service.start()
        except ServiceFailedError as failure:
            self._fail(run, str(failure))
            return
        run.service = service
        run.status.pid = service.pid
        run.status.process_started = read_process_start(service.pid) if service.pid else None
        if not run.unit.is_task:
            run.waiting = self._pool.submit(service.wait_ready)

    def _watch_task(self, run: UnitRun) -> None:
        if run.service is None:
            return
        code = run.service.exit_code
        if code is None:
            run.status.message = run.service.read_log_end(1)
            return
        if code == 0:
            run.status.message = run.service.read_log_end(1)
            self._settle(run, State.DONE)
        else:
            self._fail(run, f"{run.unit.name} failed:\n{run.service.read_log_end()}")

    def _watch_start(self, run: UnitRun) -> None:
        if run.waiting is None or not run.waiting.done():
            return
        error = run.waiting.exception()
        if error is not None:
            self._fail(run, str(error))
            return
        run.status.message = ""
        run.ready_since = time.monotonic()
        self._settle(run, State.READY)

    def _watch_ready(self, run: UnitRun) -> None:
        if run.service is None or run.service.pid is not None:
            return
        if time.monotonic() - run.ready_since > STABLE_AFTER_SECONDS:
            run.failures_in_a_row = 0
        self._schedule_restart(run, f"{run.unit.name} ended with exit code {run.service.exit_code}")

    def _settle(self, run: UnitRun, state: State) -> None:
        run.status.state = state
        run.status.seconds = round(time.monotonic() - run.began, 2)
        if run.unit.is_task:
            run.status.pid = None

    def _fail(self, run: UnitRun, reason: str) -> None:
        """A unit did not start: the end of a first start, one more attempt later on."""
        message = _condense(reason, run.status.log_path)
        if self._status.state is StackState.STARTING:
            self._settle(run, State.FAILED)
            run.status.message = message
        else:
            self._schedule_restart(run, message)

    def _schedule_restart(self, run: UnitRun, message: str) -> None:
        if run.service is not None:
            run.service.stop()
        delay = min(FIRST_BACKOFF_SECONDS * 2**run.failures_in_a_row, LONGEST_BACKOFF_SECONDS)
        run.failures_in_a_row += 1
        run.restart_at = time.monotonic() + delay
        run.status.restarts += 1
        run.status.state = State.RESTARTING
        run.status.pid = None
        run.status.message = message
        print(f"{message}; starting it again in {delay:.1f} s", flush=True)

    def _judge(self) -> None:
        """Move the stack from starting to where it ends up."""
        if self._status.state is not StackState.STARTING:
            return
        failed = [run for run in self._runs.values() if run.status.state is State.FAILED]
        if any(run.unit.required for run in failed):
            self._status.state = StackState.FAILED
        elif all(run.is_settled or run in failed for run in self._runs.values()):
            self._status.state = StackState.FAULTY if failed else StackState.READY
        if failed and self._status.state is not StackState.STARTING:
            self._status.message = failed[0].status.message

    def _is_busy(self) -> bool:
        busy = {State.WAITING, State.STARTING, State.RESTARTING}
        return any(run.status.state in busy for run in self._runs.values())

    def _report(self) -> None:
        current = repr(self._status)
        if current != self._written:
            self._file.write(self._status)
            self._written = current

    def _stop_all(self) -> None:
        failed = self._status.state is StackState.FAILED
        if not failed:
            self._status.state = StackState.STOPPING
        self._report()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for names in self._stop_order:
            self._stop_units([self._runs[name] for name in names])
        if not failed:
            self._status.state = StackState.STOPPED
        self._report()

    def _stop_units(self, runs: Iterable[UnitRun]) -> None:
        threads = []
        for run in runs:
            if run.service is not None and run.status.state is not State.DONE:
                threads.append(threading.Thread(target=_stop_service, args=(run.service,)))
                threads[-1].start()
            if run.status.state not in {State.DONE, State.FAILED}:
                run.status.state = State.STOPPED
            run.status.pid = None
        for thread in threads:
            thread.join()


def _stop_service(service: Service) -> None:
    started = time.monotonic()
    service.stop()
    print(f"stopped {service.spec.name} in {time.monotonic() - started:.1f} s", flush=True)


def _condense(reason: str, log_path: str) -> str:
    """One sentence from a reason that ends in a stretch of log: its last line names the error."""
    first, *rest = reason.splitlines() or [""]
    if not rest:
        return reason
    return f"{first} {rest[-1].strip()} (the whole log: {log_path})"
