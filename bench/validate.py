"""`almanac validate` on 1,000 files: the whole program, from its start to its exit code.

Needs nothing that runs. The figures go to docs/bench/validate.md.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.samples import make_dashboards
from deploy.local.parts import REPOSITORY

REPORT = REPOSITORY / "docs" / "bench" / "validate.md"
COUNTS = (1, 100, 1000)
ROUNDS = 3


def main() -> int:
    """Measure and write the report."""
    lines = [
        "# How long does it take to validate many files?",
        "",
        f"`python -m bench validate` on {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}: `almanac validate FOLDER`, six queries and seven charts per file, the start "
        f"of the program included; the best of {ROUNDS} runs, as other work on the machine only adds to it.",
        "",
        "| files | seconds | CPU seconds | CPU ms per file |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for count in COUNTS:
        elapsed, cpu = min(_measure(count) for _ in range(ROUNDS))
        lines.append(f"| {count} | {elapsed:.1f} | {cpu:.1f} | {cpu * 1000 / count:.1f} |")
    report = "\n".join(lines) + "\n"
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report)
    print(report)
    return 0


def _measure(count: int) -> tuple[float, float]:
    """Seconds by the clock and on the processor."""
    with tempfile.TemporaryDirectory() as folder:
        for slug, text in make_dashboards(count):
            (Path(folder) / f"{slug}.yaml").write_text(text)
        before, started = _children_cpu(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "almanac_cli", "validate", folder],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        elapsed = time.perf_counter() - started
    if done.returncode != 0 or f"{count} file" not in done.stdout:
        raise RuntimeError(
            f"the bench's own files are not valid:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return elapsed, _children_cpu() - before


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
