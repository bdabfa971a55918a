"""Which encoding a client gets."""

import pytest

from shared.api.responses import Encoding, choose_encoding


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Encoding.IDENTITY),
        ("gzip", Encoding.GZIP),
        ("GZIP", Encoding.GZIP),
        ("zstd", Encoding.ZSTD),
        ("gzip, deflate, br, zstd", Encoding.ZSTD),
        ("gzip;q=0.5, zstd;q=0.4", Encoding.GZIP),
        ("zstd;q=0, gzip", Encoding.GZIP),
        ("zstd;q=0, gzip;q=0", Encoding.IDENTITY),
        ("*", Encoding.ZSTD),
        ("*;q=0.1, gzip;q=0.2", Encoding.GZIP),
        ("identity, gzip;q=0.5", Encoding.IDENTITY),
        ("identity;q=0.2, gzip;q=0.5", Encoding.GZIP),
        ("*;q=0", Encoding.IDENTITY),
        ("br", Encoding.IDENTITY),
        ("x-zstd, zstandard", Encoding.IDENTITY),
        ("gzip;q=high", Encoding.IDENTITY),
        (";;,,=", Encoding.IDENTITY),
    ],
)
def test_the_preferred_one_of_ours_and_ours_first_among_equals(header: str, expected: Encoding) -> None:
    assert choose_encoding(header) is expected
