"""Payloads are built in groups, so that not all results of a dashboard are in memory at once."""

from types import SimpleNamespace
from typing import Any

from shared.precompute.assembly.assembler import group_by_size


def outline(**sizes: int) -> Any:
    results = [SimpleNamespace(fingerprint=name, byte_count=size) for name, size in sizes.items()]
    return SimpleNamespace(results=results)


def test_a_group_ends_where_its_results_are_too_many_bytes_and_counts_shared_ones_once() -> None:
    first, second, third, fourth = outline(a=40, b=5), outline(a=40, c=50), outline(d=10), outline(e=100)
    assert list(group_by_size([first, second, third, fourth], 100)) == [[first, second], [third], [fourth]]


def test_a_payload_that_is_too_large_for_a_group_is_one() -> None:
    large, small = outline(a=500), outline(b=1)
    assert list(group_by_size([small, large, small], 100)) == [[small], [large], [small]]
    assert list(group_by_size([], 100)) == []
