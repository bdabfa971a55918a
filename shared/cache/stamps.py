"""Values with a number: of two writers the one with the higher number stays, whoever comes last.

A stamped value begins with its number, so that the cache can compare without knowing what the value is.

A checksum in front of a small value, so that a damaged one is told from what was written.
"""

import zlib
from collections.abc import Mapping


def stamp_value(number: int, value: bytes) -> bytes:
    """The stored form of `value` under `number`, which is not negative and below 2^53."""
    return b"%d " % number + value


def read_value(stored: bytes) -> bytes:
    """The value without its number."""
    return stored.partition(b" ")[2]


def read_number(stored: bytes) -> int:
    """The number; -1 for a value without one, which gives way to every other."""
    digits = stored.partition(b" ")[0]
    return int(digits) if digits.isdigit() else -1


type StampedItems = Mapping[str, tuple[int, bytes]]
"""Number and value by key."""


def add_checksum(value: bytes) -> bytes:
    """The stored form of `value`: its CRC-32 as eight hexadecimal digits, a space, and the value."""
    return b"%08x " % zlib.crc32(value) + value


def take_checked(stored: bytes) -> bytes:
    """The value. Raises ValueError when it is not what was stored, or was stored without a checksum."""
    digits, _, value = stored.partition(b" ")
    if digits != b"%08x" % zlib.crc32(value):
        raise ValueError("its checksum is not that of its bytes")
    return value
