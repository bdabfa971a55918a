"""What the supervisor tells the commands: one JSON file, and a lock that says whether it lives.

The lock is the truth: the kernel drops it with the supervisor, however that ends.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TextIO


class State(StrEnum):
    """Where a unit stands; `READY` (services) and `DONE` (tasks) are the good ends of starting."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class StackState(StrEnum):
    """Where the whole stack stands; `FAULTY`: it runs, but an optional task failed."""

    STARTING = "starting"
    READY = "ready"
    FAULTY = "faulty"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass
class UnitStatus:
    """One service or task; `seconds` is how long it took to start or run."""

    name: str
    kind: str
    state: State = State.WAITING
    pid: int | None = None
    process_started: int | None = None
    restarts: int = 0
    seconds: float = 0.0
    message: str = ""
    log_path: str = ""


@dataclass
class StackStatus:
    """The whole stack; `fingerprint` identifies the settings and the manifest it was started with."""

    supervisor_pid: int
    supervisor_started: int | None
    fingerprint: str
    state: StackState = StackState.STARTING
    message: str = ""
    units: list[UnitStatus] = field(default_factory=list)


class StatusFile:
    """The status file and the lock in `<state_dir>/run`."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "run"
        self._path = self._folder / "status.json"

    def write(self, status: StackStatus) -> None:
        """Replace the file at once, so that no reader sees half of it."""
        staging = self._path.with_suffix(".new")
        staging.write_text(json.dumps(asdict(status), indent=1))
        staging.replace(self._path)

    def read(self) -> StackStatus | None:
        """The last status written, by a supervisor that may be gone; None when there never was one."""
        try:
            document = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        units = [UnitStatus(**{**unit, "state": State(unit["state"])}) for unit in document.pop("units")]
        return StackStatus(**{**document, "state": StackState(document["state"]), "units": units})

    def remove(self) -> None:
        """Forget the last status."""
        self._path.unlink(missing_ok=True)

    @contextmanager
    def hold_lock(self, patience_seconds: float = 1.0) -> Iterator[bool]:
        """Hold the supervisor's lock; yields False when another process holds it.

        Patience, because `is_supervised` of another command holds it for an instant.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "supervisor.lock").open("w") as lock:
            deadline = time.monotonic() + patience_seconds
            while not (held := _try_lock(lock)) and time.monotonic() < deadline:
                time.sleep(0.02)
            yield held

    def is_supervised(self) -> bool:
        """True while a supervisor lives."""
        with self.hold_lock(patience_seconds=0) as held:
            return not held

    @contextmanager
    def start_one_at_a_time(self) -> Iterator[None]:
        """Of several commands that start the stack at once, the later ones wait here and find it running."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _try_lock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_process_start(pid: int) -> int | None:
    """When process `pid` started (clock ticks since boot); None when it is gone or a zombie.

    Together with the id this names a process for good; ids alone are given again.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def list_left_over(status: StackStatus) -> list[int]:
    """Processes of `status` that still live, whatever became of their supervisor."""
    return [
        unit.pid
        for unit in status.units
        if unit.pid is not None
        and unit.pid != os.getpid()
        and unit.process_started is not None
        and read_process_start(unit.pid) == unit.process_started
    ]
