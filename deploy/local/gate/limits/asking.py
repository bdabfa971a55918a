"""Google's analyser in the gate, from the first query on that the emulator refuses."""

import asyncio
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.analyser.module import compiled_path

if TYPE_CHECKING:
    from deploy.local.analyser.client import AnalyserClient

_WAIT_SECONDS = 3.0
"""Clients give a dry run five seconds: with the emulator's words in time they are better off than with none."""
_COMPILE_COMMAND = (sys.executable, "-m", "deploy.local.analyser")

logger = logging.getLogger(__name__)


class UnansweredError(Exception):
    """The analyser has no opinion: it is not there, not ready, too slow, or it failed."""


class Analyser:
    """The analyser compiled into `folder`.

    Where it is not compiled yet, the first question starts that: in a process of its own, which takes a gigabyte for
    some ten seconds, with little priority as nobody waits for it. A stack whose queries all pass pays for none of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client: AnalyserClient | None = None
        self._thread = ThreadPoolExecutor(1, "analyser")  # an instance answers one call at a time
        self._compiling: asyncio.Task[None] | None = None

    async def ask[T](self, question: Callable[["AnalyserClient"], T]) -> T:
        """The answer to a question. Raises UnansweredError, and what `question` raises of RefusedError."""
        if not self._is_compiled():
            # Once a run of the gate: what has failed will fail again.
            self._compiling = self._compiling or asyncio.create_task(self._compile())
            raise UnansweredError("it is not compiled")
        answer = asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)
        try:
            return await asyncio.wait_for(answer, _WAIT_SECONDS)
        except TimeoutError as error:
            raise UnansweredError("it takes too long") from error

    async def close(self) -> None:
        """Stop a compilation that is under way."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._compiling is not None:
            self._compiling.cancel()
            await asyncio.gather(self._compiling, return_exceptions=True)

    def _is_compiled(self) -> bool:
        try:
            return compiled_path(self._folder).exists()
        except PackageNotFoundError as error:
            raise UnansweredError("it is not installed") from error

    async def _compile(self) -> None:
        logger.warning("Compiling Google's analyser into %s, once.", self._folder)
        process = await asyncio.create_subprocess_exec(*_COMPILE_COMMAND, str(self._folder))
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            raise
        if status:
            logger.warning("It could not be compiled (exit code %s); the emulator's words stand.", status)

    def _answer[T](self, question: Callable[["AnalyserClient"], T]) -> T:
        """Raises UnansweredError for a fault of the analyser, after which the next question gets another instance."""
        from deploy.local.analyser.errors import RefusedError

        try:
            if self._client is None:
                from deploy.local.analyser.client import AnalyserClient

                self._client = AnalyserClient(self._folder)
            return question(self._client)
        except RefusedError:
            raise
        except Exception as error:
            self._client = None
            raise UnansweredError(repr(error)) from error
