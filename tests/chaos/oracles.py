"""What must be true after anything: of Git, rows, answers, the ledger and the meter of the warehouse."""

import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.fixtures.stack import RunningStack, wait_until
from tests.stack.test_saves import Saver, list_drift, make_yaml, read_version

_SETTLE_SECONDS = 90


def check_saves(stack: RunningStack, saver: Saver, slug: str, folder: Path) -> None:
    """Every save that was answered with 200 is there, in rows and in Git, and the newest is the file."""
    versions = [version for version, _ in saver.acknowledged]
    assert versions == sorted(set(versions))
    for version, title in saver.acknowledged:
        assert read_version(stack, slug, version) == make_yaml(slug, title)
    listed = stack.call("GET", f"/dashboards/{slug}/versions", params={"page_size": 500}).json()["data"]
    numbers = [one["version"] for one in listed["results"]]
    assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
    wait_until(lambda: list_drift(stack, slug) == [], _SETTLE_SECONDS, 0.5)
    newest = read_version(stack, slug, numbers[0])
    name = f"dashboards/{slug}/{slug}.yaml"
    assert (folder / name).read_text() == newest
    assert run_git(folder, "show", f"HEAD:{name}") == newest
    run_git(folder, "fsck", "--strict")


@dataclass(frozen=True)
class Money:
    """What the ledger and the warehouse say: ids of reservations and jobs, and bytes by kind of budget."""

    reservations: frozenset[str]
    jobs: frozenset[str]
    charged: Counter[str]


def read_money(stack: RunningStack) -> Money:
    """As it is now."""
    sums = "SELECT scope, sum(bytes_billed) FROM cost_ledger GROUP BY scope"
    return Money(
        frozenset(str(key) for (key,) in stack.query("SELECT id FROM cost_reservations")),
        frozenset(job["id"] for job in stack.list_jobs(app="almanac")),
        Counter({scope: int(total) for scope, total in stack.query(sums)}),
    )


def check_money(stack: RunningStack, before: Money) -> None:
    """No reservation since is lost or open, and the ledger says what the warehouse's own meter says, to the byte."""
    wait_until(lambda: _is_settled(stack), _SETTLE_SECONDS, 1)
    metered: Counter[str] = Counter()
    for job in stack.list_jobs(app="almanac"):
        if job["id"] not in before.jobs:
            billed = int(job["statistics"].get("query", {}).get("totalBytesBilled", 0))
            metered[job["configuration"]["labels"]["reservation"]] += billed
    settled: Counter[str] = Counter()
    for key, told, charged in stack.query("SELECT id, bytes_billed, bytes_settled FROM cost_reservations"):
        if str(key) not in before.reservations:
            label = str(key).replace("-", "")
            settled[label] = charged
            # What BigQuery did not tell is charged as it was reserved: never less than what it took.
            assert told in (None, metered[label])
            assert charged >= metered[label]
    assert metered.keys() <= settled.keys()
    spent = read_money(stack).charged - before.charged
    assert spent["environment"] == spent["user"] == settled.total()


def _is_settled(stack: RunningStack) -> bool:
    stack.call("GET", "/costs").raise_for_status()  # looking settles what has expired
    open_ones = "SELECT count(*) FROM cost_reservations WHERE settled_at IS NULL"
    held = "SELECT coalesce(sum(bytes_reserved), 0) FROM cost_ledger"
    return stack.query(open_ones) == [[0]] and stack.query(held) == [[0]]


def check_runs(stack: RunningStack) -> None:
    """Nobody holds a lease on a query for ever."""
    held = "SELECT count(*) FROM query_leases WHERE owner IS NOT NULL AND expires_at > now()"
    wait_until(lambda: stack.query(held) == [[0]], _SETTLE_SECONDS, 1)


def read_processes(stack: RunningStack) -> dict[str, tuple[int | None, int]]:
    """Process id and number of restarts of each unit: equal before and after what only hung."""
    status = stack.status.read()
    assert status is not None
    return {unit.name: (unit.pid, unit.restarts) for unit in status.units}


def run_git(folder: Path, *arguments: str) -> str:
    """What a Git command says; it fails the test when it fails."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
