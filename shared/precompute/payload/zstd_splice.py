"""Zstandard answers made of blocks compressed earlier and a few bytes that are new each time.

A frame (RFC 8878) is a header and a sequence of blocks. Raw blocks may stand before and after compressed ones:
they change neither the repeated offsets nor the entropy tables that a compressed block inherits, and matches
reach back by distance only. So the blocks of a fragment move unchanged into any frame whose window is as large.
"""

import struct

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
    return b"".join((header, _store(prefix, last=False), blocks, _store(suffix, last=True)))


def _store(data: bytes, *, last: bool) -> bytes:
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
