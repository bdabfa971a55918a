"""Answers made of bytes compressed earlier and a few bytes that are new each time, as gzip and as Zstandard.

A DEFLATE stream is a sequence of blocks (RFC 1951). A fragment compressed with a sync flush ends on a byte
boundary and is not final, so stored blocks can stand before and after it, and the whole is one ordinary
single-member gzip stream (RFC 1952) that every client reads. What is left is its CRC-32 over bytes that are
never looked at again: CRC is linear, so appending a fragment of known length and CRC to any prefix is a
multiplication by a 32 x 32 bit matrix that is worked out once, when the fragment is made.

A Zstandard frame (RFC 8878) is a header and a sequence of blocks. Raw blocks may stand before and after compressed
ones: they change neither the repeated offsets nor the entropy tables that a compressed block inherits, and matches
reach back by distance only. So the blocks of a fragment move unchanged into any frame whose window is as large.
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

    def try_inflate(self) -> bytes | None:
        """The original bytes; None when these cannot be unpacked."""
        return try_inflate(self.deflated, -15)


def compress_fragment(data: bytes) -> CompressedFragment:
    """Compress once what many answers will carry."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return CompressedFragment(deflated, len(data), zlib.crc32(data), make_crc_shift(len(data)))


def try_inflate(deflated: bytes, window_bits: int) -> bytes | None:
    """The bytes of a DEFLATE stream in the format of `window_bits` (zlib's); None when they cannot be unpacked."""
    try:
        return zlib.decompressobj(window_bits).decompress(deflated)
    except zlib.error:
        return None


def splice_gzip(prefix: bytes, fragment: CompressedFragment, suffix: bytes) -> bytes:
    """`prefix` + the fragment's bytes + `suffix` as one gzip stream, without touching the fragment."""
    crc = _apply(fragment.shift, zlib.crc32(prefix)) ^ fragment.crc
    crc = zlib.crc32(suffix, crc)
    size = (len(prefix) + fragment.size + len(suffix)) & 0xFFFFFFFF
    return b"".join(
        (_GZIP_HEADER, _store_block(prefix, final=False), fragment.deflated, _store_block(suffix, final=True),
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


def _store_block(data: bytes, *, final: bool) -> bytes:
    if len(data) > _STORED_BLOCK_LIMIT:
        raise ValueError(f"a stored block holds at most {_STORED_BLOCK_LIMIT} bytes, not {len(data)}")
    return struct.pack("<BHH", 1 if final else 0, len(data), len(data) ^ 0xFFFF) + data


WINDOW_LOG = 23
"""8 MiB, the largest window that browsers accept (RFC 9659)."""

_MAGIC = b"\x28\xb5\x2f\xfd"
_LEVEL = 12
_MIN_WINDOW_LOG = 10
_MAX_RAW_BYTES = 1024
"""No block may be larger than the window, and the smallest window is this."""


def compress_blocks(data: bytes) -> tuple[bytes, int]:
    """The blocks of `data` with none marked as the last, and the logarithm of the window they need."""
    import zstandard

    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL,
        source_size=len(data),
        write_content_size=False,
        write_checksum=False,
        write_dict_id=False,
    )
    if parameters.window_log > WINDOW_LOG:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _LEVEL, window_log=WINDOW_LOG, write_content_size=False, write_checksum=False, write_dict_id=False
        )
    frame = zstandard.ZstdCompressor(compression_params=parameters).compress(data)
    return _open_last_block(frame[_measure_header(frame) :]), parameters.window_log


def splice_zstd(prefix: bytes, blocks: bytes, suffix: bytes, *, window_log: int) -> bytes:
    """`prefix` + what `blocks` hold + `suffix` as one frame."""
    # The exponent is counted from a window of 1 KiB; no checksum, no content size, no dictionary.
    header = _MAGIC + bytes((0, (window_log - _MIN_WINDOW_LOG) << 3))
    return b"".join((header, _store_blocks(prefix, last=False), blocks, _store_blocks(suffix, last=True)))


def try_read_zstd(frame: bytes) -> bytes | None:
    """The content of a frame of ours; None when it cannot be unpacked."""
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(frame)
    except zstandard.ZstdError:
        return None


def _store_blocks(data: bytes, *, last: bool) -> bytes:
    pieces = [data[at : at + _MAX_RAW_BYTES] for at in range(0, len(data), _MAX_RAW_BYTES)] or [b""]
    return b"".join(
        _make_block_header(len(piece), last=last and index == len(pieces) - 1) + piece
        for index, piece in enumerate(pieces)
    )


def _make_block_header(size: int, *, last: bool) -> bytes:
    return struct.pack("<I", size << 3 | last)[:3]


def _measure_header(frame: bytes) -> int:
    descriptor = frame[4]
    if frame[:4] != _MAGIC or descriptor:
        raise ValueError(f"the frame's descriptor is {descriptor:#x}; expected is a window and nothing else")
    return 6


def _open_last_block(blocks: bytes) -> bytes:
    """`blocks` without the mark of the last one."""
    at = 0
    while True:
        header = int.from_bytes(blocks[at : at + 3], "little")
        if header & 1:
            return blocks[:at] + (header & ~1).to_bytes(3, "little") + blocks[at + 3 :]
        # Type 1 repeats a single byte; the others have as many bytes as their size says.
        at += 3 + (1 if header >> 1 & 3 == 1 else header >> 3)
