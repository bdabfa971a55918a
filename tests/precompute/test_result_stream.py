"""Arrow streams as they are kept."""

import pytest

from shared.precompute.payload.payload import ResultStream


@pytest.mark.parametrize("content", [b"", b"stream", bytes(range(256)) * 1000])
def test_the_stored_form_comes_back_whole(content: bytes) -> None:
    stream = ResultStream.encode(content)
    read = ResultStream.from_bytes(stream.to_bytes())
    assert (read, read.inflate()) == (stream, content)


def test_the_same_content_has_the_same_bytes() -> None:
    assert ResultStream.encode(b"stream").to_bytes() == ResultStream.encode(b"stream").to_bytes()


@pytest.mark.parametrize("stored", [b"", b"{}\nabc", b"[1]\nabc", b"nothing", b'{"slug": "sales"}\n'])
def test_bytes_that_are_no_stored_stream_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        ResultStream.from_bytes(stored)
