"""Stored bytes that are not those that were written are told from them, and never read as something else."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dashboards.definition.head import DashboardHead, HeadParameter
from shared.precompute.payload.cached_blobs import Pointer
from shared.precompute.payload.payload import Payload, ResultStream, open_sealed, seal
from tests.precompute.damage import cut_short, flip_bits, unseal
from tests.precompute.test_splice import make_payload

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
PAYLOAD, STREAM = make_payload(), ResultStream.encode(b"a stream " * 40)
POINTER = Pointer("payloads/sales/3/ab/1", NOW)
HEAD = DashboardHead("sales", 3, (HeadParameter("day", "DATE", "2024-01-01", ["2024-01-01"]),))
FORMS: list[tuple[object, bytes, Callable[[bytes], object]]] = [
    (PAYLOAD, PAYLOAD.to_bytes(), Payload.from_bytes),
    (STREAM, STREAM.to_bytes(), ResultStream.from_bytes),
]
NAMES = ["payload", "stream"]


@pytest.mark.parametrize(("value", "stored", "read"), FORMS, ids=NAMES)
def test_a_flipped_bit_anywhere_never_becomes_another_answer(
    value: object, stored: bytes, read: Callable[[bytes], object]
) -> None:
    refused = 0
    for damaged in flip_bits(stored):
        try:
            # In the seal's own name it makes the form of a release without seals, whose content is compared.
            assert read(damaged) == value
        except ValueError:
            refused += 1
    assert refused >= len(stored) - len('{"seal":"')


@pytest.mark.parametrize(("value", "stored", "read"), FORMS, ids=NAMES)
def test_what_is_cut_short_is_refused(value: object, stored: bytes, read: Callable[[bytes], object]) -> None:
    for damaged in cut_short(stored):
        with pytest.raises(ValueError, match=r"."):
            read(damaged)
    with pytest.raises(ValueError, match="damaged"):
        read(stored + b"\0")


@pytest.mark.parametrize(("value", "stored", "read"), FORMS, ids=NAMES)
def test_the_form_before_seals_is_read_and_its_content_compared(
    value: object, stored: bytes, read: Callable[[bytes], object]
) -> None:
    before = unseal(stored)
    assert read(before) == value
    body = before.index(b"\n") + 1
    for damaged in flip_bits(before[body:]):
        # What does not change the content, such as a bit of gzip's own header, may be read.
        with suppress(ValueError):
            found = read(before[:body] + damaged)
            assert unpack(found) == unpack(value)


def unpack(value: object) -> object:
    return value.fragment.inflate() if isinstance(value, Payload) else value.inflate()  # type: ignore[attr-defined]


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(noise: bytes, with_header: bool) -> None:
    stored = seal({"slug": "sales", "results": {}}, noise) if with_header else noise
    for read in (Payload.from_bytes, ResultStream.from_bytes, Pointer.from_stamped, DashboardHead.from_bytes):
        with suppress(ValueError):
            read(stored)


@pytest.mark.parametrize(
    "stored", [b"[" * 100_000, b"{}", b"[1, 2]", b"null", b'["a", 1, 3]', b'["a", 1, [[1]]]']
)
def test_a_head_of_another_form_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        DashboardHead.from_bytes(stored)


def test_a_header_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ValueError, match="nested"):
        open_sealed(b"[" * 100_000 + b"\n")


def test_a_pointer_is_compared_with_its_checksum() -> None:
    _, stamped = POINTER.stamp(NOW)
    stored = b"1714564800000000 " + stamped
    assert Pointer.from_stamped(stored) == POINTER
    for damaged in flip_bits(stamped):
        with pytest.raises(ValueError, match=r"."):
            Pointer.from_stamped(b"1714564800000000 " + damaged)
    assert DashboardHead.from_bytes(HEAD.to_bytes()) == HEAD
