"""Stored bytes as a fault leaves them, and as the release before seals wrote them."""

import re
from collections.abc import Iterator


def unseal(stored: bytes) -> bytes:
    """The same without its seal."""
    unsealed = re.sub(rb'^\{"seal":"[^"]*",', b"{", stored, count=1)
    assert unsealed != stored
    return unsealed


def flip_bits(stored: bytes, every: int = 1) -> Iterator[bytes]:
    """One bit of each byte flipped, a different one from byte to byte."""
    for at in range(0, len(stored), every):
        yield stored[:at] + bytes((stored[at] ^ 1 << at % 8,)) + stored[at + 1 :]


def cut_short(stored: bytes) -> Iterator[bytes]:
    """Every beginning of it."""
    for length in range(len(stored)):
        yield stored[:length]
