"""Which of the encodings we have a client prefers (RFC 9110, section 12.5.3)."""

from enum import StrEnum
from functools import lru_cache

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header


class Encoding(StrEnum):
    """A content coding; the earlier one wins where the client likes two alike."""

    ZSTD = "zstd"
    GZIP = "gzip"
    IDENTITY = "identity"


@lru_cache(maxsize=256)
def choose_encoding(header: str) -> Encoding:
    """The encoding for an Accept-Encoding header, "" for none.

    Identity also where the client refuses everything we have: an answer it may not read says more than none.
    """
    accepted = parse_accept_header(header, Accept)
    weights = {one: _weigh(accepted, one) for one in (Encoding.ZSTD, Encoding.GZIP)}
    weights[Encoding.IDENTITY] = _weigh_identity(accepted)
    best = max(weights.values())
    return next(one for one, weight in weights.items() if weight == best) if best else Encoding.IDENTITY


def _weigh(accepted: Accept, encoding: Encoding) -> float:
    named = [q for value, q in accepted if value.lower() == encoding]
    return named[0] if named else next((q for value, q in accepted if value == "*"), 0)


def _weigh_identity(accepted: Accept) -> float:
    """What is not named at all is acceptable, but less than anything that is."""
    named = [q for value, q in accepted if value.lower() in {Encoding.IDENTITY, "*"}]
    return named[0] if named else 0.0001
