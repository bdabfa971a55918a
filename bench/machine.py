"""The machine a report was made on."""

import os
import platform
from pathlib import Path


def describe_machine() -> str:
    """Processor, cores, system and Python, and how busy it was: as one sentence without its full stop."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores of {model}, {platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f} at the start"
    )


def describe_verdict(is_met: bool) -> str:
    """Whether an aim was reached in this run."""
    return "aim met" if is_met else "aim missed"
