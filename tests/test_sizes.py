"""Sizes and durations as people write them."""

import pytest

from shared.sizes import parse_bytes, parse_duration_seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [("10 GB", 10**10), ("1.5 GiB", 3 * 2**29), (" 1000 ", 1000), ("0.5kb", 500), ("1 TiB", 2**40)],
)
def test_sizes_are_read(text: str, count: int):
    assert parse_bytes(text) == count


@pytest.mark.parametrize(
    "text",
    ["\uff11\uff10 MB", "\u0663 GB", "10\u00a0MB", "10 \uff2d\uff22", "-1 MB", "1e3", "", "0", "0.1 B"],
)
def test_other_digits_and_letters_are_no_size(text: str):
    with pytest.raises(ValueError, match="size"):
        parse_bytes(text)


@pytest.mark.parametrize("text", ["\uff12\uff14h", "\u0667d", "1H", "", "0s"])
def test_other_digits_and_letters_are_no_duration(text: str):
    with pytest.raises(ValueError, match="duration"):
        parse_duration_seconds(text)
