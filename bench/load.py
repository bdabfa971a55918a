"""Requests to one port for a while: by wrk where it is installed, else by the Python client."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.measuring import measure_requests
from bench.processes import read_cpu_seconds

HOST = "127.0.0.1"
_REQUESTS_PER_SECOND_GUESS = 300
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Subject:
    """What is measured: a path on a port, and the processes whose CPU time answering takes."""

    name: str
    port: int
    path: str
    headers: Mapping[str, str]
    processes: list[int]


@dataclass(frozen=True)
class Load:
    """One subject under load; `cpu_us` is the processes' time per request in microseconds."""

    p50_ms: float
    p99_ms: float
    requests_per_second: float
    cpu_us: float


def name_client() -> str:
    """The load client of this machine."""
    return "wrk" if shutil.which("wrk") else "Python's http.client, which shares the cores"


def take_turns(
    subjects: Sequence[Subject], *, connections: int, seconds: int, rounds: int
) -> dict[str, Load]:
    """Each subject `rounds` times, in turn, so that noise hits all alike; the median of each figure."""
    taken: dict[str, list[Load]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            taken[subject.name].append(_put_under_load(subject, connections, seconds))
    return {name: _take_medians(loads) for name, loads in taken.items()}


def _take_medians(loads: Sequence[Load]) -> Load:
    return Load(*(median(getattr(load, name) for load in loads) for name in Load.__dataclass_fields__))


def _put_under_load(subject: Subject, connections: int, seconds: int) -> Load:
    """The first request, which may find everything forgotten since the subject's last turn, is not counted."""
    measure_requests(HOST, subject.port, subject.path, subject.headers, connections=1, requests=1)
    before = read_cpu_seconds(subject.processes)
    run = _run_wrk if shutil.which("wrk") else _run_python
    count, p50_ms, p99_ms, rate = run(subject, connections, seconds)
    return Load(p50_ms, p99_ms, rate, (read_cpu_seconds(subject.processes) - before) / count * 1e6)


def _run_wrk(subject: Subject, connections: int, seconds: int) -> tuple[int, float, float, float]:
    headers = [part for name, value in subject.headers.items() for part in ("-H", f"{name}: {value}")]
    url = f"http://{HOST}:{subject.port}{subject.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *headers, url]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        raise RuntimeError(f"{subject.name}: not every answer was good\n{report}")
    return (
        int(_find(r"(\d+) requests in", report)[0]),
        _read_ms(*_find(r"50%\s+([\d.]+)(us|ms|s)", report)),
        _read_ms(*_find(r"99%\s+([\d.]+)(us|ms|s)", report)),
        float(_find(r"Requests/sec:\s+([\d.]+)", report)[0]),
    )


def _find(pattern: str, report: str) -> tuple[str, ...]:
    found = re.search(pattern, report)
    if found is None:
        raise RuntimeError(f"wrk's report has no {pattern!r}:\n{report}")
    return found.groups()


def _read_ms(number: str, unit: str) -> float:
    return float(number) * _UNITS_MS[unit]


def _run_python(subject: Subject, connections: int, seconds: int) -> tuple[int, float, float, float]:
    each = max(1, seconds * _REQUESTS_PER_SECOND_GUESS // connections)
    timing = measure_requests(
        HOST, subject.port, subject.path, subject.headers, connections=connections, requests=each
    )
    return each * connections, timing.p50_ms, timing.p99_ms, timing.requests_per_second
