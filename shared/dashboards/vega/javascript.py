"""Scripts in JavaScript that this library brings, run apart from everything: no files, no network, bounds on all.

Loading the engine and a script takes some ten milliseconds, so both wait for the first call.
"""

import json
import threading
from pathlib import Path
from typing import Any

_SCRIPTS = Path(__file__).parent / "scripts"
# Of processor time for one call, which reads a text that a person wrote: milliseconds are usual.
TIME_LIMIT_SECONDS = 1.0
_MEMORY_LIMIT_BYTES = 96 * 2**20
# Well below the stack of a thread, which is where the engine's own would end.
_STACK_LIMIT_BYTES = 512 * 2**10


class ScriptLimitError(Exception):
    """A call took more time, memory or stack than one may; says nothing of what it was given."""


class Script:
    """One script of the folder `scripts`. Safe to share: each thread has a copy of its own."""

    def __init__(self, name: str) -> None:
        self._path = _SCRIPTS / f"{name}.js"
        self._local = threading.local()

    def call(self, function: str, *arguments: str) -> Any:
        """What `function` answers, which is JSON. Raises ScriptLimitError where it comes to no end."""
        import quickjs

        context = getattr(self._local, "context", None) or self._load()
        try:
            context.set_time_limit(TIME_LIMIT_SECONDS)
            return json.loads(context.get(function)(*arguments))
        except (quickjs.JSException, quickjs.StackOverflow) as error:
            # What is left of it after a limit was met is nothing to rely on.
            self._local.context = None
            raise ScriptLimitError(str(error).partition("\n")[0]) from error

    def _load(self) -> Any:
        import quickjs

        context = quickjs.Context()
        context.set_memory_limit(_MEMORY_LIMIT_BYTES)
        context.set_max_stack_size(_STACK_LIMIT_BYTES)
        context.eval(self._path.read_text())
        self._local.context = context
        return context
