"""1,000 dashboards of six queries planned through the API, with progress, and what that costs the function.

Needs the running stack (`make up`). The figures go to docs/bench/plan.md.
"""

import itertools
import os
import platform
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from almanac_cli.client import ServiceClient
from almanac_cli.configuration import Configuration, CredentialFile
from bench.samples import QUERIES, make_dashboards
from deploy.local.environment import EDITOR_EMAIL
from deploy.local.parts import REPOSITORY
from deploy.local.stack import Stack
from deploy.local.supervision.status import StatusFile

REPORT = REPOSITORY / "docs" / "bench" / "plan.md"
COUNTS = (10, 100, 1000)
REQUEST_DASHBOARDS = 100  # what the command line sends at once: a request has to end within its timeout


@dataclass(frozen=True)
class Planned:
    """What planning `count` dashboards took; seconds by the clock, seconds of the function's processors."""

    count: int
    elapsed: float
    first_line: float
    longest_silence: float
    cpu: float


def main() -> int:
    """Measure and write the report."""
    stack = Stack()
    configuration = Configuration(
        stack.url,
        stack.fetch_token(EDITOR_EMAIL),
        None,
        CredentialFile(stack.state_dir / "no-credentials.json"),
    )
    client = ServiceClient(configuration)
    _plan(client, stack, 1)
    report = _render([_plan(client, stack, count) for count in COUNTS])
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report)
    print(report)
    return 0


def _plan(client: ServiceClient, stack: Stack, count: int) -> Planned:
    items = [{"path": f"{slug}.yaml", "yaml": text} for slug, text in make_dashboards(count)]
    cpu, started = _function_cpu(stack), time.perf_counter()
    moments = [started]
    for start in range(0, count, REQUEST_DASHBOARDS):
        body = {"dashboards": items[start : start + REQUEST_DASHBOARDS]}
        with closing(client.stream("/dashboards/compile", body)) as lines:
            for line in lines:
                if line["event"] == "plan":
                    if not line["result"]["valid"]:
                        raise RuntimeError(f"the bench's own dashboard is not valid: {line['result']}")
                    moments.append(time.perf_counter())
    if len(moments) != count + 1:
        raise RuntimeError(f"{len(moments) - 1} of {count} dashboards were planned")
    silences = [after - before for before, after in itertools.pairwise(moments)]
    return Planned(count, moments[-1] - started, silences[0], max(silences), _function_cpu(stack) - cpu)


def _function_cpu(stack: Stack) -> float:
    """Seconds the processes of the function have used so far."""
    status = StatusFile(stack.state_dir).read()
    unit = next(unit for unit in (status.units if status else ()) if unit.name == "dashboards_compile")
    children = Path(f"/proc/{unit.pid}/task/{unit.pid}/children").read_text().split()
    return sum(_read_cpu(pid) for pid in (unit.pid, *children))


def _read_cpu(pid: object) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _render(rows: list[Planned]) -> str:
    lines = [
        "# What does it take to plan many dashboards?",
        "",
        f"`python -m bench plan` on {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}: "
        f"`POST /dashboards/compile` through nginx with `Accept: application/x-ndjson`, {QUERIES} queries per "
        f"dashboard, all different, {REQUEST_DASHBOARDS} dashboards per request. The emulator answers the dry runs on "
        "the same cores and takes most of the time; the processor time is the function's alone.",
        "",
        "| dashboards | dry runs | seconds | to the first plan | longest silence | function CPU s | CPU ms per query |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.count} | {row.count * QUERIES} | {row.elapsed:.1f} | {row.first_line:.1f} | "
            f"{row.longest_silence:.1f} | {row.cpu:.1f} | {row.cpu * 1000 / row.count / QUERIES:.1f} |"
            for row in rows
        ),
    ]
    return "\n".join(lines) + "\n"
