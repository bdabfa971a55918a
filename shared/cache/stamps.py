"""Values with a number: of two writers the one with the higher number stays, whoever comes last.

A stamped value begins with its number, so that the cache can compare without knowing what the value is.
"""

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
