"""`/data` against a functions-framework hello world that answers with the same bytes, in one run.

Needs the running stack (`make up`). The figures go to docs/bench/data.md.
"""

import http.client
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.measuring import Timing, fetch, interleave, measure_requests
from deploy.local.parts import REPOSITORY
from deploy.local.process import Service, ServiceSpec, accepts_connections, pick_free_port
from deploy.local.stack import Stack

PATH = "/data/nyc-flights"
REPORT = REPOSITORY / "docs" / "bench" / "data.md"
CONNECTIONS = (1, 16)
REQUESTS = 600
ROUNDS = 5
HOST = "127.0.0.1"


def main() -> int:
    """Measure and write the report."""
    stack = Stack()
    headers = {"Authorization": f"Bearer {stack.fetch_token()}", "Accept-Encoding": "gzip"}
    direct, router = stack.function_port("data"), stack.ports.nginx
    body, etag = _read(direct, headers)
    with _run_hello(body) as hello:
        sections = [_measure(count, hello, direct, router, headers, etag) for count in CONNECTIONS]
    report = _render(len(body), sections)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report)
    print(report)
    return 0


def _measure(
    count: int, hello: int, direct: int, router: int, headers: Mapping[str, str], etag: str
) -> tuple[int, dict[str, Timing]]:
    def subject(port: int, path: str, extra: Mapping[str, str] | None = None) -> Callable[[], Timing]:
        sent = {**headers, **(extra or {})}
        return partial(
            measure_requests, HOST, port, path, sent, connections=count, requests=max(1, REQUESTS // count)
        )

    subjects = {
        "hello world, function": subject(hello, "/"),
        "/data, function": subject(direct, PATH),
        "/data, through nginx": subject(router, PATH),
        "/data 304, through nginx": subject(router, PATH, {"If-None-Match": etag}),
    }
    return count, interleave(subjects, ROUNDS)


def _read(port: int, headers: Mapping[str, str]) -> tuple[bytes, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    body = fetch(connection, PATH, headers)
    connection.request("GET", PATH, headers=dict(headers))
    response = connection.getresponse()
    response.read()
    connection.close()
    return body, response.headers["ETag"]


@contextmanager
def _run_hello(body: bytes) -> Iterator[int]:
    port = pick_free_port()
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "body"
        kept.write_bytes(body)
        spec = ServiceSpec(
            name="hello",
            command=[sys.executable, "-m", "functions_framework"],
            is_ready=lambda: accepts_connections(port),
            log_path=Path(folder) / "hello.log",
            environment={
                "FUNCTION_TARGET": "hello",
                "FUNCTION_SOURCE": str(REPOSITORY / "bench" / "hello" / "main.py"),
                "HOST": HOST,
                "PORT": str(port),
                "THREADS": "32",
                "HELLO_BODY": str(kept),
                "XDG_RUNTIME_DIR": folder,
            },
        )
        service = Service(spec)
        service.start()
        try:
            service.wait_ready()
            yield port
        finally:
            service.stop()


def _render(size: int, sections: list[tuple[int, dict[str, Timing]]]) -> str:
    lines = [
        "# How fast is /data?",
        "",
        f"`python -m bench data` on {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}; {size} bytes per answer, gzip; the median of {ROUNDS} rounds taken in turn. "
        "The client is Python and shares the cores, so read the ratios.",
    ]
    for count, timings in sections:
        base = timings["hello world, function"]
        lines += [
            "",
            f"## {count} connection{'s' if count > 1 else ''}",
            "",
            "| what | p50 ms | p99 ms | requests/s | p50 against hello world |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(
                f"| {name} | {one.p50_ms:.2f} | {one.p99_ms:.2f} | {one.requests_per_second:.0f} | "
                f"{one.p50_ms / base.p50_ms:.2f} |"
                for name, one in timings.items()
            ),
        ]
    return "\n".join(lines) + "\n"
