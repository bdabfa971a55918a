"""Answers made of bytes compressed earlier and a few bytes that are new each time.

A DEFLATE stream is a sequence of blocks (RFC 1951). A fragment compressed with a sync flush ends on a byte
boundary and is not final, so stored blocks can stand before and after it, and the whole is one ordinary
single-member gzip stream (RFC 1952) that every client reads. What is left is its CRC-32 over bytes that are
never looked at again: CRC is linear, so appending a fragment of known length and CRC to any prefix is a
multiplication by a 32 x 32 bit matrix that is worked out once, when the fragment is made.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_STORED_BLOCK_LIMIT = 65535
_POLYNOMIAL = 0xEDB88320


@dataclass(frozen=True)
class CompressedFragment:
    """`size` bytes with CRC-32 `crc`, as DEFLATE blocks; `shift` advances a CRC over `size` bytes."""

    deflated: bytes
    size: int
    crc: int
    shift: tuple[int, ...]

    def inflate(self) -> bytes:
        """The original bytes."""
        return zlib.decompressobj(-15).decompress(self.deflated)


def compress_fragment(data: bytes) -> CompressedFragment:
    """Compress once what many answers will carry."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return CompressedFragment(deflated, len(data), zlib.crc32(data), make_crc_shift(len(data)))


def splice_gzip(prefix: bytes, fragment: CompressedFragment, suffix: bytes) -> bytes:
    """`prefix` + the fragment's bytes + `suffix` as one gzip stream, without touching the fragment."""
    crc = _apply(fragment.shift, zlib.crc32(prefix)) ^ fragment.crc
    crc = zlib.crc32(suffix, crc)
    size = (len(prefix) + fragment.size + len(suffix)) & 0xFFFFFFFF
    return b"".join(
        (_GZIP_HEADER, _store(prefix, final=False), fragment.deflated, _store(suffix, final=True),
         struct.pack("<II", crc, size))
    )  # fmt: skip


def make_crc_shift(length: int) -> tuple[int, ...]:
    """The matrix, as 32 columns, that advances a CRC-32 over `length` zero bytes.

    One zero bit is the matrix of the CRC's shift register; squaring it doubles the distance, as in
    zlib's crc32_combine.
    """
    power = (_POLYNOMIAL, *(1 << bit for bit in range(31)))
    result: tuple[int, ...] = tuple(1 << bit for bit in range(32))
    bits = length * 8
    while bits:
        if bits & 1:
            result = tuple(_apply(power, column) for column in result)
        power = tuple(_apply(power, column) for column in power)
        bits >>= 1
    return result


def _apply(matrix: Sequence[int], vector: int) -> int:
    total = 0
    index = 0
    while vector:
        if vector & 1:
            total ^= matrix[index]
        vector >>= 1
        index += 1
    return total


def _store(data: bytes, *, final: bool) -> bytes:
    if len(data) > _STORED_BLOCK_LIMIT:
        raise ValueError(f"a stored block holds at most {_STORED_BLOCK_LIMIT} bytes, not {len(data)}")
    return struct.pack("<BHH", 1 if final else 0, len(data), len(data) ^ 0xFFFF) + data
