"""How far a long call is, on stderr: a bar while somebody looks, else a line now and then for the log."""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from almanac_cli.output import make_console

LINE_SECONDS = 10.0


@contextmanager
def show_progress(
    verb: str, done: str, total: int, *, line_seconds: float = LINE_SECONDS
) -> Generator[Callable[[], None]]:
    """Give a function to call after each of `total` steps; `verb` and `done` as in Planning, planned."""
    if sys.stderr.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=make_console(sys.stderr), transient=True) as progress:
            task = progress.add_task(verb, total=total)
            yield lambda: progress.advance(task)
        return
    lines = _Lines(done, total, line_seconds)
    lines.start()
    try:
        yield lines.advance
    finally:
        lines.stop()


class _Lines:
    """Writes a line as time passes, also while no step ends: silence looks like a hang."""

    def __init__(self, done: str, total: int, seconds: float) -> None:
        self._done = done
        self._total = total
        self._seconds = seconds
        self._count = 0
        self._ended = threading.Event()
        self._stream = sys.stderr
        self._thread = threading.Thread(target=self._write, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def advance(self) -> None:
        self._count += 1

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._ended.wait(self._seconds):
            self._stream.write(f"{self._done} {self._count}/{self._total}\n")
            self._stream.flush()
