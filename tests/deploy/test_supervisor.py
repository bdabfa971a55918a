"""The supervisor with real processes: order, restarts, failures, and that nothing is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.local.errors import StackError
from deploy.local.parts import REPOSITORY
from deploy.local.supervision.process import ServiceSpec, accepts_connections, pick_free_port
from deploy.local.supervision.progress import follow_start
from deploy.local.supervision.status import (
    StackState,
    StackStatus,
    State,
    StatusFile,
    UnitStatus,
    list_left_over,
)
from deploy.local.supervision.units import Unit, order_for_stopping


def server(name: str, **more: Any) -> dict[str, Any]:
    """A service that listens on a free port and notes its start and its end."""
    port = pick_free_port()
    code = (
        "import signal, socket, sys, time\n"
        "def note(word):\n"
        f"    open('journal', 'a').write(f'{{word}} {name}\\n')\n"
        "def stop(*_):\n"
        "    note('stop')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "note('start')\n"
        f"listener = socket.create_server(('127.0.0.1', {port}))\n"
        "while True:\n"
        "    time.sleep(60)\n"
    )
    return {"name": name, "command": ["-c", code], "port": port, **more}


def task(name: str, code: str, **more: Any) -> dict[str, Any]:
    """A task of a line of Python."""
    return {"name": name, "command": ["-c", code], **more}


@dataclass
class Run:
    """A supervisor process and the folder it works in."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    seen_pids: set[int] = field(default_factory=set)

    @property
    def file(self) -> StatusFile:
        return StatusFile(self.folder)

    def start(self, *units: dict[str, Any], max_starting: int = 4, **more: float) -> None:
        path = self.folder / "units.json"
        given = {"state_dir": str(self.folder), "units": units, "max_starting": max_starting, **more}
        path.write_text(json.dumps(given))
        with (self.folder / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.deploy.supervised", str(path)],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdout=said,
            )

    def read(self) -> StackStatus | None:
        status = self.file.read()
        if status:
            self.seen_pids |= {unit.pid for unit in status.units if unit.pid}
        return status

    def unit(self, name: str) -> UnitStatus:
        status = self.read()
        units = status.units if status else []
        return next((unit for unit in units if unit.name == name), UnitStatus(name, "not known yet"))

    def wait_until(self, what: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.read()
            time.sleep(0.02)

    def wait_for(self, state: StackState) -> None:
        self.wait_until(lambda: (status := self.read()) is not None and status.state is state)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)

    def journal(self) -> list[str]:
        return (self.folder / "journal").read_text().splitlines()

    def check_nothing_left(self) -> None:
        self.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in self.seen_pids), 10)


@pytest.fixture
def run(servers: None, tmp_path: Path) -> Iterator[Run]:
    """A supervisor to start; afterwards none of its processes lives."""
    run = Run(tmp_path)
    yield run
    if run.process is not None:
        if run.process.poll() is None:
            run.stop()
        run.check_nothing_left()


def test_units_start_after_what_they_need_and_stop_before_it(run: Run) -> None:
    run.start(
        server("front", needs=["middle", "prepared"]),
        task("prepared", "open('journal', 'a').write('task\\n')", needs=["back"]),
        server("middle", needs=["back"]),
        server("back"),
    )
    run.wait_for(StackState.READY)
    started = run.journal()
    assert started[0] == "start back"
    assert started[-1] == "start front"
    assert "task" in started
    assert run.unit("prepared").state is State.DONE
    assert run.stop() == 0
    assert run.journal()[len(started) :] == ["stop front", "stop middle", "stop back"]


def test_a_unit_that_uses_another_does_not_wait_for_it_but_stops_first(run: Run) -> None:
    slow = server("slow")
    slow["command"][1] = "import time; time.sleep(1)\n" + slow["command"][1]
    run.start(server("user", uses=["slow"]), slow)
    run.wait_for(StackState.READY)
    run.stop()
    assert run.journal() == ["start user", "start slow", "stop user", "stop slow"]


def test_no_more_services_start_at_once_than_allowed(run: Run) -> None:
    slow = server("slow")
    slow["command"][1] = "import time; time.sleep(1)\n" + slow["command"][1]
    run.start(slow, server("next"), task("beside", "open('journal', 'a').write('task\\n')"), max_starting=1)
    run.wait_for(StackState.READY)
    assert run.journal() == ["task", "start slow", "start next"]


def test_a_service_that_is_killed_is_started_again(run: Run) -> None:
    run.start(server("one"), server("two"))
    run.wait_for(StackState.READY)
    first, other = run.unit("one").pid, run.unit("two").pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    run.wait_until(lambda: run.unit("one").restarts == 1 and run.unit("one").state is State.READY)
    assert run.unit("one").pid != first
    assert run.unit("two").pid == other


def test_restarts_wait_longer_each_time(run: Run) -> None:
    run.start(server("one"))
    run.wait_for(StackState.READY)
    moments = []
    for restarts in (1, 2, 3):
        pid = run.unit("one").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        run.wait_until(
            lambda n=restarts: run.unit("one").restarts == n and run.unit("one").state is State.READY
        )
        moments.append(time.monotonic() - killed)
    assert moments[0] >= 0.5
    assert moments[1] >= 1.0
    assert moments[2] >= 2.0


def test_a_service_that_was_well_for_long_enough_is_started_again_as_soon_as_the_first_time(run: Run) -> None:
    run.start(server("one"), stable_after_seconds=0)
    run.wait_for(StackState.READY)
    for restarts in (1, 2, 3):
        pid = run.unit("one").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        run.wait_until(
            lambda n=restarts: run.unit("one").restarts == n and run.unit("one").state is State.READY
        )
    said = (run.folder / "said").read_text()
    assert re.findall(r"starting it again in (\S+) s", said) == ["0.5"] * 3


def test_what_a_killed_service_left_on_its_port_does_not_block_the_restart(run: Run) -> None:
    one = server("one")
    # A child that inherits the listening socket and ignores its parent's end, as a worker process may.
    one["command"][1] = one["command"][1].replace(
        "while True:", "import os\nlistener.set_inheritable(True)\nos.fork()\nwhile True:"
    )
    run.start(one)
    run.wait_for(StackState.READY)
    pid = run.unit("one").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    run.wait_until(lambda: run.unit("one").restarts == 1 and run.unit("one").state is State.READY)
    assert "Address already in use" not in (run.folder / "one.log").read_text()


def test_a_required_service_that_ends_while_starting_fails_the_start_and_stops_the_rest(run: Run) -> None:
    broken = {"name": "broken", "command": ["-c", "raise SystemExit('no room on the moon')"], "port": 1}
    run.start(server("good"), {**broken, "needs": ["good"]})
    assert run.process is not None
    assert run.process.wait(20) == 1
    status = run.read()
    assert status is not None
    assert status.state is StackState.FAILED
    assert status.message == (
        f"broken ended while starting: no room on the moon (the whole log: {run.folder / 'broken.log'})"
    )
    assert run.journal() == ["start good", "stop good"]


def test_a_service_that_never_gets_ready_fails_the_start_in_time(run: Run) -> None:
    deaf = {"name": "deaf", "command": ["-c", "import time; time.sleep(60)"], "port": 1}
    run.start({**deaf, "ready_timeout_seconds": 1})
    run.wait_until(lambda: run.file.read() is not None)
    with pytest.raises(StackError, match="deaf was not ready within 1 s"):
        follow_start(run.file)
    assert run.process is not None
    assert run.process.wait(20) == 1


def test_a_failed_optional_task_leaves_the_stack_running(run: Run) -> None:
    run.start(server("good"), task("seed", "raise SystemExit('not today')", required=False))
    run.wait_for(StackState.FAULTY)
    status = run.read()
    assert status is not None
    assert status.message.startswith("seed failed: not today (")
    assert run.unit("good").state is State.READY


def test_what_a_task_says_is_shown_while_it_works(run: Run) -> None:
    run.start(task("load", "import time; print('half way', flush=True); time.sleep(1.5); print('all there')"))
    run.wait_until(lambda: run.unit("load").message == "half way")
    run.wait_for(StackState.READY)
    assert run.unit("load").message == "all there"


def test_a_killed_supervisor_leaves_no_process(run: Run) -> None:
    one, two = server("one"), server("two")
    run.start(one, two)
    run.wait_for(StackState.READY)
    assert run.process is not None
    status = run.read()
    assert status is not None
    run.process.kill()
    run.process.wait()
    run.check_nothing_left()
    assert not run.file.is_supervised()
    assert list_left_over(status) == []
    assert not accepts_connections(one["port"])


def test_a_stop_while_starting_leaves_no_process(run: Run) -> None:
    run.start(server("good"), {"name": "deaf", "command": ["-c", "import time; time.sleep(60)"], "port": 1})
    run.wait_until(lambda: run.unit("deaf").pid is not None)
    assert run.stop() == 0
    status = run.read()
    assert status is not None
    assert status.state is StackState.STOPPED


def test_a_service_that_ignores_its_signal_is_ended_by_force(run: Run) -> None:
    stubborn = server("stubborn")
    stubborn["command"][1] = stubborn["command"][1].replace("note('stop')\n    sys.exit(0)", "pass")
    run.start(stubborn)
    run.wait_for(StackState.READY)
    started = time.monotonic()
    assert run.stop() == 0
    assert 2 <= time.monotonic() - started < 6


def test_only_one_supervisor_works_in_a_folder(run: Run) -> None:
    run.start(server("one"))
    run.wait_for(StackState.READY)
    second = subprocess.run(
        [sys.executable, "-m", "tests.deploy.supervised", str(run.folder / "units.json")],
        cwd=run.folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=20,
        check=False,
    )
    assert second.returncode == 9


def make_unit(name: str, needs: set[str]) -> Unit:
    """A unit that is never started."""
    spec = ServiceSpec(name, ["true"], lambda: True, Path("unused"))
    return Unit(name, lambda: spec, needs=frozenset(needs))


def test_units_that_need_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="in a circle: a, b"):
        order_for_stopping([make_unit("a", {"b"}), make_unit("b", {"a"}), make_unit("c", set())])


def test_a_unit_that_needs_an_unknown_one_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown ones: ghost"):
        order_for_stopping([make_unit("a", {"ghost"})])


def test_signals_at_any_moment_do_not_hang_it(run: Run) -> None:
    """Thousands of SIGCHLD while it waits and wakes: it neither stops nor deadlocks."""
    run.start(server("only"), max_starting=1)
    run.wait_for(StackState.READY)
    assert run.process is not None
    for _ in range(20_000):
        run.process.send_signal(signal.SIGCHLD)
    assert run.unit("only").state is State.READY
    assert run.stop() == 0
