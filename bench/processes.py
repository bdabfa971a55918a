"""What the processes behind a port have used: CPU time and memory, as Linux counts them."""

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"


def find_processes(port: int) -> list[int]:
    """The ids of all processes that hold the listening socket of `port`: a master and its workers."""
    wanted = {f"socket:[{inode}]" for inode in _list_inodes(port)}
    return sorted(int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _holds(folder, wanted))


def read_cpu_seconds(processes: list[int]) -> float:
    """User and system time of the processes so far."""
    return sum(_read_ticks(process) for process in processes) / _TICKS_PER_SECOND


def read_memory_bytes(processes: list[int]) -> int:
    """Their proportional set size: pages that several share are counted once."""
    total = 0
    for process in processes:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def reset_peak(processes: list[int]) -> int:
    """Begin anew to note the most memory that the processes take; what they take now, in bytes."""
    for process in processes:
        Path(f"/proc/{process}/clear_refs").write_text("5")
    return sum(_read_status(process, "VmRSS") for process in processes)


def read_peak_bytes(processes: list[int]) -> int:
    """The most that they have taken since, each at its own time."""
    return sum(_read_status(process, "VmHWM") for process in processes)


def read_largest_peak(processes: list[int]) -> int:
    """The most that any one of them has taken, in bytes: a master's worker, where there are both."""
    return max(_read_status(process, "VmHWM") for process in processes)


def _read_status(process: int, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def _list_inodes(port: int) -> set[str]:
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[9] for line in lines if line[3] == _LISTENING and int(line[1].split(":")[1], 16) == port}


def _holds(folder: Path, wanted: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in wanted for link in (folder / "fd").iterdir())
    except OSError:  # it ended meanwhile, or is another user's
        return False


def _read_ticks(process: int) -> int:
    after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(after_name[11]) + int(after_name[12])
