"""What a commit of the dashboard store says of the versions in it, so that the index can be read back from Git alone.

The message that was given comes first, then one paragraph of trailers: a version's number and its time to the
microsecond stand nowhere else in a commit. `git log` shows them, and rebasing keeps them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_VERSION = "Almanac-Version"
_SAVED_AT = "Almanac-Saved-At"
_NOTE = re.compile(
    rf"(?P<message>.*)\n\n(?P<versions>(?:{_VERSION}: [a-z][a-z0-9-]*@[1-9][0-9]*\n)+)"
    rf"{_SAVED_AT}: (?P<saved_at>\S+)\n*",
    re.DOTALL,
)


@dataclass(frozen=True)
class VersionNote:
    """Versions that one save made, by slug and number, with the message it was given; it may be empty."""

    versions: tuple[tuple[str, int], ...]
    message: str
    saved_at: datetime

    def write(self) -> str:
        """The commit's message."""
        lines = [f"{_VERSION}: {slug}@{version}" for slug, version in self.versions]
        trailers = "\n".join([*lines, f"{_SAVED_AT}: {self.saved_at.isoformat()}"])
        return f"{self.message or describe_versions(self.versions)}\n\n{trailers}\n"

    @classmethod
    def read(cls, commit_message: str) -> "VersionNote | None":
        """The note in a commit's message; None when it holds none."""
        found = _NOTE.fullmatch(commit_message)
        if found is None:
            return None
        try:
            saved_at = datetime.fromisoformat(found["saved_at"])
        except ValueError:
            return None
        if saved_at.tzinfo is None:
            return None
        named = [line.removeprefix(f"{_VERSION}: ").split("@") for line in found["versions"].splitlines()]
        versions = tuple((slug, int(number)) for slug, number in named)
        message = found["message"]
        return cls(versions, "" if message == describe_versions(versions) else message, saved_at)


def describe_versions(versions: Sequence[tuple[str, int]]) -> str:
    """The message of a save that was given none."""
    return "Save " + ", ".join(f"{slug} version {version}" for slug, version in versions)
