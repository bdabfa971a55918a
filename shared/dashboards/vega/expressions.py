"""What a Vega expression says, read by Vega's own grammar. Nothing of it is run.

The scripts are built from `functions/viewer/web/src/expressions` with the pages, by `make web`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared.dashboards.vega.javascript import Script, ScriptLimitError

MOST_CHARACTERS = 10_000
"""As long as an expression may be: far more than anybody writes, and read in a tenth of a second at worst."""

_READING = Script("reading")
_PATTERNS = Script("patterns")


@dataclass(frozen=True)
class Found:
    """Something at offsets `start` to `end` of an expression."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class FoundField:
    """A field of `datum`; `name` is None where only the data can tell which, and where it is the whole row."""

    name: str | None
    start: int
    end: int


@dataclass(frozen=True)
class FoundCount:
    """A call of `name` that makes `count` things, whatever the data."""

    name: str
    count: float
    start: int
    end: int


@dataclass(frozen=True)
class FoundPattern:
    """A regular expression, written as one or as text; `pattern` is None where only data or a reader can tell which."""

    pattern: str | None
    flags: str
    start: int
    end: int


@dataclass(frozen=True)
class FoundFormat:
    """A format, written as text, of what `kind` says: `number` or `time`."""

    kind: str
    format: str
    start: int
    end: int


@dataclass(frozen=True)
class ExpressionReading:
    """What an expression calls and reads, in the order of the text; all of it is empty where it does not parse.

    `error` is what Vega says of it. `signals` are the names that are neither a row nor a constant.
    """

    error: Found | None = None
    calls: tuple[Found, ...] = ()
    signals: tuple[Found, ...] = ()
    fields: tuple[FoundField, ...] = ()
    counts: tuple[FoundCount, ...] = ()
    patterns: tuple[FoundPattern, ...] = ()
    formats: tuple[FoundFormat, ...] = ()


@lru_cache(maxsize=2_000)
def read_expression(text: str) -> ExpressionReading:
    """Read an expression; never raises on what it says."""
    if len(text) > MOST_CHARACTERS:
        message = f"it is longer than {MOST_CHARACTERS} characters"
        return ExpressionReading(error=Found(message, 0, len(text)))
    try:
        answer = _READING.call("readExpression", text)
    except ScriptLimitError:
        return ExpressionReading(error=Found("it nests deeper than can be read", 0, len(text)))
    offsets = _Offsets(text)
    error = answer["error"]
    return ExpressionReading(
        error=Found(_word(error["message"]), *offsets.read(error)) if error else None,
        calls=tuple(Found(one["name"], *offsets.read(one)) for one in answer["calls"]),
        signals=tuple(Found(one["name"], *offsets.read(one)) for one in answer["signals"]),
        fields=tuple(FoundField(one["name"], *offsets.read(one)) for one in answer["fields"]),
        counts=tuple(
            FoundCount(one["name"], float(one["count"]), *offsets.read(one)) for one in answer["counts"]
        ),
        patterns=tuple(
            FoundPattern(one["pattern"], one["flags"], *offsets.read(one)) for one in answer["patterns"]
        ),
        formats=tuple(
            FoundFormat(one["kind"], one["format"], *offsets.read(one)) for one in answer["formats"]
        ),
    )


@lru_cache(maxsize=1)
def list_functions() -> tuple[str, ...]:
    """The functions of Vega's expressions, by name."""
    return tuple(_READING.call("listFunctions"))


@dataclass(frozen=True)
class SelectorReading:
    """What is wrong with a name of events, empty when nothing is, and where they come from: `view`, `window`, …"""

    error: str
    sources: tuple[str, ...] = ()


@lru_cache(maxsize=2_000)
def read_selector(text: str) -> SelectorReading:
    """Read the name of an event stream, such as `click[event.shiftKey]`; never raises on what it says."""
    try:
        answer = _READING.call("readSelector", text[:MOST_CHARACTERS])
    except ScriptLimitError:
        return SelectorReading("it nests deeper than can be read")
    return SelectorReading(answer["error"], tuple(answer["sources"]))


@lru_cache(maxsize=500)
def explain_slow(pattern: str, flags: str) -> str:
    """Why a regular expression may take longer than anybody waits; empty when it does not."""
    try:
        return str(_PATTERNS.call("explainSlow", pattern, flags))
    except ScriptLimitError:
        return "it is too long a pattern to tell how long it takes"


def _word(message: str) -> str:
    """As a part of a sentence."""
    return "it nests deeper than can be read" if "call stack" in message else message.rstrip(".")


class _Offsets:
    """JavaScript counts UTF-16 units, Python code points."""

    def __init__(self, text: str) -> None:
        self._units: list[int] | None = None
        if any(ord(character) > 0xFFFF for character in text):
            self._units = [at for at, one in enumerate(text) for _ in range(1 + (ord(one) > 0xFFFF))]
            self._units.append(len(text))

    def read(self, place: dict[str, Any]) -> tuple[int, int]:
        start, end = int(place["start"]), int(place["end"])
        return (start, end) if self._units is None else (self._units[start], self._units[end])
