"""`jobTimeoutMs`, which the emulator accepts and does not keep."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from deploy.local.gate.errors import GateError
from deploy.local.gate.upstream import API, Upstream


class JobTimeouts:
    """Cancels jobs that run longer than they may, so that one whose client is gone ends all the same."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._waiting: set[asyncio.Task[None]] = set()

    def watch(self, job: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
        """Remember the deadline of a job that was just started; one that is done has none."""
        allowed = str(configuration.get("jobTimeoutMs") or "")
        if (job.get("status") or {}).get("state") == "DONE" or not allowed.isdecimal():
            return
        reference = job["jobReference"]
        path = f"{API}/projects/{reference['projectId']}/jobs/{reference['jobId']}/cancel"
        task = asyncio.create_task(self._cancel_after(int(allowed) / 1000, path))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def close(self) -> None:
        """Forget every deadline."""
        for task in self._waiting:
            task.cancel()

    async def _cancel_after(self, seconds: float, path: str) -> None:
        await asyncio.sleep(seconds)
        with suppress(GateError):  # without the emulator there is no job either
            await self._upstream.send("POST", path)
