"""Gzip answers made of parts compressed at different times."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.precompute.payload.payload import Payload, PayloadResult, ServedPayload
from shared.precompute.payload.splice import compress_fragment, splice_gzip
from tests.precompute.damage import unseal


@given(st.binary(max_size=3000), st.binary(max_size=300), st.binary(max_size=300))
def test_the_parts_are_one_gzip_member(fragment: bytes, prefix: bytes, suffix: bytes) -> None:
    spliced = splice_gzip(prefix, compress_fragment(fragment), suffix)
    decompressor = zlib.decompressobj(31)
    assert decompressor.decompress(spliced) == prefix + fragment + suffix
    assert decompressor.eof
    assert decompressor.unused_data == b""


def test_a_large_fragment_survives() -> None:
    fragment = json.dumps(list(range(200_000))).encode()
    assert gzip.decompress(splice_gzip(b"{", compress_fragment(fragment), b"}")) == b"{" + fragment + b"}"


def test_a_prefix_beyond_a_stored_block_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 65535"):
        splice_gzip(b"x" * 65536, compress_fragment(b"y"), b"")


NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def make_payload(**changes: object) -> Payload:
    values = {
        "slug": "sales", "version": 3, "as_of": NOW, "content_sha256": "ab" * 32,
        "max_age_seconds": 60, "max_stale_seconds": 600, "has_error": False,
        "results": {"daily": PayloadResult("results/1.arrow", NOW), "never": None},
    } | changes  # fmt: skip
    return Payload.encode(b'"slug":"sales"', **values)


def test_the_stored_form_comes_back_whole() -> None:
    payload = make_payload()
    assert Payload.from_bytes(payload.to_bytes()) == payload


def test_bytes_that_are_no_payload_are_refused() -> None:
    with pytest.raises(ValueError, match="header line"):
        Payload.from_bytes(b"nothing")


def test_a_stored_form_without_zstandard_blocks_is_refused() -> None:
    header = unseal(make_payload().to_bytes()).replace(b'"zstd_window_log"', b'"another"')
    with pytest.raises(ValueError, match="zstd_window_log"):
        Payload.from_bytes(header)


def test_age_counts_from_as_of_and_staleness_from_the_last_check() -> None:
    payload = ServedPayload(make_payload(as_of=NOW - timedelta(hours=5)), NOW)
    assert not payload.is_stale(NOW + timedelta(seconds=60))
    assert payload.is_stale(NOW + timedelta(seconds=61))
    assert not payload.is_expired(NOW + timedelta(seconds=600))
    assert payload.is_expired(NOW + timedelta(seconds=601))
    assert b'"age_seconds":18000' in payload.describe_age(NOW)


def test_a_failing_refresh_makes_it_stale_at_once() -> None:
    assert ServedPayload(make_payload(has_error=True), NOW).is_stale(NOW)


def test_the_etag_is_of_the_content_alone() -> None:
    assert make_payload().etag == make_payload(has_error=True).etag
    assert make_payload().etag != make_payload(content_sha256="cd" * 32).etag


def test_what_the_release_before_stored_is_read() -> None:
    """Its header has the time of the last check, which is in the payload's row by now."""
    stored = make_payload().to_bytes()
    assert b'"checked_at"' in stored.partition(b"\n")[0]
    assert Payload.from_bytes(stored).as_of == NOW
