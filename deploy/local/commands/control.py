"""Bring the stack up in the background, take it down, or be its supervisor."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from deploy.local.commands.reports import show_overruled, show_summary, supervisor_log
from deploy.local.errors import StackError
from deploy.local.parts import REPOSITORY, ensure_parts, local_dir
from deploy.local.ports import check_listeners
from deploy.local.preflight.checks import check_google
from deploy.local.stack import Stack
from deploy.local.supervision.process import answers_ok
from deploy.local.supervision.progress import follow_start
from deploy.local.supervision.status import (
    StackState,
    StackStatus,
    StatusFile,
    list_left_over,
    read_process_start,
)
from deploy.local.supervision.supervisor import Supervisor

_PYTHON = (3, 13)
_SUPERVISOR_START_SECONDS = 30.0
_STOP_SECONDS = 60.0
_LEFT_OVER_SECONDS = 10.0
_POLL_SECONDS = 0.05


def bring_up() -> None:
    """Start the stack and wait until it serves; a stack that runs is left alone. Raises StackError."""
    _check_programs()
    started = time.monotonic()
    stack = Stack()
    show_overruled(stack, sys.stdout)
    file = StatusFile(local_dir())
    with file.start_one_at_a_time():
        was_running = file.is_supervised()
        if not was_running:
            _end_left_over(file)
            check_listeners(stack.list_listeners())
            check_google(stack)
            ensure_parts()
            _start_supervisor(file)
        status = follow_start(file)
    if was_running:
        _check_running(stack, status)
    print(f"{'Already up' if was_running else 'Up'} ({time.monotonic() - started:.1f} s).")
    show_summary(stack)
    if status.state is StackState.FAULTY:
        raise StackError(f"The stack runs, but not all of its start succeeded: {status.message}")


def run_supervisor() -> int:
    """Be the supervisor, in the foreground, until a signal; answers the exit code. Raises StackError."""
    stack = Stack()
    file = StatusFile(local_dir())
    with file.hold_lock() as held:
        if not held:
            raise StackError("The stack runs already; 'make down' stops it.")
        pid = os.getpid()
        status = StackStatus(pid, read_process_start(pid), stack.compute_fingerprint())
        file.write(status)
        ensure_parts()
        return Supervisor(stack.build_units(), file, status).run()


def take_down() -> None:
    """Stop everything, and say so. Raises StackError when something cannot be stopped."""
    started = time.monotonic()
    file = StatusFile(local_dir())
    if not file.is_supervised():
        ended = _end_left_over(file)
        print(
            f"Ended what a killed supervisor had left: {ended} processes."
            if ended
            else "Nothing was running."
        )
        return
    status = _wait_for_status(file)
    count = 1 + sum(unit.pid is not None for unit in status.units)
    os.kill(status.supervisor_pid, signal.SIGTERM)
    if not _wait_for(lambda: not file.is_supervised(), _STOP_SECONDS):
        os.kill(status.supervisor_pid, signal.SIGKILL)
    _end_left_over(file)
    print(f"Stopped {count} processes in {time.monotonic() - started:.1f} s; none is left.")


def _check_programs() -> None:
    if sys.version_info[:2] != _PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise StackError(f"This needs Python 3.13 and runs on {found}; install 3.13 and run 'make install'.")
    if shutil.which("git") is None:
        raise StackError("git is missing, and saved dashboards are commits of a Git repository; install git.")


def _check_running(stack: Stack, status: StackStatus) -> None:
    if status.fingerprint != stack.compute_fingerprint():
        raise StackError("Settings or endpoints changed since the start; run 'make down', then 'make up'.")
    if not answers_ok(stack.ports.nginx, "/healthz"):
        raise StackError("The stack runs, but nginx does not answer; see 'make status' and 'make logs'.")


def _start_supervisor(file: StatusFile) -> None:
    file.remove()
    log_path = supervisor_log()
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run"],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_for(lambda: file.read() is not None or process.poll() is not None, _SUPERVISOR_START_SECONDS)
    if file.read() is None:
        said = log_path.read_text(errors="replace").strip()
        raise StackError(f"The supervisor did not start: {said or log_path}")


def _wait_for_status(file: StatusFile) -> StackStatus:
    """The status of the supervisor that lives now, not of an earlier one whose id may be another's today."""

    def is_current() -> bool:
        status = file.read()
        return status is not None and read_process_start(status.supervisor_pid) == status.supervisor_started

    _wait_for(is_current, _SUPERVISOR_START_SECONDS)
    status = file.read()
    if status is None or not is_current():
        raise StackError("The supervisor has not begun to work yet; try again in a moment.")
    return status


def _end_left_over(file: StatusFile) -> int:
    """Wait for what outlived a killed supervisor, and end it if need be; answers how many there were.

    They were told to stop when it died; force is for those that do not.
    """
    status = file.read()
    if status is None:
        return 0
    left_over = list_left_over(status)
    if not _wait_for(lambda: not list_left_over(status), _LEFT_OVER_SECONDS):
        for pid in list_left_over(status):
            os.killpg(pid, signal.SIGKILL)
        if not _wait_for(lambda: not list_left_over(status), _LEFT_OVER_SECONDS):
            raise StackError(f"These processes cannot be ended: {list_left_over(status)}.")
    file.remove()
    return len(left_over)


def _wait_for(is_done: Callable[[], bool], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
