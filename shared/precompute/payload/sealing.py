"""The stored form of what is served: a header of JSON, a line break, and bytes, under one length and checksum.

The seal is the header's first member, of no meaning to a release that knows none, so that going back to one finds
what was written meanwhile. It covers every byte behind it, the rest of the header included.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SEAL = re.compile(rb'\{"seal":"([0-9a-f]{8}) ([0-9]{1,15})",')


@dataclass(frozen=True, slots=True)
class Opened:
    """Header and body; `is_sealed` is False for what was stored before there were seals, and is not checked yet."""

    header: Mapping[str, Any]
    body: bytes
    is_sealed: bool


def seal(header: Mapping[str, object], body: bytes) -> bytes:
    """The stored form. `header` has at least one member."""
    line = json.dumps(header, separators=(",", ":")).encode()
    rest = b"".join((line[1:], b"\n", body))
    return b'{"seal":"%08x %d",' % (zlib.crc32(rest), len(rest)) + rest


def open_sealed(stored: bytes) -> Opened:
    """Read the stored form. Raises ValueError when it is not one, or not the one that was stored."""
    found = _SEAL.match(stored)
    if found:
        rest = memoryview(stored)[found.end() :]
        if (zlib.crc32(rest), len(rest)) != (int(found[1], 16), int(found[2])):
            raise ValueError("damaged: its length or checksum is not that of its bytes")
    line, separator, body = stored.partition(b"\n")
    if not separator:
        raise ValueError("not a stored form: the header line is missing")
    try:
        header = json.loads(line)
    except RecursionError as error:
        raise ValueError("not a stored form: the header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("not a stored form: the header is no object")
    return Opened(header, body, found is not None)
