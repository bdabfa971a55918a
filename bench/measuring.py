"""Requests over kept-alive connections, and what they took."""

import http.client
import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Latencies in milliseconds and the rate of all connections together."""

    p50_ms: float
    p99_ms: float
    requests_per_second: float


def measure_requests(
    host: str, port: int, path: str, headers: Mapping[str, str], *, connections: int, requests: int
) -> Timing:
    """GET `path` `requests` times over each of `connections`; every answer must be 200 or 304."""
    latencies: list[list[float]] = [[] for _ in range(connections)]
    started = threading.Barrier(connections + 1)

    def work(mine: list[float]) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        fetch(connection, path, headers)
        started.wait()
        for _ in range(requests):
            before = time.perf_counter()
            fetch(connection, path, headers)
            mine.append((time.perf_counter() - before) * 1000)
        connection.close()

    threads = [threading.Thread(target=work, args=(one,)) for one in latencies]
    for thread in threads:
        thread.start()
    started.wait()
    before = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - before
    every = sorted(one for mine in latencies for one in mine)
    return Timing(
        p50_ms=statistics.median(every),
        p99_ms=every[int(len(every) * 0.99) - 1],
        requests_per_second=len(every) / elapsed,
    )


def fetch(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> bytes:
    """One GET; raises RuntimeError on any status but 200 and 304."""
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    if response.status not in {200, 304}:
        raise RuntimeError(f"{path} answered {response.status}: {body[:300]!r}")
    return body
