"""A supervisor with a few small units, as a program of its own: `python -m tests.deploy.supervised FILE`.

FILE is JSON: the state folder and the units, each with its command and the port that shows it is ready.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from deploy.local.supervision import supervisor
from deploy.local.supervision.process import ServiceSpec, accepts_connections
from deploy.local.supervision.status import StackStatus, StatusFile, read_process_start
from deploy.local.supervision.supervisor import Supervisor
from deploy.local.supervision.units import Unit


def build_unit(state_dir: Path, given: dict[str, Any]) -> Unit:
    """A unit from its JSON."""
    spec = ServiceSpec(
        name=given["name"],
        command=[sys.executable, *given["command"]],
        is_ready=lambda: accepts_connections(given["port"]),
        log_path=state_dir / f"{given['name']}.log",
        ready_timeout_seconds=given.get("ready_timeout_seconds", 20),
        stop_timeout_seconds=2,
    )
    return Unit(
        given["name"],
        lambda: spec,
        needs=frozenset(given.get("needs", ())),
        uses=frozenset(given.get("uses", ())),
        is_task="port" not in given,
        required=given.get("required", True),
    )


def main() -> int:
    """Run until a signal."""
    given = json.loads(Path(sys.argv[1]).read_text())
    state_dir = Path(given["state_dir"])
    file = StatusFile(state_dir)
    with file.hold_lock() as held:
        if not held:
            return 9
        status = StackStatus(os.getpid(), read_process_start(os.getpid()), "fingerprint")
        file.write(status)
        if "stable_after_seconds" in given:
            supervisor.STABLE_AFTER_SECONDS = given["stable_after_seconds"]
        units = [build_unit(state_dir, unit) for unit in given["units"]]
        return Supervisor(units, file, status, given["max_starting"]).run()


if __name__ == "__main__":
    sys.exit(main())
