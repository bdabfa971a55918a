"""From the start of a process to its first answer, for every function, against a hello world, in one run.

Needs the running stack (`make up`). The figures go to docs/bench/cold_start.md and cold_start.svg.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench.load import HOST
from bench.machine import describe_machine, describe_verdict
from bench.plot import Bar, write_bars
from bench.processes import find_processes, read_cpu_seconds
from bench.samples import make_dashboards
from bench.subjects import make_hello_spec
from deploy.local.functions import build_function_spec
from deploy.local.parts import REPOSITORY
from deploy.local.stack import Stack
from deploy.local.supervision.process import Service, ServiceSpec, pick_free_port
from shared.api.manifest import get_manifest
from shared.auth.principals import IdTokenClaims
from shared.auth.session_tokens import CSRF_HEADER_NAME, SESSION_COOKIE_NAME, derive_csrf_token
from shared.container import Container
from shared.settings import Settings

REPORT = REPOSITORY / "docs" / "bench" / "cold_start.md"
PLOT = REPORT.with_suffix(".svg")
ROUNDS = 5
HELLO, HEALTH_PATH = "hello world", "/healthz"
_READING, _PLANNING, _SERVING = 2.5, 3.2, 1.6
_SLUG = "nyc-flights"
_FILE = {"dashboards": [{"path": "bench.yaml", "yaml": next(make_dashboards(1))[1]}]}
_POLL_SECONDS = 0.002
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class ColdStart:
    """Milliseconds from the start to the first answer, by the clock and of CPU time."""

    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True)
class Request:
    """What a new process is asked first."""

    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """POST with a body, else GET."""
        return "GET" if self.body is None else "POST"


# Start and first real answer: what is moved from the one to the other is no saving.
FIRST_REQUESTS = {
    "dashboards_validate": Request("/dashboards/validate", _FILE),
    "dashboards_compile": Request("/dashboards/compile", _FILE),
    "dashboards_save": Request("/dashboards/save", {**_FILE, "dry_run": True}),
    "dashboards_read": Request("/dashboards"),
    "sql_run": Request("/sql/run", {"sql": "SELECT 1 AS one", "dry_run": True}),
    "precompute": Request("/precompute", {"slugs": [_SLUG]}),
    "data": Request(f"/data/{_SLUG}"),
    "lineage": Request(f"/lineage/{_SLUG}"),
    "costs": Request("/costs"),
}
AIMS = {
    **dict.fromkeys(("dashboards_read", "lineage", "costs"), _READING),
    **dict.fromkeys(
        ("dashboards_compile", "dashboards_save", "dashboards_rollback", "sql_run", "precompute"), _PLANNING
    ),
    f"data, GET /data/{_SLUG}": _SERVING,
}
"""The most that a row may take of the hello world's time."""


@dataclass(frozen=True)
class Candidate:
    """A process to start and what to ask it."""

    spec: ServiceSpec
    port: int
    request: Request


def main() -> int:
    """Measure and write the report."""
    machine, stack = describe_machine(), Stack()
    token = _sign_in(stack)
    headers = {
        "Cookie": f"{SESSION_COOKIE_NAME}={token}", CSRF_HEADER_NAME: derive_csrf_token(token),
        "Content-Type": "application/json",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        candidates = _list_candidates(stack, Path(name), headers)
        taken: dict[str, list[ColdStart]] = {one: [] for one in candidates}
        for _ in range(ROUNDS):
            for one, candidate in candidates.items():
                taken[one].append(_start(candidate))
    starts = {
        one: ColdStart(median(s.wall_ms for s in all_), median(s.cpu_ms for s in all_))
        for one, all_ in taken.items()
    }
    report = _render(machine, starts)
    REPORT.write_text(report)
    write_bars(PLOT, [("Milliseconds from start to first answer", _make_bars(starts))])
    print(report)
    return 0


def _sign_in(stack: Stack) -> str:
    """The token of a session made a moment ago, as a visitor has one when a new instance starts."""
    environment = {name.lower(): value for name, value in stack.build_environment().items() if value}
    container = Container(Settings(**environment))
    email = "admin@example.com"
    claims = IdTokenClaims("bench", email, email, "Bench", None, int(time.time()) + 3600)
    try:
        return container.sessions.create(claims, None, None).token
    finally:
        container.database.dispose()


def _list_candidates(stack: Stack, folder: Path, headers: Mapping[str, str]) -> dict[str, Candidate]:
    environment = stack.build_environment()
    port = pick_free_port()
    candidates = {HELLO: Candidate(make_hello_spec(folder / "hello", port, b"hello"), port, Request("/"))}
    for entry in get_manifest().functions:
        port = pick_free_port()
        spec = build_function_spec(entry, port, environment, folder)
        candidates[entry.name] = Candidate(spec, port, Request(HEALTH_PATH))
        first = FIRST_REQUESTS.get(entry.name)
        if first is not None:
            row = f"{entry.name}, {first.method} {first.path}"
            candidates[row] = Candidate(spec, port, replace(first, headers=headers))
    return candidates


def _start(candidate: Candidate) -> ColdStart:
    service = Service(candidate.spec)
    begun = time.perf_counter()
    service.start()
    try:
        _wait_for_answer(candidate)
        wall_seconds = time.perf_counter() - begun
        return ColdStart(wall_seconds * 1000, read_cpu_seconds(find_processes(candidate.port)) * 1000)
    finally:
        service.stop()


def _wait_for_answer(candidate: Candidate) -> None:
    request, deadline = candidate.request, time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(HOST, candidate.port, timeout=_PATIENCE_SECONDS)
        try:
            body = None if request.body is None else json.dumps(request.body)
            connection.request(request.method, request.path, body, dict(request.headers))
            answer = connection.getresponse()
            text = answer.read()
        except ConnectionError:
            time.sleep(_POLL_SECONDS)
            continue
        finally:
            connection.close()
        if answer.status == http.HTTPStatus.OK:
            return
        raise RuntimeError(f"{request.path} answered {answer.status}: {text[:300]!r}")
    raise RuntimeError(f"{candidate.spec.name} did not answer within {_PATIENCE_SECONDS:.0f} s")


def _render(machine: str, starts: Mapping[str, ColdStart]) -> str:
    base = starts[HELLO]
    lines = [
        "# How long is a cold start?",
        "",
        f"`python -m bench cold_start` on {machine}. From the start of the process to its first answer, which is "
        f"that of {HEALTH_PATH} except where the row says otherwise; the median of {ROUNDS} rounds in turn. The rows "
        "with a request hold everything that a first caller waits for: what is loaded and connected only then, and "
        "the answer itself. CPU time is the function's own; on a busy machine its ratios are the steadier ones.",
        "",
        "![Milliseconds from start to first answer](cold_start.svg)",
        "",
        "| function | ms | against hello world | CPU ms | against hello world | aim |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {name} | {one.wall_ms:.0f} | x {one.wall_ms / base.wall_ms:.2f} | {one.cpu_ms:.0f} | "
            f"x {one.cpu_ms / base.cpu_ms:.2f} | {_judge(name, one.wall_ms / base.wall_ms)} |"
            for name, one in starts.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _judge(name: str, ratio: float) -> str:
    aim = AIMS.get(name)
    return "" if aim is None else f"x {aim:.1f}: {describe_verdict(ratio <= aim)}"


def _make_bars(starts: Mapping[str, ColdStart]) -> list[Bar]:
    base = starts[HELLO].wall_ms
    return [
        Bar(name, one.wall_ms, f"{one.wall_ms:.0f} ms (x {one.wall_ms / base:.2f})", name == HELLO)
        for name, one in starts.items()
    ]
