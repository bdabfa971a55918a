"""A checksum in front of a small value, so that a damaged one is told from what was written."""

import zlib


def add_checksum(value: bytes) -> bytes:
    """The stored form of `value`: its CRC-32 as eight hexadecimal digits, a space, and the value."""
    return b"%08x " % zlib.crc32(value) + value


def take_checked(stored: bytes) -> bytes:
    """The value. Raises ValueError when it is not what was stored, or was stored without a checksum."""
    digits, _, value = stored.partition(b" ")
    if digits != b"%08x" % zlib.crc32(value):
        raise ValueError("its checksum is not that of its bytes")
    return value
