"""What killed test processes leave in memory goes with the next one."""

import os
from pathlib import Path

from tests.fixtures.bigquery import clear_abandoned


def test_folders_of_dead_processes_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text())
    dead, alive = (
        tmp_path / f"almanac-bigquery-{pid_max + 1}-x",
        tmp_path / f"almanac-bigquery-{os.getpid()}-x",
    )
    others = tmp_path / "almanac-bigquery-x", tmp_path / "somebody-else"
    for folder in (dead, alive, *others):
        folder.mkdir()
        (folder / "file").touch()
    clear_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, *others])
