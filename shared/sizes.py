"""Byte sizes, durations, money and times as people write them."""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import overload

TIB = 1024**4

_UNITS = {
    "": 1, "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "PIB": 2**50,
}  # fmt: skip
# Published in the JSON Schema: written so that they mean the same to Python, Rust and an editor's JavaScript.
SIZE_PATTERN = r"^[ \t\r\n]*([0-9]+(?:\.[0-9]+)?)[ \t\r\n]*((?:[KkMmGgTtPp][Ii]?)?[Bb]|)[ \t\r\n]*$"
DURATION_PATTERN = r"^[ \t\r\n]*(?=[0-9])(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?[ \t\r\n]*$"
MAX_BYTES = 2**63 - 1


def parse_bytes(text: str) -> int:
    """Bytes in `text` such as `10 GB` (decimal), `1.5 GiB` (binary) or `1000`.

    Raises ValueError naming what is accepted; a size must be positive and fit BigQuery's INT64.
    """
    match = re.fullmatch(SIZE_PATTERN, text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a size; write bytes or a number with KB, MB, GB, TB, KiB, MiB, GiB or TiB"
        )
    count = int(Decimal(match.group(1)) * _UNITS[match.group(2).upper()])
    if not 0 < count <= MAX_BYTES:
        raise ValueError(f"{text!r} is out of range; a size lies between 1 byte and 9.2 EB")
    return count


def parse_duration_seconds(text: str) -> int:
    """Seconds in `text` such as `24h`, `7d`, `1h30m`. Raises ValueError naming what is accepted."""
    match = re.fullmatch(DURATION_PATTERN, text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write for example 30m, 24h, 7d or 1h30m")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 0 < total <= 10 * 366 * 86400:
        raise ValueError(f"{text!r} is out of range; a duration lies between 1s and ten years")
    return total


@lru_cache(maxsize=8)
def format_seconds(seconds: int) -> str:
    """A whole second since 1970 by RFC 3339 in UTC, without fraction and offset: `2026-01-31T23:59:59`.

    Written for every request: what was formatted last is remembered.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@overload
def dollars(byte_count: int, price_per_tib_usd: Decimal) -> Decimal: ...
@overload
def dollars(byte_count: int | None, price_per_tib_usd: Decimal | None) -> Decimal | None: ...
def dollars(byte_count: int | None, price_per_tib_usd: Decimal | None) -> Decimal | None:
    """Price of `byte_count` billed bytes in US dollars, to a millionth; None for unknown bytes or without a price.

    On-demand analysis is priced per TiB (2**40 bytes), slots are not: https://cloud.google.com/bigquery/pricing.
    """
    if byte_count is None or price_per_tib_usd is None:
        return None
    return (Decimal(byte_count) * price_per_tib_usd / TIB).quantize(Decimal("0.000001"), ROUND_HALF_UP)
