"""Zstandard answers made of parts compressed at different times."""

import json
import os

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shared.precompute.payload.splice import WINDOW_LOG, compress_blocks, splice_zstd


def unpack(frame: bytes) -> bytes:
    """What a strict decoder reads; it refuses windows beyond what browsers accept, and anything left over."""
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG).decompressobj()
    content = decoder.decompress(frame)
    assert decoder.eof
    assert decoder.unused_data == b""
    return content


def splice(prefix: bytes, fragment: bytes, suffix: bytes) -> bytes:
    blocks, window_log = compress_blocks(fragment)
    return splice_zstd(prefix, blocks, suffix, window_log=window_log)


@given(st.binary(max_size=3000), st.binary(max_size=300), st.binary(max_size=300))
def test_the_parts_are_one_frame(fragment: bytes, prefix: bytes, suffix: bytes) -> None:
    assert unpack(splice(prefix, fragment, suffix)) == prefix + fragment + suffix


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 131_071, 131_073, 400_000])
@pytest.mark.parametrize("kind", ["repeated", "text", "noise"])
def test_every_kind_of_block_survives(kind: str, size: int) -> None:
    fragment = {
        "repeated": b"x" * size,
        "text": (json.dumps(list(range(size // 4 + 1))).encode())[:size],
        "noise": os.urandom(size),
    }[kind]
    assert unpack(splice(b"{" * 2500, fragment, b"}" * 2500)) == b"{" * 2500 + fragment + b"}" * 2500


def test_matches_reach_back_over_the_whole_window_of_a_large_fragment() -> None:
    half = os.urandom(5_000_000)
    assert unpack(splice(b"{", half + half, b"}")) == b"{" + half + half + b"}"


def test_a_fragment_is_smaller_than_it_was() -> None:
    fragment = json.dumps([{"carrier": "UA", "delay": index % 60} for index in range(5000)]).encode()
    assert len(compress_blocks(fragment)[0]) < len(fragment) / 10
