"""What bodies of people nobody knows cost a function without a router, beside what they cost at an earlier commit.

`python -m bench bodies`. Needs no running stack: each function is started alone, as Cloud Run starts it. The figures go
to docs/bench/bodies.md.
"""

import contextlib
import http.client
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, socket

from bench.machine import describe_machine, describe_verdict
from bench.processes import find_processes, read_peak_bytes, reset_peak
from bench.states import NOW, find_states, run_function
from deploy.local.parts import REPOSITORY

REPORT = REPOSITORY / "docs" / "bench" / "bodies.md"
FUNCTION, PATH = "dashboards_validate", "/dashboards/validate"
BODIES, BODY_BYTES, ROUNDS = 16, 31_000_000, 3
DRIPPING, DRIP_SECONDS, PROBES, PATIENCE_SECONDS = 6, 0.2, 20, 5.0
# The least that functions-framework starts a function with, on one CPU; and as many as bodies.
FEW_THREADS, MANY_THREADS = 4, BODIES
MOST_BYTES, LONGEST_SECONDS = 20_000_000, 1.0
_HEAD = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "


@dataclass(frozen=True)
class Figures:
    """One state of the code: bytes above what an idle function has; seconds, None where no answer came."""

    grown_bytes: int
    health_seconds: list[float | None]


def main() -> int:
    """Measure both states in turn and write the report."""
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            state: _measure(source, folder / f"run-{state}") for state, source in find_states(folder).items()
        }
    report = _render(machine, figures)
    REPORT.write_text(report)
    print(report)
    return 0


def _measure(source: Path, folder: Path) -> Figures:
    with run_function(source, FUNCTION, MANY_THREADS, folder) as port:
        grown = max(measure_growth(port) for _ in range(ROUNDS))
    with run_function(source, FUNCTION, FEW_THREADS, folder) as port:
        return Figures(grown, _probe_while_dripping(port))


def measure_growth(port: int) -> int:
    """By how many bytes the processes of the function on `port` grew at most while all bodies came at once."""
    processes = find_processes(port)
    idle = reset_peak(processes)
    senders = [threading.Thread(target=_send_body, args=(port,)) for _ in range(BODIES)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return read_peak_bytes(processes) - idle


def _send_body(port: int) -> None:
    # A refusal ends the connection before all is sent.
    with (
        contextlib.suppress(ConnectionError, TimeoutError),
        create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        connection.sendall(f"{_HEAD}{BODY_BYTES}\r\n\r\n".encode())
        for _ in range(BODY_BYTES // 65536):
            connection.sendall(b" " * 65536)


def _probe_while_dripping(port: int) -> list[float | None]:
    is_over = threading.Event()
    connections = [create_connection(("127.0.0.1", port)) for _ in range(DRIPPING)]
    drippers = [threading.Thread(target=_drip, args=(one, is_over)) for one in connections]
    for dripper in drippers:
        dripper.start()
    time.sleep(1)
    probes = [_time_health(port) for _ in range(PROBES)]
    is_over.set()
    for dripper in drippers:
        dripper.join()
    return probes


def _drip(connection: socket, is_over: threading.Event) -> None:
    with connection, contextlib.suppress(ConnectionError):
        connection.sendall(f"{_HEAD}1000000\r\n\r\n".encode())
        while not is_over.wait(DRIP_SECONDS):
            connection.sendall(b" ")


def _time_health(port: int) -> float | None:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except TimeoutError:
        return None
    finally:
        connection.close()
    return time.perf_counter() - began


def _render(machine: str, figures: dict[str, Figures]) -> str:
    now = figures[NOW]
    few = describe_verdict(now.grown_bytes < MOST_BYTES)
    quick = describe_verdict(all(one is not None and one < LONGEST_SECONDS for one in now.health_seconds))
    rows = [
        f"| {state} | {one.grown_bytes / 1e6:.1f} | {_describe(one.health_seconds)} |"
        for state, one in figures.items()
    ]
    return "\n".join(
        [
            "# What do bodies of strangers cost a function?",
            "",
            f"`python -m bench bodies` on {machine}. `{FUNCTION}` alone, started by functions-framework, with nothing "
            f"in front of it. Memory: {BODIES} callers without credentials send {BODY_BYTES // 10**6} MB each at once "
            f"to {MANY_THREADS} threads; by how much the processes grow at most, the worst of {ROUNDS} rounds. "
            f"`/healthz`: {DRIPPING} connections to {FEW_THREADS} threads send a byte every {DRIP_SECONDS:g} s of a "
            f"body of 1 MB, and {PROBES} checks are made one after the other, each waiting {PATIENCE_SECONDS:g} s "
            "at most.",
            "",
            f"The aims: less than {MOST_BYTES // 10**6} MB ({few}); every check within {LONGEST_SECONDS:g} s "
            f"({quick}).",
            "",
            "| state | memory, MB | `/healthz` |",
            "| --- | ---: | --- |",
            *rows,
            "",
        ]
    )


def _describe(seconds: list[float | None]) -> str:
    answered = sorted(one for one in seconds if one is not None)
    lost = len(seconds) - len(answered)
    said = f"{lost} of {len(seconds)} without an answer"
    if not answered:
        return said
    times = f"median {statistics.median(answered) * 1000:.1f} ms, longest {answered[-1] * 1000:.1f} ms"
    return times if not lost else f"{times}; {said}"
