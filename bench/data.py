"""Cached `/data` against a functions-framework hello world and an nginx file with the same bytes, in one run.

Needs the running stack (`make up`). The figures go to docs/bench/data.md and data.svg.
"""

import http.client
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.load import HOST, Load, Subject, name_client, take_turns
from bench.machine import describe_machine, describe_verdict
from bench.plot import Bar, write_bars
from bench.processes import find_processes, read_memory_bytes
from bench.subjects import run_hello, run_static
from deploy.local.parts import REPOSITORY
from deploy.local.stack import Stack

PATH = "/data/nyc-flights"
REPORT = REPOSITORY / "docs" / "bench" / "data.md"
PLOT = REPORT.with_suffix(".svg")
CONNECTIONS = (1, 16)
SECONDS = 2
ROUNDS = 5
HELLO, STATIC = "hello world function", "nginx, a file"
DIRECT, ROUTED = "/data, the function", "/data, through nginx"
DIRECT_304, ROUTED_304 = f"{DIRECT}, 304", f"{ROUTED}, 304"
ROUTER = "nginx before the functions"
# What each is measured against.
BASES = {DIRECT: HELLO, DIRECT_304: HELLO, ROUTED: STATIC, ROUTED_304: STATIC}
# The least share of what it is measured against that each is to reach, in requests per second.
AIMS = {DIRECT: 0.8, ROUTED: 0.5}


def main() -> int:
    """Measure and write the report."""
    machine = describe_machine()
    stack = Stack()
    headers = {"Authorization": f"Bearer {stack.fetch_token()}", "Accept-Encoding": "gzip"}
    body, etag = _read(stack.function_port("data"), headers)
    with tempfile.TemporaryDirectory() as name, run_hello(Path(name) / "hello", body) as hello:
        Path(name).chmod(0o755)
        with run_static(Path(name) / "static", body) as static:
            subjects = _list_subjects(stack, hello, static, headers, etag)
            loads = {
                count: take_turns(subjects, connections=count, seconds=SECONDS, rounds=ROUNDS)
                for count in CONNECTIONS
            }
            memory = _read_memory(
                {HELLO: hello, DIRECT: stack.function_port("data"), STATIC: static, ROUTER: stack.ports.nginx}
            )
    report = _render(machine, len(body), loads, memory)
    REPORT.write_text(report)
    write_bars(PLOT, [_make_panel(count, loads[count]) for count in CONNECTIONS])
    print(report)
    return 0


def _list_subjects(
    stack: Stack, hello: int, static: int, headers: Mapping[str, str], etag: str
) -> list[Subject]:
    direct, router = stack.function_port("data"), stack.ports.nginx
    known = {**headers, "If-None-Match": etag}
    function = find_processes(direct)
    both = [*function, *find_processes(stack.function_port("auth")), *find_processes(router)]
    return [
        # The same path, headers and bytes: what is left is what this service does with them.
        Subject(HELLO, hello, PATH, headers, find_processes(hello)),
        Subject(DIRECT, direct, PATH, headers, function),
        Subject(DIRECT_304, direct, PATH, known, function),
        Subject(STATIC, static, "/body", headers, find_processes(static)),
        Subject(ROUTED, router, PATH, headers, both),
        Subject(ROUTED_304, router, PATH, known, both),
    ]


def _read_memory(ports: Mapping[str, int]) -> dict[str, int]:
    return {name: read_memory_bytes(find_processes(port)) for name, port in ports.items()}


def _read(port: int, headers: Mapping[str, str]) -> tuple[bytes, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request("GET", PATH, headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{PATH} answered {response.status}: {body[:300]!r}")
    return body, response.headers["ETag"]


def _render(
    machine: str, size: int, loads: Mapping[int, Mapping[str, Load]], memory: Mapping[str, int]
) -> str:
    lines = [
        "# How fast is /data?",
        "",
        f"`python -m bench data` on {machine}. {size} bytes per answer (gzip), a signed-in caller; "
        f"{ROUNDS} rounds of {SECONDS} s each in turn, medians. The load client is {name_client()}, on the same "
        "machine: read the ratios. A function is one process, as on Cloud Run; the hello world is asked for the same "
        f"path with the same headers, and answers the same bytes. The aims: {_describe_aims()}.",
        "",
        "![Requests per second](data.svg)",
    ]
    for count, by_name in loads.items():
        lines += ["", f"## {count} connection{'s' if count > 1 else ''}", "", *_render_table(by_name)]
    return "\n".join([*lines, "", *_render_memory(memory)]) + "\n"


def _describe_aims() -> str:
    return "; ".join(f"{name} at least x {share:.2f} of {BASES[name]}" for name, share in AIMS.items())


def _render_table(loads: Mapping[str, Load]) -> list[str]:
    lines = [
        "| what | requests/s | p50 ms | p99 ms | CPU µs per request | measured against | requests/s | CPU |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for name, load in loads.items():
        figures = (
            f"| {name} | {load.requests_per_second:.0f} | {load.p50_ms:.2f} | {load.p99_ms:.2f} "
            f"| {load.cpu_us:.0f} |"
        )
        base = BASES.get(name)
        if base is None:
            lines.append(f"{figures} | | |")
            continue
        rate = load.requests_per_second / loads[base].requests_per_second
        verdict = f" ({describe_verdict(rate >= AIMS[name])})" if name in AIMS else ""
        lines.append(f"{figures} {base} | x {rate:.2f}{verdict} | x {load.cpu_us / loads[base].cpu_us:.2f} |")
    return lines


def _render_memory(memory: Mapping[str, int]) -> list[str]:
    return [
        "## Memory afterwards",
        "",
        "Proportional set size of all processes behind the port.",
        "",
        "| what | MiB |",
        "| --- | ---: |",
        *(f"| {name} | {size / 2**20:.0f} |" for name, size in memory.items()),
    ]


def _make_panel(count: int, loads: Mapping[str, Load]) -> tuple[str, Sequence[Bar]]:
    bars = [
        Bar(name, load.requests_per_second, f"{load.requests_per_second:,.0f} /s", name not in BASES)
        for name, load in loads.items()
    ]
    return f"Requests per second over {count} connection{'s' if count > 1 else ''}", bars
