"""What may happen to a stack: processes die or hang, links break, a disk is full, bytes are damaged."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.fixtures.faulty_link import Fault, FaultyLink
from tests.fixtures.frozen import frozen
from tests.fixtures.stack import RunningStack

STORES = ("postgres", "cache", "bigquery", "bigquery-gate")
FUNCTIONS = ("data", "auth", "precompute", "sql_run", "dashboards_save", "dashboards_read")
FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)
_DELAYS_SECONDS = (0.02, 0.1, 0.4)
_DAMAGED_KEYS = 10


@dataclass
class Chaos:
    """A running stack, the links to its stores by the stores' names, and the disk of its Git work tree.

    There may be no links; the disk is None where nobody may mount one, and `storage_pid`, of Cloud Storage's emulator,
    where the stack keeps its payloads in files.
    """

    stack: RunningStack
    links: dict[str, FaultyLink]
    disk: Path | None
    storage_pid: int | None = None

    @property
    def work_tree(self) -> Path:
        """Where the dashboards' files are."""
        return self.stack.stack.state_dir / "workdir"


Incident = Callable[[], AbstractContextManager[None]]


def list_incidents(chaos: Chaos, dice: random.Random) -> dict[str, Incident]:
    """Everything that can be done to this stack, by what it is called; each lasts as long as its block."""
    incidents: dict[str, Incident] = {}
    for unit in (*STORES, *FUNCTIONS, "nginx"):
        incidents[f"kill {unit}"] = lambda unit=unit: _kill(chaos.stack, unit)  # type: ignore[misc]
    for unit in (*STORES, *FUNCTIONS):
        incidents[f"freeze {unit}"] = lambda unit=unit: _freeze(chaos.stack, unit)  # type: ignore[misc]
    for name, link in chaos.links.items():
        for fault in FAULTS:
            incidents[f"{name}: {fault.value}"] = lambda link=link, fault=fault: link.suffering(fault)  # type: ignore[misc]
        for seconds in _DELAYS_SECONDS:
            incidents[f"{name}: {seconds} s away"] = lambda link=link, seconds=seconds: link.delayed(seconds)  # type: ignore[misc]
    incidents["damage the cache"] = lambda: _damage_cache(chaos.stack, dice)
    incidents["empty the cache"] = lambda: _empty_cache(chaos.stack)
    for name in ("index", "almanac/journal.json"):
        incidents[f"damage .git/{name}"] = lambda name=name: _damage_git(chaos, name, dice)  # type: ignore[misc]
    disk = chaos.disk
    if disk is not None:
        incidents["fill the disk of Git"] = lambda: _fill(disk)
    return incidents


@contextmanager
def _kill(stack: RunningStack, unit: str) -> Iterator[None]:
    """SIGKILL; the supervisor starts it again."""
    if (pid := stack.unit(unit).pid) is not None:
        with suppress(ProcessLookupError):  # it was dead, and the supervisor had not said so yet
            os.killpg(pid, signal.SIGKILL)
    yield


@contextmanager
def _freeze(stack: RunningStack, unit: str) -> Iterator[None]:
    """SIGSTOP; not who is just being started again."""
    pid = stack.unit(unit).pid
    if pid is None or not Path(f"/proc/{pid}").exists():
        yield
        return
    with frozen(pid):
        yield


def _open_cache(stack: RunningStack) -> redis.Redis:
    return redis.Redis(port=stack.stack.ports.cache, socket_timeout=5)


@contextmanager
def _damage_cache(stack: RunningStack, dice: random.Random) -> Iterator[None]:
    """Some values get a wrong byte; their times to live stay."""
    with _open_cache(stack) as cache, suppress(redis.RedisError):  # it may be away itself
        keys = sorted(cache.scan_iter())  # type: ignore[type-var]
        for key in dice.sample(keys, min(_DAMAGED_KEYS, len(keys))):
            if size := int(cache.strlen(key)):  # type: ignore[arg-type]
                cache.setrange(key, dice.randrange(size), "\x7f")
    yield


@contextmanager
def _empty_cache(stack: RunningStack) -> Iterator[None]:
    with _open_cache(stack) as cache, suppress(redis.RedisError):  # it may be away itself
        cache.flushall()
    yield


@contextmanager
def _damage_git(chaos: Chaos, name: str, dice: random.Random) -> Iterator[None]:
    """As a crash leaves a file that was half written."""
    path = chaos.work_tree / ".git" / name
    if path.exists():
        with suppress(OSError):  # gone just now, or the disk is full
            path.write_bytes(path.read_bytes()[: dice.randrange(1, 40)])
    yield


@contextmanager
def _fill(disk: Path) -> Iterator[None]:
    filler = disk / ".filler"
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):  # full, as it should be
            while True:
                file.write(bytes(1 << 16))
        yield
    finally:
        filler.unlink(missing_ok=True)
